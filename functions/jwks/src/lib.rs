//! The key set, `GET /.well-known/jwks.json`: the keys with which others verify Postern's tokens.
//!
//! It is a JWK Set (RFC 7517) of the public halves of the signing keys. An HS256 key has no public half, so
//! the set is empty if all keys are HS256. The route is public, and the function has no table.

use lambda_http::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use lambda_http::http::{Method, StatusCode};
use postern::clock::Timestamp;
use postern::http::{self, Request, Response};
use postern::token::Keys;
use postern::token::PublicKey;
use serde::Serialize;

const KEY_SET: &str = "/.well-known/jwks.json";
/// The routes of this function, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::GET, KEY_SET)];

/// How long caches may keep the reply. A new key must be in every cache before it signs, so `postern keys
/// rotate` waits for these five minutes.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<PublicKey<'a>>,
}

/// Handles a request at this time.
pub async fn handle(keys: &Keys, now: Timestamp, request: Request) -> Response {
    let caller = http::caller_at(now, "jwks", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(KEY_SET) => key_set(keys, now).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn key_set(keys: &Keys, now: Timestamp) -> Response {
    keys.reload_if_old(now).await;
    let mut reply = http::json(StatusCode::OK, &KeySet { keys: keys.current().public_keys() });
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, CACHING);
    // API Gateway adds CORS headers only if the request has an origin. So a cache must not use one reply for
    // both kinds of requests.
    headers.insert(VARY, HeaderValue::from_static("origin"));
    reply
}
