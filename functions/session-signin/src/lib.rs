//! The session contract: username and password for a JWT, and for a session token if the client wants to stay.
//! (`POST /api/auth/signin`)

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::app::{Attempt, Names, SignedIn};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::session::{self, SessionRequest};
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

const SIGN_IN: &str = "/api/auth/signin";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];
/// The contract's page: a JWT is valid for an hour.
const JWT_LIFETIME: Duration = Duration::from_secs(3600);
/// The longest username and session information, in Unicode code points.
const MAX_CHARACTERS: usize = 190;

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    issuer: String,
    session_idle: Duration,
    session_absolute: Duration,
}

impl Settings {
    /// Reads `SESSION_JWT_ISSUER` and the sessions' lifetimes.
    ///
    /// # Errors
    /// On the first that is malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (session_idle, session_absolute) = session::lifetimes(env)?;
        let issuer = env.optional("SESSION_JWT_ISSUER").unwrap_or("lumen-jwt").to_owned();
        Ok(Self { issuer, session_idle, session_absolute })
    }
}

/// What the body must hold.
struct Credentials {
    username: String,
    password: String,
    session_information: Option<String>,
    stay_logged_in: bool,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
}

#[derive(Serialize)]
struct Jwt<'a> {
    iss: &'a str,
    sub: u64,
    iat: u64,
    exp: u64,
    epoch: u64,
}

/// What is wrong with each field, in the order in which the contract lists them.
#[derive(Default, Serialize)]
struct FieldErrors {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_information: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stay_logged_in: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
struct Error {
    msg: &'static str,
    error_code: &'static str,
}

/// Answers a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "session", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(errors) => return http::json(StatusCode::UNPROCESSABLE_ENTITY, &errors),
    };
    let attempt = Attempt {
        name: &credentials.username,
        names: Names::Username,
        readable: |_| Ok(()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: credentials.stay_logged_in.then(|| SessionRequest {
            kind: "session",
            device: credentials.session_information,
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

/// A body that is no JSON object is a request without fields.
fn parse(request: &Request) -> Result<Credentials, FieldErrors> {
    let members = http::json_object(request).unwrap_or_default();
    let mut errors = FieldErrors::default();
    let username =
        required(&members, "username", "The username field is required.", "The username must be a string.")
            .and_then(|username| {
                short_enough(username, "The username may not be greater than 190 characters.")
            })
            .map_err(|error| errors.username = Some([error]));
    let password =
        required(&members, "password", "The password field is required.", "The password must be a string.")
            .map_err(|error| errors.password = Some([error]));
    let session_information = match members.get("session_information") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            short_enough(text.clone(), "The session information may not be greater than 190 characters.")
                .map(Some)
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err("The session information must be a string.")
        }
    }
    .map_err(|error| errors.session_information = Some([error]));
    let stay_logged_in = stay_logged_in(&members).map_err(|error| errors.stay_logged_in = Some([error]));
    match (username, password, session_information, stay_logged_in) {
        (Ok(username), Ok(password), Ok(session_information), Ok(stay_logged_in)) => Ok(Credentials {
            username,
            password,
            session_information,
            stay_logged_in,
            code: http::mfa_code(&members),
        }),
        _ => Err(errors),
    }
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

fn required(
    members: &Map<String, Value>,
    field: &str,
    missing: &'static str,
    no_string: &'static str,
) -> Result<String, &'static str> {
    match members.get(field) {
        None | Some(Value::Null) => Err(missing),
        Some(Value::String(text)) if text.is_empty() => Err(missing),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(no_string),
    }
}

fn short_enough(text: String, too_long: &'static str) -> Result<String, &'static str> {
    if text.chars().count() > MAX_CHARACTERS { Err(too_long) } else { Ok(text) }
}

/// `true`, `false`, and the 0, 1, "0" and "1" that the framework takes for them.
fn stay_logged_in(members: &Map<String, Value>) -> Result<bool, &'static str> {
    let wrong = "The stay logged in field must be true or false.";
    match members.get("stay_logged_in") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(stay)) => Ok(*stay),
        Some(Value::Number(number)) => match number.as_u64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(wrong),
        },
        Some(Value::String(text)) => match text.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(wrong),
        },
        Some(Value::Array(_) | Value::Object(_)) => Err(wrong),
    }
}

fn success(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let iat = caller.now.secs();
    let claims = Jwt {
        iss: &settings.issuer,
        sub: who.user.id,
        iat,
        exp: iat + JWT_LIFETIME.as_secs(),
        epoch: who.user.epoch,
    };
    let session_token = who.session.as_ref().map(|session| session.to_plain());
    Ok(http::token_json(&Success { token: app.keys.sign(&claims)?, session_token }))
}

/// The words of this contract for each refusal.
fn refuse(refusal: &Refusal) -> Response {
    let (status, error_code, msg) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::BAD_REQUEST, "username_or_password_incorrect", "Username or password is wrong")
        }
        Refusal::MfaRequired => (StatusCode::BAD_REQUEST, "mfa_required", "MFA token required"),
        Refusal::Disabled | Refusal::NotActivated => {
            (StatusCode::BAD_REQUEST, "not_activated", "Account is not activated")
        }
        Refusal::MustChangePassword => {
            (StatusCode::BAD_REQUEST, "change_password", "You have to change your password")
        }
        Refusal::Throttled(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts. Try again later.")
        }
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Error { msg, error_code })
}
