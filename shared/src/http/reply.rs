//! Replies.

use lambda_http::Body;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{self, HeaderName, HeaderValue};
use serde::Serialize;

use crate::audit::Caller;
use crate::refusal::Refusal;

/// A reply.
pub type Response = lambda_http::Response<Body>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes a JSON reply that caches must not store.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, text) = match serde_json::to_string(body) {
        Ok(text) => (status, text),
        Err(error) => {
            tracing::error!(cause = %error, "a reply is no JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned())
        }
    };
    let mut reply = reply(status, Body::Text(text));
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
    reply
}

/// Makes a successful reply without a body (RFC 9110 §15.3.5).
pub fn no_content() -> Response {
    reply(StatusCode::NO_CONTENT, Body::Empty)
}

/// Makes a reply that caches must not store.
fn reply(status: StatusCode, body: Body) -> Response {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// Makes a successful JSON reply that holds a token (RFC 6749 §5.1).
pub fn token_json(body: &impl Serialize) -> Response {
    let mut reply = json(StatusCode::OK, body);
    reply.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    reply
}

/// Makes the JSON reply to a refusal, with `Retry-After` if waiting helps.
pub fn refusal_json(status: StatusCode, refusal: &Refusal, body: &impl Serialize) -> Response {
    let mut reply = json(status, body);
    if let Some(seconds) = refusal.retry_after() {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// Adds the challenge of a 401 (RFC 6750 §3). It says whether a token was sent.
pub fn with_challenge(mut reply: Response, sent: bool) -> Response {
    let challenge = if sent { "Bearer error=\"invalid_token\"" } else { "Bearer" };
    reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    reply
}

/// Adds the id of the request to the reply.
pub fn with_request_id(reply: Response, caller: &Caller) -> Response {
    set_request_id(reply, &caller.request_id)
}

/// Adds this id of a request to the reply.
pub(super) fn set_request_id(mut reply: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        reply.headers_mut().insert(REQUEST_ID, id);
    }
    reply
}
