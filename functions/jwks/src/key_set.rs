//! `GET /.well-known/jwks.json`: the public keys.

use lambda_http::http::StatusCode;
use postern::http::{self, Response};
use postern::token::{KeySet, PublicKey};
use serde::Serialize;

/// A JWK Set (RFC 7517 §5).
#[derive(Serialize)]
struct Jwks<'a> {
    keys: Vec<PublicKey<'a>>,
}

/// Shows the public halves of the signing keys.
pub(super) fn handle(keys: &KeySet) -> Response {
    http::json(StatusCode::OK, &Jwks { keys: keys.public_keys() })
}
