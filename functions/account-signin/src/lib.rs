//! The account contract: username and password for an access token and a refresh token.
//!
//! | route | file |
//! |---|---|
//! | `POST /api/v2/account/signin/` | `sign_in.rs` |
//! | `POST /api/v2/account/recover/` | `recover.rs` |
//! | `POST /api/v2/account/reset/` | `reset.rs` |
//! | `POST /oauth/token/`: a refresh, and the password grant if it is on (RFC 6749) | `token.rs` |
//! | `POST /oauth/revoke_token/` (RFC 7009) | `revoke_token.rs` |

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod claims;
mod errors;
mod form;
mod recover;
mod reset;
mod revoke_token;
mod sign_in;
mod token;

use std::time::Duration;

use lambda_http::http::Method;
use postern::App;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::session;
use postern::token::JwtProfile;

#[cfg(fuzzing)]
pub use self::recover::read_request;
#[cfg(fuzzing)]
pub use self::reset::read_reset;
#[cfg(fuzzing)]
pub use self::sign_in::read;

/// The name of this contract, and the kind of its sessions.
const CONTRACT: &str = "account";
const SIGN_IN: &str = "/api/v2/account/signin";
const RECOVER: &str = "/api/v2/account/recover";
const RESET: &str = "/api/v2/account/reset";
const TOKEN: &str = "/oauth/token";
const REVOKE_TOKEN: &str = "/oauth/revoke_token";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SIGN_IN),
    (Method::POST, RECOVER),
    (Method::POST, RESET),
    (Method::POST, TOKEN),
    (Method::POST, REVOKE_TOKEN),
];

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    jwt: JwtProfile,
    client_id: String,
    scope: String,
    /// Whether `POST /oauth/token/` takes a username and a password.
    password_grant: bool,
    access_lifetime: Duration,
    session_idle: Duration,
    session_absolute: Duration,
    lost_reply: Duration,
}

impl Settings {
    /// Reads `ACCOUNT_JWT_ISSUER`, `ACCOUNT_JWT_AUDIENCE`, `ACCOUNT_JWT_TYPE`, `ACCOUNT_CLIENT_ID`, `ACCOUNT_SCOPE`,
    /// `ACCOUNT_PASSWORD_GRANT`, `ACCOUNT_ACCESS_TOKEN_SECONDS`, the sessions' lifetimes and `SESSION_LOST_REPLY_SECONDS`.
    ///
    /// # Errors
    /// If a variable is malformed. The error names the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (session_idle, session_absolute) = session::lifetimes(env)?;
        Ok(Self {
            jwt: JwtProfile::from_env(
                env,
                ("ACCOUNT_JWT_ISSUER", None),
                ("ACCOUNT_JWT_AUDIENCE", None),
                "ACCOUNT_JWT_TYPE",
            )?,
            client_id: env.optional("ACCOUNT_CLIENT_ID").unwrap_or("postern").to_owned(),
            scope: env.optional("ACCOUNT_SCOPE").unwrap_or("read write").to_owned(),
            password_grant: env.flag("ACCOUNT_PASSWORD_GRANT")?,
            access_lifetime: env.seconds("ACCOUNT_ACCESS_TOKEN_SECONDS", Duration::from_secs(604_800))?,
            session_idle,
            session_absolute,
            lost_reply: session::lost_reply(env)?,
        })
    }

    /// Returns the profile of the access tokens.
    pub const fn jwt(&self) -> &JwtProfile {
        &self.jwt
    }
}

/// Handles a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, CONTRACT, &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in::handle(app, settings, &caller, &request).await,
        Some(RECOVER) => recover::handle(app, &caller, &request).await,
        Some(RESET) => reset::handle(app, settings, &caller, &request).await,
        Some(TOKEN) => token::handle(app, settings, &caller, &request).await,
        Some(REVOKE_TOKEN) => revoke_token::handle(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
