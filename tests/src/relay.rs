//! A relay between the functions and their table. It receives every call, and may pass it on or not.

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::response::Response;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use postern::environment::Environment;
use tokio::net::{TcpListener, TcpStream};

use crate::deployment::Deployment;

const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// A deployment whose calls to the table go to a router, with settings changed. The router is made from the table's
/// address.
pub async fn deployment(
    router: impl FnOnce(String) -> Router,
    change: impl FnOnce(Environment) -> Environment,
) -> Deployment {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let deployment = Deployment::start_with(|env| {
        let router = router(env.optional(ENDPOINT).unwrap().trim_start_matches("http://").to_owned());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        change(env.with(ENDPOINT, endpoint))
    });
    deployment.await
}

/// Passes a call on to the table.
pub async fn pass(table: &str, parts: Parts, body: Bytes) -> Response {
    let stream = TcpStream::connect(table).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::from_parts(parts, Full::new(body));
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(parts, Body::from(body.collect().await.unwrap().to_bytes()))
}
