//! `GET /.well-known/jwks.json`: the public keys.

use lambda_http::http::StatusCode;
use postern::http::{self, Response};
use postern::token::PublicKeySet;

/// Shows the public halves of the signing keys.
pub(super) fn handle(keys: &PublicKeySet) -> Response {
    http::json(StatusCode::OK, keys)
}
