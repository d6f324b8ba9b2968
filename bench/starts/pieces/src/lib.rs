//! An empty function that does one step before it asks for its first event. Its argument names the step.
//!
//! All steps are in one binary, so that two of them differ in the code that runs and not in the code that is
//! linked.

mod table;
mod tls;

use std::any::Any;
use std::convert::Infallible;

use lambda_http::{Error, Request, Response, service_fn};
use rustls::crypto::{aws_lc_rs, ring};
use tokio::runtime::Builder;

/// Does the step that the argument names, and then runs as an empty function.
///
/// # Errors
/// If the step fails, or the argument names no step.
pub fn main() -> Result<(), Error> {
    let piece = std::env::args().nth(1).ok_or("the argument is the name of a piece")?;
    let mut runtime =
        if piece == "threads" { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    runtime.enable_all().build()?.block_on(async {
        let _kept = start(&piece).await?;
        lambda_http::run(service_fn(reply)).await
    })
}

async fn start(piece: &str) -> Result<Box<dyn Any>, Error> {
    Ok(match piece {
        "nothing" | "threads" => Box::new(()),
        "logging" => Box::new(tracing_subscriber::fmt().json().flatten_event(true).with_target(false).init()),
        "few-roots" => Box::new(tls::config(ring::default_provider(), tls::few_roots()?)?),
        "all-roots" => Box::new(tls::config(ring::default_provider(), tls::all_roots())?),
        "handshake" => Box::new(tls::connect(ring::default_provider()).await?),
        "handshake-aws-lc" => Box::new(tls::connect(aws_lc_rs::default_provider()).await?),
        "client" => Box::new(table::client()?),
        "load-defaults" => Box::new(table::client_by_defaults().await?),
        "get-item" => Box::new(table::get_item().await?),
        _ => return Err("there is no such piece".into()),
    })
}

async fn reply(_: Request) -> Result<Response<String>, Infallible> {
    Ok(Response::new("{}".to_owned()))
}
