//! One invocation: the event that Lambda hands over, and the reply as it is encoded.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::Uri;
use lambda_http::http::header;
use lambda_http::lambda_runtime::{LambdaEvent, service_fn};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, IntoResponse, Request, Service};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tracing::Instrument;

use super::reply::Response;

/// What API Gateway takes of a request line and headers together, in bytes.
const MAX_HEAD_BYTES: usize = 10 * 1024;

/// What Lambda handed over is no event of API Gateway. The error says nothing of what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the event is no request of an API Gateway HTTP API (payload format 2.0); nothing was done")]
pub struct NotAnEvent;

/// One invocation, exactly as Lambda makes it: the event is decoded, handled, and the reply encoded.
///
/// # Errors
/// If it is no event of API Gateway's (payload format 2.0).
pub async fn invoke<H, F>(
    handle: H,
    event: LambdaEvent<Value>,
) -> Result<impl Serialize + use<H, F>, NotAnEvent>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Response> + Send,
{
    let LambdaEvent { payload, context } = event;
    // lambda_http panics on what API Gateway cannot send, too: on more header names than its map has room for, and
    // below on a body that is called base64 and is not.
    if payload["headers"].as_object().is_some_and(|headers| headers.len() > MAX_HEAD_BYTES) {
        return Err(NotAnEvent);
    }
    // Decoded here and not by the runtime, which logs what it cannot decode: headers, and tokens with them.
    let mut event: ApiGatewayV2httpRequest = serde_json::from_value(payload).map_err(|_| NotAnEvent)?;
    let body = event.body.as_deref().unwrap_or_default();
    if event.is_base64_encoded && STANDARD.decode(body).is_err() {
        return Err(NotAnEvent);
    }
    // lambda_http makes a URI out of these and panics where they make none, or one of more than 64 KiB, and callers
    // write most of them. Nobody here reads that URI: the path and the query have extensions of their own.
    event.headers.remove(header::HOST);
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    event.raw_path = event.raw_path.filter(|path| path.starts_with('/') && path.len() <= MAX_HEAD_BYTES);
    let query = event.raw_query_string.as_deref().unwrap_or_default();
    if query.len() > MAX_HEAD_BYTES || format!("/?{query}").parse::<Uri>().is_err() {
        event.raw_query_string = None;
    }
    // Whatever is logged meanwhile can be found by the id that the caller got.
    let span = tracing::error_span!("request", request_id = event.request_context.request_id);
    let service = service_fn(|request| {
        let reply = handle(request).instrument(span.clone());
        async move { Ok::<_, Infallible>(Reply(reply.await)) }
    });
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(event), context);
    match Adapter::from(service).call(event).await {
        Ok(reply) => Ok(reply),
    }
}

/// A reply whose body is what it shall be: lambda_http would look for its character set, with tables for 40 of them.
struct Reply(Response);

impl IntoResponse for Reply {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(ready(self.0))
    }
}
