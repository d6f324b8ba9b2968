//! The sso contract: who is the user with this access token? (`POST /api/v2/sso/signin/`)
//!
//! The access tokens are the ones that the account contract issues, or that another backend mints with the same
//! HS256 key. No body is read, and no password guessed, so there is nothing to throttle.

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

use lambda_http::http::{Method, StatusCode};
use postern::app::{Claimed, TokenRefusal};
use postern::audit::{self, Caller, Findings};
use postern::config::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::user::User;
use postern::{App, Refusal};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

const SIGN_IN: &str = "/api/v2/sso/signin";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];

/// The settings of this contract: it has none.
#[derive(Debug)]
pub struct Settings;

impl Settings {
    /// Reads nothing.
    ///
    /// # Errors
    /// None.
    pub const fn from_env(_: &Environment) -> Result<Self, ConfigError> {
        Ok(Self)
    }
}

/// What the token must say. Another contract's token has an issuer or an audience; a refresh token, another type.
#[derive(Deserialize)]
struct AccessToken {
    #[serde(deserialize_with = "user_id")]
    user_id: u64,
    #[serde(rename = "token_type")]
    _token_type: TokenType,
    iat: f64,
    #[serde(rename = "jti")]
    _jti: Jti,
    epoch: Option<u64>,
    /// The session that the token belongs to; one minted elsewhere has none.
    sid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    iss: bool,
    #[serde(default, deserialize_with = "present")]
    aud: bool,
}

/// A user's id: a number, or its decimal digits in a string, as djangorestframework-simplejwt 5.5 writes it.
fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Digits(String),
    }
    match Id::deserialize(deserializer)? {
        Id::Number(id) => Ok(id),
        Id::Digits(digits) => {
            let id = digits.parse().ok().filter(|id: &u64| id.to_string() == digits);
            id.ok_or_else(|| D::Error::custom("no user id"))
        }
    }
}

/// A claim is there, whatever it is, null included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenType {
    Access,
}

/// Other backends number their tokens.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "that it is there and of one of these types is all that counts")]
enum Jti {
    Text(String),
    Number(serde_json::Number),
}

#[derive(Serialize)]
struct Success<'a> {
    id: u64,
    ext_id: Option<i64>,
    username: &'a str,
    role: Option<Role>,
    tags: Option<&'a [i64]>,
}

/// What this contract keeps with a user.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    ext_id: Option<i64>,
    role: Option<Role>,
    tags: Option<Vec<i64>>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Admin,
    Moderator,
    Editor,
}

#[derive(Serialize)]
struct Errors {
    errors: [ErrorEntry; 1],
}

#[derive(Serialize)]
struct ErrorEntry {
    message: &'static str,
    code: &'static str,
}

impl AccessToken {
    fn claimed(self) -> Option<Claimed> {
        let Self { user_id, iat, epoch, sid, iss, aud, .. } = self;
        let session = sid.map(|id| ("account", id));
        (!iss && !aud).then_some(Claimed { user_id, epoch, iat, session })
    }
}

/// Answers a request.
pub async fn handle(app: &App, _: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "sso", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, caller: &Caller, request: &Request) -> Response {
    let token = http::bearer(request);
    let claimed = app.claims(caller, token, AccessToken::claimed).await;
    let user_id = claimed.as_ref().ok().map(|claimed| claimed.user_id);
    let outcome = match claimed {
        Ok(claimed) => user_of(app, caller, token.unwrap_or_default(), &claimed).await,
        Err(refusal) => Err(refusal),
    };
    let said = outcome.as_ref().map_or_else(TokenRefusal::outcome, |_| audit::SIGNED_IN);
    audit::attempt(caller, said, Findings { user_id, ..Findings::default() });
    match outcome {
        Ok((user, profile)) => http::json(
            StatusCode::OK,
            &Success {
                id: user.id,
                ext_id: profile.ext_id,
                username: &user.username,
                role: profile.role,
                tags: profile.tags.as_deref(),
            },
        ),
        Err(TokenRefusal::Missing) => no_token(),
        Err(TokenRefusal::Expired | TokenRefusal::Invalid) => bad_token(),
        Err(TokenRefusal::Refused(refusal)) => refuse(&refusal),
    }
}

async fn user_of(
    app: &App,
    caller: &Caller,
    token: &str,
    claimed: &Claimed,
) -> Result<(User, Profile), TokenRefusal> {
    let user = app.user_of_token(caller, token, claimed).await?;
    let profile = user.attributes("sso").map_err(Refusal::from)?;
    Ok((user, profile))
}

/// The words of this contract for each refusal.
fn refuse(refusal: &Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => return bad_token(),
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "mfa_required", "MFA token required."),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "user_disabled", "Account is disabled."),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "user_not_activated", "Account is not activated."),
        Refusal::MustChangePassword => {
            (StatusCode::FORBIDDEN, "password_change_required", "Password change required.")
        }
        Refusal::Throttled(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many attempts. Try again later.")
        }
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "error", "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "error", "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Errors { errors: [ErrorEntry { message, code }] })
}

fn no_token() -> Response {
    unauthorized("not_authenticated", "Authentication credentials were not provided.", false)
}

fn bad_token() -> Response {
    unauthorized("authentication_failed", "Incorrect credentials.", true)
}

fn unauthorized(code: &'static str, message: &'static str, sent: bool) -> Response {
    let errors = [ErrorEntry { message, code }];
    http::with_challenge(http::json(StatusCode::UNAUTHORIZED, &Errors { errors }), sent)
}
