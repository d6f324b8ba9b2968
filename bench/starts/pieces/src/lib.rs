//! An empty function that does one thing before it asks for its first event: the one that its argument names.
//!
//! All are in one binary, so that two of them differ by what is run and not by what is linked.

mod table;
mod tls;

use std::any::Any;
use std::convert::Infallible;

use lambda_http::{Error, Request, Response, service_fn};
use rustls::crypto::{aws_lc_rs, ring};
use tokio::runtime::Builder;

/// Does what the argument names, and is an empty function from then on.
///
/// # Errors
/// If that cannot be done, or the argument names nothing.
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
