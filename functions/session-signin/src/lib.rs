//! The session contract: username and password for a JWT, and for a session token if the client asks to stay
//! signed in.
//!
//! | route | file |
//! |---|---|
//! | `POST /api/auth/signin` | `sign_in.rs` |
//! | `POST /api/auth/changePasswordAfterSignin` | `change_password.rs` |
//! | `POST /api/auth/IamLoggedIn` | `resume.rs` |
//! | `POST /api/auth/forgotPassword/sendEmail` | `send_reset_code.rs` |
//! | `POST /api/auth/forgotPassword/checkCode` | `check_reset_code.rs` |
//! | `POST /api/auth/forgotPassword/resetPassword` | `reset_password.rs` |
//! | `GET /api/v1/user/myself/session` | `list_sessions.rs` |
//! | `DELETE /api/v1/user/myself/session/{id}` | `delete_session.rs` |
//! | `POST /api/v1/user/myself/session/logoutCurrentSession` | `sign_out.rs` |

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod change_password;
mod check_reset_code;
mod claims;
mod delete_session;
mod errors;
mod fields;
mod list_sessions;
mod reset_password;
mod resume;
mod send_reset_code;
mod sign_in;
mod sign_out;

use std::time::Duration;

use lambda_http::http::Method;
use postern::App;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::session;
use postern::token::JwtProfile;

#[cfg(fuzzing)]
pub use self::change_password::read_change;
#[cfg(fuzzing)]
pub use self::check_reset_code::read_code;
#[cfg(fuzzing)]
pub use self::reset_password::read_reset;
#[cfg(fuzzing)]
pub use self::send_reset_code::read_request;
#[cfg(fuzzing)]
pub use self::sign_in::read;

/// The name of this contract, and the kind of its sessions.
const CONTRACT: &str = "session";
const SIGN_IN: &str = "/api/auth/signin";
const CHANGE_PASSWORD: &str = "/api/auth/changePasswordAfterSignin";
const RESUME: &str = "/api/auth/IamLoggedIn";
const SEND_RESET_CODE: &str = "/api/auth/forgotPassword/sendEmail";
const CHECK_RESET_CODE: &str = "/api/auth/forgotPassword/checkCode";
const RESET_PASSWORD: &str = "/api/auth/forgotPassword/resetPassword";
const LIST_SESSIONS: &str = "/api/v1/user/myself/session";
const DELETE_SESSION: &str = "/api/v1/user/myself/session/{id}";
const SIGN_OUT: &str = "/api/v1/user/myself/session/logoutCurrentSession";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SIGN_IN),
    (Method::POST, CHANGE_PASSWORD),
    (Method::POST, RESUME),
    (Method::POST, SEND_RESET_CODE),
    (Method::POST, CHECK_RESET_CODE),
    (Method::POST, RESET_PASSWORD),
    (Method::GET, LIST_SESSIONS),
    (Method::DELETE, DELETE_SESSION),
    (Method::POST, SIGN_OUT),
];

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    jwt: JwtProfile,
    session_idle: Duration,
    session_absolute: Duration,
    hide_unknown_users: bool,
}

impl Settings {
    /// Reads `SESSION_JWT_ISSUER`, `SESSION_JWT_AUDIENCE`, `SESSION_JWT_TYPE`, `HIDE_UNKNOWN_USERS` and the sessions'
    /// lifetimes.
    ///
    /// # Errors
    /// If a variable is malformed. The error names the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (session_idle, session_absolute) = session::lifetimes(env)?;
        Ok(Self {
            jwt: JwtProfile::from_env(
                env,
                ("SESSION_JWT_ISSUER", Some("lumen-jwt")),
                ("SESSION_JWT_AUDIENCE", None),
                "SESSION_JWT_TYPE",
            )?,
            session_idle,
            session_absolute,
            hide_unknown_users: env.flag("HIDE_UNKNOWN_USERS")?,
        })
    }

    /// Returns the profile of the JWTs.
    pub const fn jwt(&self) -> &JwtProfile {
        &self.jwt
    }
}

/// Handles a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, CONTRACT, &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in::handle(app, settings, &caller, &request).await,
        Some(CHANGE_PASSWORD) => change_password::handle(app, settings, &caller, &request).await,
        Some(RESUME) => resume::handle(app, settings, &caller, &request).await,
        Some(SEND_RESET_CODE) => send_reset_code::handle(app, settings, &caller, &request).await,
        Some(CHECK_RESET_CODE) => check_reset_code::handle(app, settings, &caller, &request).await,
        Some(RESET_PASSWORD) => reset_password::handle(app, settings, &caller, &request).await,
        Some(LIST_SESSIONS) => list_sessions::handle(app, settings, &caller, &request).await,
        Some(DELETE_SESSION) => delete_session::handle(app, settings, &caller, &request).await,
        Some(SIGN_OUT) => sign_out::handle(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
