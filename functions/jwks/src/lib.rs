//! The key set and the discovery document: with them others verify Postern's tokens.
//!
//! | route | file |
//! |---|---|
//! | `GET /.well-known/jwks.json`: the public keys (RFC 7517) | `key_set.rs` |
//! | `GET /.well-known/openid-configuration`: the metadata of the issuer, if one is set (RFC 8414) | `discovery.rs` |
//!
//! An HS256 key has no public half, so the set is empty if all keys are HS256. The routes are public. So the
//! function has neither the table nor the signing keys: it reads the public keys from a secret of their own.

mod discovery;
mod key_set;

use lambda_http::http::Method;
use lambda_http::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use postern::clock::Timestamp;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::token::PublicKeys;

const KEY_SET: &str = "/.well-known/jwks.json";
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The routes of this function, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::GET, KEY_SET), (Method::GET, DISCOVERY)];
/// The routes if no issuer is set.
const WITHOUT_ISSUER: &[(Method, &str)] = &[(Method::GET, KEY_SET)];

/// How long caches may keep the reply. A new key must be in every cache before it signs, so `postern keys
/// rotate` waits for ten minutes, twice this time.
const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The settings of this function.
#[derive(Clone, Debug)]
pub struct Settings {
    issuer: Option<String>,
    account_issuer: Option<String>,
    account_password_grant: bool,
}

impl Settings {
    /// Reads `DISCOVERY_ISSUER`. Reads `ACCOUNT_JWT_ISSUER`, because account's token endpoint belongs to that issuer,
    /// and `ACCOUNT_PASSWORD_GRANT`, because the document lists the grants of that endpoint.
    ///
    /// # Errors
    /// If the issuer is no `https` URL, or has a query, a fragment or a slash at its end. If the flag is malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            issuer: env.https_url("DISCOVERY_ISSUER")?.map(str::to_owned),
            account_issuer: env.optional("ACCOUNT_JWT_ISSUER").map(str::to_owned),
            account_password_grant: env.flag("ACCOUNT_PASSWORD_GRANT")?,
        })
    }
}

/// Handles a request at this time.
pub async fn handle(settings: &Settings, keys: &PublicKeys, now: Timestamp, request: Request) -> Response {
    let caller = http::caller_at(now, "jwks", &request);
    let routes = if settings.issuer.is_some() { ROUTES } else { WITHOUT_ISSUER };
    let reply = match (http::route(&request, routes), &settings.issuer) {
        (Some(KEY_SET), _) => {
            keys.reload_if_old(now).await;
            cached(key_set::handle(&keys.current()))
        }
        (Some(DISCOVERY), Some(issuer)) => {
            keys.reload_if_old(now).await;
            cached(discovery::handle(settings, issuer, &keys.current()))
        }
        _ => http::no_route(&request, routes),
    };
    http::with_request_id(reply, &caller)
}

/// Lets caches keep a reply.
fn cached(mut reply: Response) -> Response {
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, CACHING);
    // API Gateway adds CORS headers only if the request has an origin. So a cache must not use one reply for
    // both kinds of requests.
    headers.insert(VARY, HeaderValue::from_static("origin"));
    reply
}
