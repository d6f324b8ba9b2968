//! The mfa contract: username, e-mail address or id, password and, if MFA is on, its code, for a JWT and the
//! account.
//!
//! | route | file |
//! |---|---|
//! | `POST /signin` | `sign_in.rs` |
//! | `GET /whoami/jwt`, `GET /account/jwt` | `account.rs` |
//! | `POST /account/mfa/jwt` | `mfa.rs` |

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod account;
mod attributes;
mod claims;
mod errors;
mod mfa;
mod qr_code;
mod sign_in;

use lambda_http::http::Method;
use postern::App;
use postern::environment::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::token::JwtProfile;

#[cfg(fuzzing)]
pub use self::sign_in::read;

/// The name of this contract.
const CONTRACT: &str = "mfa";
const SIGN_IN: &str = "/signin";
const WHOAMI: &str = "/whoami/jwt";
const ACCOUNT: &str = "/account/jwt";
const MFA: &str = "/account/mfa/jwt";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] =
    &[(Method::POST, SIGN_IN), (Method::GET, WHOAMI), (Method::GET, ACCOUNT), (Method::POST, MFA)];

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    jwt: JwtProfile,
    totp_issuer: String,
    /// Whether MFA begins only with the password or a new JWT.
    enrol_needs_password: bool,
    /// Whether a user's id is a login name, as on the contract's page.
    accept_ids: bool,
}

impl Settings {
    /// Reads `MFA_JWT_ISSUER`, `MFA_JWT_AUDIENCE`, `MFA_JWT_TYPE`, `MFA_TOTP_ISSUER`, which authenticators show, and
    /// `MFA_ENROL_NEEDS_PASSWORD` and `MFA_ACCEPT_IDS`.
    ///
    /// # Errors
    /// If a variable is malformed. The error names the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let ours = Some("postern");
        Ok(Self {
            jwt: JwtProfile::from_env(
                env,
                ("MFA_JWT_ISSUER", ours),
                ("MFA_JWT_AUDIENCE", ours),
                "MFA_JWT_TYPE",
            )?,
            totp_issuer: env.optional("MFA_TOTP_ISSUER").unwrap_or("Postern").to_owned(),
            enrol_needs_password: env.flag_or("MFA_ENROL_NEEDS_PASSWORD", true)?,
            accept_ids: env.flag_or("MFA_ACCEPT_IDS", true)?,
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
        Some(WHOAMI | ACCOUNT) => account::handle(app, settings, &caller, &request).await,
        Some(MFA) => mfa::handle(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}
