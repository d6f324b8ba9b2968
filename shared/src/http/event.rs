//! One invocation: decodes the event from Lambda, and encodes the reply.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::Either;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::Uri;
use lambda_http::http::header;
use lambda_http::lambda_runtime::{LambdaEvent, service_fn};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, IntoResponse, Request, Service};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;
use tracing::Instrument;

use super::edge::{Edge, forbidden};
use super::reply::Response;

/// The most bytes that API Gateway accepts for the request line and the headers together.
const MAX_HEAD_BYTES: usize = 10 * 1024;

/// The event is not one of API Gateway. The error shows nothing of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the event is no request of an API Gateway HTTP API (payload format 2.0); nothing was done")]
pub struct NotAnEvent;

/// Handles one invocation as Lambda makes it: decodes the event, handles the request, and encodes the reply. A
/// request that did not come through the edge is refused before it is handled.
///
/// # Errors
/// If the event is not a request of an API Gateway HTTP API (payload format 2.0).
pub async fn invoke<H, F>(
    edge: &Edge,
    handle: H,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<impl Serialize + use<H, F>, NotAnEvent>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Response> + Send,
{
    let LambdaEvent { payload, context } = event;
    // lambda_http panics on two kinds of events that API Gateway never sends: those with more header names
    // than its map can hold, and those with a body that is marked as base64 and is not. The checks here
    // refuse both.
    if has_too_many_headers(payload.get()) {
        return Err(NotAnEvent);
    }
    // The event is decoded here and not by the runtime. If the runtime cannot decode an event, it logs it,
    // with the tokens in its headers.
    let mut event: ApiGatewayV2httpRequest = serde_json::from_str(payload.get()).map_err(|_| NotAnEvent)?;
    let body = event.body.as_deref().unwrap_or_default();
    if event.is_base64_encoded && STANDARD.decode(body).is_err() {
        return Err(NotAnEvent);
    }
    // lambda_http builds a URI from these values. A caller chooses most of them. lambda_http panics if they
    // make no URI, or one of more than 64 KiB. Postern does not read that URI: the path and the query are in
    // extensions of the request.
    event.headers.remove(header::HOST);
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    event.raw_path = path(&event).filter(|path| path.starts_with('/') && path.len() <= MAX_HEAD_BYTES);
    let query = event.raw_query_string.as_deref().unwrap_or_default();
    if query.len() > MAX_HEAD_BYTES || format!("/?{query}").parse::<Uri>().is_err() {
        event.raw_query_string = None;
    }
    // Every log line of the request has the id that the reply shows.
    let id = event.request_context.request_id.clone().unwrap_or_default();
    let span = tracing::error_span!("request", request_id = event.request_context.request_id);
    let admitted = span.in_scope(|| edge.admit(&mut event));
    let service = service_fn(|request| {
        let reply = if admitted {
            Either::Left(handle(request).instrument(span.clone()))
        } else {
            Either::Right(ready(forbidden(&id)))
        };
        async move { Ok::<_, Infallible>(Reply(reply.await)) }
    });
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(event), context);
    match Adapter::from(service).call(event).await {
        Ok(reply) => Ok(reply),
    }
}

/// Returns whether an event has more than `MAX_HEAD_BYTES` headers. A header takes at least six bytes, so a
/// shorter event is not decoded for it.
fn has_too_many_headers(event: &str) -> bool {
    const SHORTEST: &str = r#""":"","#;
    event.len() > MAX_HEAD_BYTES * SHORTEST.len()
        // API Gateway sends no event that `Value` cannot hold. The typed decoding ignores more than `Value` does.
        && serde_json::from_str::<Value>(event).map_or(true, |event| {
            event["headers"].as_object().is_some_and(|headers| headers.len() > MAX_HEAD_BYTES)
        })
}

/// Returns the path of a request as the routes name it.
///
/// Behind a custom domain with a base path, and at a stage with a name, `rawPath` begins with the base path or
/// the name. So the path is made of the route that API Gateway chose, and of the values of its path variables.
/// A caller chooses these values and not the route. So the path is always one that the route matches. If the
/// route is `$default`, or if there is none, the path is `rawPath`.
fn path(event: &ApiGatewayV2httpRequest) -> Option<String> {
    let Some((_, route)) = event.route_key.as_deref().and_then(|key| key.split_once(' ')) else {
        return event.raw_path.clone();
    };
    let segments = route.split('/').map(|segment| {
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            None => Some(segment),
            Some(name) => {
                event.path_parameters.get(name.strip_suffix('+').unwrap_or(name)).map(String::as_str)
            }
        }
    });
    Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
}

/// A reply that is encoded as it is. By default lambda_http would detect its character set, with tables for
/// 40 character sets.
struct Reply(Response);

impl IntoResponse for Reply {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(ready(self.0))
    }
}
