//! The key set: with which keys do others verify our tokens? (`GET /.well-known/jwks.json`)
//!
//! A JWK Set (RFC 7517) of the public halves of the signing keys. There is none of an HS256 key, so a ring of those
//! alone is an empty set. Anybody may ask, and no table is.

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

/// A new key must be in every cache before it signs: `postern keys rotate` waits for these five minutes, too.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

#[derive(Serialize)]
struct KeySet<'a> {
    keys: Vec<PublicKey<'a>>,
}

/// Answers a request that comes at this time.
pub async fn handle(keys: &Keys, now: Timestamp, request: Request) -> Response {
    let caller = http::caller_at(now, "jwks", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(KEY_SET) => key_set(keys, now).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn key_set(keys: &Keys, now: Timestamp) -> Response {
    keys.read_again_if_old(now).await;
    let mut reply = http::json(StatusCode::OK, &KeySet { keys: keys.current().public_keys() });
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, CACHING);
    // API Gateway adds CORS headers for browsers alone, and a cache must not give them a reply without.
    headers.insert(VARY, HeaderValue::from_static("origin"));
    reply
}
