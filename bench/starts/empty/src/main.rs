//! The smallest possible function.

use std::convert::Infallible;

use lambda_http::{Error, Request, Response, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(reply)).await
}

async fn reply(_: Request) -> Result<Response<String>, Infallible> {
    Ok(Response::new("{}".to_owned()))
}
