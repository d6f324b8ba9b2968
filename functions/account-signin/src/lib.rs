//! The account contract: username and password for an access token and a refresh token.
//! (`POST /api/v2/account/signin/`)
//!
//! What follows is OAuth 2.0: a refresh (`POST /oauth/token/`, RFC 6749 §6) and a revocation
//! (`POST /oauth/revoke_token/`, RFC 7009).

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod oauth;

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::ambient::{hex, random};
use postern::app::{Attempt, Names, SignedIn};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::session::{self, SessionRequest, SessionToken};
use postern::user::User;
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

const SIGN_IN: &str = "/api/v2/account/signin";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke_token";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] =
    &[(Method::POST, SIGN_IN), (Method::POST, TOKEN), (Method::POST, REVOKE)];
/// The kind of this contract's sessions.
const KIND: &str = "account";

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    client_id: String,
    scope: String,
    access_lifetime: Duration,
    session_idle: Duration,
    session_absolute: Duration,
    lost_reply: Duration,
}

impl Settings {
    /// Reads `ACCOUNT_CLIENT_ID`, `ACCOUNT_SCOPE`, `ACCOUNT_ACCESS_TOKEN_SECONDS`, the sessions' lifetimes and
    /// `SESSION_LOST_REPLY_SECONDS`.
    ///
    /// # Errors
    /// On the first that is malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (session_idle, session_absolute) = session::lifetimes(env)?;
        Ok(Self {
            client_id: env.optional("ACCOUNT_CLIENT_ID").unwrap_or("postern").to_owned(),
            scope: env.optional("ACCOUNT_SCOPE").unwrap_or("read write").to_owned(),
            access_lifetime: env.seconds("ACCOUNT_ACCESS_TOKEN_SECONDS", Duration::from_secs(604_800))?,
            session_idle,
            session_absolute,
            lost_reply: session::lost_reply(env)?,
        })
    }
}

/// What the body must hold.
struct Credentials {
    username: String,
    password: String,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    token: Token<'a>,
}

#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    /// Seconds, as a string: the contract's page shows them so.
    expires_in: String,
    token_type: &'static str,
    refresh_token: &'a str,
    client_id: &'a str,
    scope: &'a str,
}

/// The claims of the access token. It has neither issuer nor audience, which is how sso knows it.
#[derive(Serialize)]
struct AccessToken {
    token_type: &'static str,
    exp: u64,
    iat: u64,
    jti: String,
    user_id: u64,
    epoch: u64,
    /// The session, with which it ends.
    sid: String,
}

#[derive(Serialize)]
struct Errors {
    errors: Vec<ErrorEntry>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ErrorEntry {
    Field { field: &'static str, messages: [Message; 1] },
    Whole(Message),
}

#[derive(Serialize)]
struct Message {
    message: &'static str,
    code: &'static str,
}

/// Answers a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "account", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, settings, &caller, &request).await,
        Some(TOKEN) => oauth::token(app, settings, &caller, &request).await,
        Some(REVOKE) => oauth::revoke(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err((status, errors)) => return http::json(status, &Errors { errors }),
    };
    let attempt = Attempt {
        name: &credentials.username,
        names: Names::Username,
        readable: |_| Ok(()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(SessionRequest {
            kind: KIND,
            device: None,
            secret: session::plain_secret(),
            idle: settings.session_idle,
            absolute: settings.session_absolute,
        }),
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

fn parse(request: &Request) -> Result<Credentials, (StatusCode, Vec<ErrorEntry>)> {
    let members = http::members(request, Forms::UrlencodedAndMultipart).map_err(malformed)?;
    match (field(&members, "username"), field(&members, "password")) {
        (Ok(username), Ok(password)) => {
            Ok(Credentials { username, password, code: http::mfa_code(&members) })
        }
        (username, password) => {
            let errors = [username.err(), password.err()].into_iter().flatten().collect();
            Err((StatusCode::BAD_REQUEST, errors))
        }
    }
}

fn malformed(error: BodyError) -> (StatusCode, Vec<ErrorEntry>) {
    let message = Message { message: "Malformed request.", code: "parse_error" };
    (error.status(StatusCode::BAD_REQUEST), vec![ErrorEntry::Whole(message)])
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

fn field(members: &Map<String, Value>, field: &'static str) -> Result<String, ErrorEntry> {
    let wrong = |message, code| ErrorEntry::Field { field, messages: [Message { message, code }] };
    match members.get(field) {
        None | Some(Value::Null) => Err(wrong("This field is required.", "required")),
        Some(Value::String(text)) if text.is_empty() => Err(wrong("This field is required.", "required")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(wrong("Not a valid string.", "invalid"))
        }
    }
}

fn success(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let session = who.session.as_ref().ok_or(Refusal::Fault)?;
    Ok(http::token_json(&Success {
        token: Token {
            access_token: &access_token(app, settings, caller, &who.user, session)?,
            expires_in: settings.access_lifetime.as_secs().to_string(),
            token_type: "Bearer",
            refresh_token: &session.to_plain(),
            client_id: &settings.client_id,
            scope: &settings.scope,
        },
    }))
}

fn access_token(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    user: &User,
    session: &SessionToken,
) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let claims = AccessToken {
        token_type: "access",
        exp: iat + settings.access_lifetime.as_secs(),
        iat,
        jti: hex(&random::<16>()),
        user_id: user.id,
        epoch: user.epoch,
        sid: session.session_id(),
    };
    Ok(app.keys.sign(&claims)?)
}

/// The words of this contract for each refusal.
fn refuse(refusal: &Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::UNAUTHORIZED, "authentication_failed", "Incorrect credentials.")
        }
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
    let errors = vec![ErrorEntry::Whole(Message { message, code })];
    http::refusal_json(status, refusal, &Errors { errors })
}
