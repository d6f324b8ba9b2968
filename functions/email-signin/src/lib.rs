//! The email contract: e-mail address and password for a refresh token, an access token and the user.
//!
//! | route | file |
//! |---|---|
//! | `POST /api/sign-in/` | `sign_in.rs` |
//! | `POST /api/token/`, as in the framework's documentation | `obtain_token.rs` |
//! | `POST /api/token/refresh/` | `refresh.rs` |
//! | `POST /api/token/verify/`, as in the framework's documentation | `verify_token.rs` |
//! | `POST /api/token/blacklist/`, as in the framework's documentation | `blacklist.rs` |
//! | `GET /api/profile/`, and `POST`, which the product's own web page sends | `profile.rs` |

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod attributes;
mod blacklist;
mod claims;
mod errors;
mod fields;
mod obtain_token;
mod profile;
mod refresh;
mod sign_in;
mod verify_token;

use std::time::Duration;

use lambda_http::http::Method;
use postern::App;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::session;
use postern::token::JwtProfile;

#[cfg(fuzzing)]
pub use self::sign_in::read;

/// The name of this contract, the kind of its sessions, and the default issuer of its tokens.
const CONTRACT: &str = "email";
const SIGN_IN: &str = "/api/sign-in";
const OBTAIN_TOKEN: &str = "/api/token";
const VERIFY_TOKEN: &str = "/api/token/verify";
const REFRESH: &str = "/api/token/refresh";
const BLACKLIST: &str = "/api/token/blacklist";
const PROFILE: &str = "/api/profile";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SIGN_IN),
    (Method::POST, OBTAIN_TOKEN),
    (Method::POST, VERIFY_TOKEN),
    (Method::POST, REFRESH),
    (Method::POST, BLACKLIST),
    (Method::GET, PROFILE),
    (Method::POST, PROFILE),
];

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    jwt: JwtProfile,
    /// Only this contract reads its refresh tokens. So they are for no audience and of the default type, and a
    /// backend that checks one of the two takes none of them for an access token.
    refresh_jwt: JwtProfile,
    hide_unknown_users: bool,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    session_absolute: Duration,
    lost_reply: Duration,
}

impl Settings {
    /// Reads `EMAIL_JWT_ISSUER`, `EMAIL_JWT_AUDIENCE`, `EMAIL_JWT_TYPE`, `HIDE_UNKNOWN_USERS`,
    /// `EMAIL_ACCESS_TOKEN_SECONDS`, `EMAIL_REFRESH_TOKEN_SECONDS`, `SESSION_ABSOLUTE_SECONDS` and
    /// `SESSION_LOST_REPLY_SECONDS`.
    ///
    /// # Errors
    /// If a variable is malformed. The error names the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (_, session_absolute) = session::lifetimes(env)?;
        let jwt = JwtProfile::from_env(
            env,
            ("EMAIL_JWT_ISSUER", Some(CONTRACT)),
            ("EMAIL_JWT_AUDIENCE", None),
            "EMAIL_JWT_TYPE",
        )?;
        Ok(Self {
            refresh_jwt: jwt.for_postern_only(),
            jwt,
            hide_unknown_users: env.flag("HIDE_UNKNOWN_USERS")?,
            access_lifetime: env.seconds("EMAIL_ACCESS_TOKEN_SECONDS", Duration::from_secs(300))?,
            refresh_lifetime: env.seconds("EMAIL_REFRESH_TOKEN_SECONDS", Duration::from_secs(86_400))?,
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
        Some(OBTAIN_TOKEN) => obtain_token::handle(app, settings, &caller, &request).await,
        Some(VERIFY_TOKEN) => verify_token::handle(app, settings, &caller, &request).await,
        Some(REFRESH) => refresh::handle(app, settings, &caller, &request).await,
        Some(BLACKLIST) => blacklist::handle(app, settings, &caller, &request).await,
        Some(PROFILE) => profile::handle(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
