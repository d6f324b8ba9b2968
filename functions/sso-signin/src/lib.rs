//! The sso contract: the user of an access token.
//!
//! Its one route is `POST /api/v2/sso/signin/`, in `sign_in.rs`. The account contract issues the access
//! tokens, or another backend does with the same HS256 key. No request holds a password, so this contract has
//! no throttle.

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod attributes;
mod claims;
mod errors;
mod sign_in;

use lambda_http::http::Method;
use postern::App;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};

/// The name of this contract.
const CONTRACT: &str = "sso";
const SIGN_IN: &str = "/api/v2/sso/signin";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];

/// The settings of this contract. It has none.
#[derive(Debug)]
pub struct Settings;

impl Settings {
    /// Reads nothing.
    ///
    /// # Errors
    /// This never fails.
    pub const fn from_env(_: &Environment) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

/// Handles a request.
pub async fn handle(app: &App, _: &Settings, request: Request) -> Response {
    let caller = http::caller(app, CONTRACT, &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in::handle(app, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
