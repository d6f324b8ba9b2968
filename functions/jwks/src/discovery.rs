//! `GET /.well-known/openid-configuration`: where a verifier that knows only the issuer finds the keys.
//!
//! The document has the members of RFC 8414 §2 and of OpenID Connect Discovery 1.0 §3 that are true of Postern.
//! There is no authorization endpoint, and there are no ID tokens.

use lambda_http::http::StatusCode;
use postern::http::{self, Response};
use postern::token::PublicKeySet;
use serde::Serialize;

use crate::{KEY_SET, Settings};

/// The routes of account, as its clients write them.
const TOKEN: &str = "/oauth/token/";
const REVOKE_TOKEN: &str = "/oauth/revoke_token/";

#[derive(Serialize)]
struct Metadata<'a, A> {
    issuer: &'a str,
    jwks_uri: String,
    #[serde(flatten)]
    oauth: Option<Oauth>,
    /// Required by both, so it is there although it is empty: no request gets a token by a response type.
    response_types_supported: [&'static str; 0],
    /// Without it, the default would be the grants of an authorization endpoint.
    grant_types_supported: &'static [&'static str],
    /// Every client sees the same id of a user.
    subject_types_supported: [&'static str; 1],
    /// Required by OpenID Connect. Verifiers read in it by which algorithms JWTs of this issuer are signed.
    id_token_signing_alg_values_supported: Vec<A>,
}

/// The endpoints of account. The methods are there because their default would be a client secret.
#[derive(Serialize)]
struct Oauth {
    token_endpoint: String,
    token_endpoint_auth_methods_supported: [&'static str; 1],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 1],
}

/// Shows the metadata of this issuer.
pub(super) fn handle(settings: &Settings, issuer: &str, keys: &PublicKeySet) -> Response {
    let at = |path: &str| format!("{issuer}{path}");
    // These endpoints issue and end account's tokens, so they belong to the issuer of those.
    let is_accounts = settings.account_issuer.as_deref() == Some(issuer);
    let oauth = is_accounts.then(|| Oauth {
        token_endpoint: at(TOKEN),
        token_endpoint_auth_methods_supported: ["none"],
        revocation_endpoint: at(REVOKE_TOKEN),
        revocation_endpoint_auth_methods_supported: ["none"],
    });
    let grants: &[_] = match (&oauth, settings.account_password_grant) {
        (None, _) => &[],
        (Some(_), false) => &["refresh_token"],
        (Some(_), true) => &["password", "refresh_token"],
    };
    let metadata = Metadata {
        issuer,
        jwks_uri: at(KEY_SET),
        grant_types_supported: grants,
        oauth,
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: keys.public_algorithms(),
    };
    http::json(StatusCode::OK, &metadata)
}
