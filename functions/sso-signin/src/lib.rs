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
use postern::token::JwtProfile;

/// The name of this contract.
const CONTRACT: &str = "sso";
const SIGN_IN: &str = "/api/v2/sso/signin";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    jwt: JwtProfile,
}

impl Settings {
    /// Reads `ACCOUNT_JWT_ISSUER`, `ACCOUNT_JWT_AUDIENCE` and `ACCOUNT_JWT_TYPE`, which are in the tokens of
    /// account.
    ///
    /// # Errors
    /// If the type is malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let jwt = JwtProfile::from_env(
            env,
            ("ACCOUNT_JWT_ISSUER", None),
            ("ACCOUNT_JWT_AUDIENCE", None),
            "ACCOUNT_JWT_TYPE",
        )?;
        Ok(Self { jwt })
    }

    /// Returns the profile of the tokens that this contract accepts.
    pub const fn jwt(&self) -> &JwtProfile {
        &self.jwt
    }
}

/// Handles a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, CONTRACT, &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in::handle(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
