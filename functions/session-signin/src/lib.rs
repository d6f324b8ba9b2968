//! The session contract: username and password for a JWT, and for a session token if the client wants to stay.
//! (`POST /api/auth/signin`)
//!
//! What follows: a password that must be changed (`POST /api/auth/changePasswordAfterSignin`), and what the session
//! token is for, in `staying.rs`.

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod fields;
mod staying;

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::app::{Attempt, Claimed, Names, PasswordChange, SignedIn};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::password::{WeakPassword, check_new};
use postern::session::{self, SessionRequest};
use postern::user::User;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use self::fields::{FieldErrors, Fields};

const SIGN_IN: &str = "/api/auth/signin";
const CHANGE_PASSWORD: &str = "/api/auth/changePasswordAfterSignin";
const RESUME: &str = "/api/auth/IamLoggedIn";
const LEAVE: &str = "/api/v1/user/myself/session/logoutCurrentSession";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SIGN_IN),
    (Method::POST, CHANGE_PASSWORD),
    (Method::POST, RESUME),
    (Method::POST, LEAVE),
];
/// The kind of this contract's sessions.
const KIND: &str = "session";
const NEW_PASSWORD: &str = "new_password";
/// The contract's page: a JWT is valid for an hour.
const JWT_LIFETIME: Duration = Duration::from_secs(3600);

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
        Ok(Self {
            issuer: env.issuer("SESSION_JWT_ISSUER", "lumen-jwt", "email")?,
            session_idle,
            session_absolute,
        })
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

/// The claims of a JWT that is presented.
#[derive(Deserialize)]
struct IssuedJwt {
    iss: String,
    sub: u64,
    iat: f64,
    epoch: Option<u64>,
}

impl IssuedJwt {
    fn claimed(self, settings: &Settings) -> Option<Claimed> {
        let Self { iss, sub: user_id, iat, epoch } = self;
        (iss == settings.issuer).then_some(Claimed { user_id, epoch, iat, session: None })
    }
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
        Some(CHANGE_PASSWORD) => change_password(app, settings, &caller, &request).await,
        Some(RESUME) => staying::resume(app, settings, &caller, &request).await,
        Some(LEAVE) => staying::leave(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(errors) => return errors.reply(),
    };
    let outcome = app.sign_in(caller, credentials.attempt(settings)).await;
    let reply = outcome.and_then(|who| success(app, settings, caller, &who));
    reply.unwrap_or_else(|refusal| refuse(&refusal))
}

async fn change_password(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let (credentials, new_password) = match parse_change(request) {
        Ok(parsed) => parsed,
        Err(errors) => return errors.reply(),
    };
    let reply = match app.change_password(caller, credentials.attempt(settings), &new_password).await {
        Ok(PasswordChange::Changed(who)) => success(app, settings, caller, &who),
        Ok(PasswordChange::NotNeeded) => {
            let msg = "User does not need to change his password";
            let error_code = "no_password_change_needed_for_user";
            Ok(http::json(StatusCode::BAD_REQUEST, &Error { msg, error_code }))
        }
        Ok(PasswordChange::Weak(weak)) => Ok(FieldErrors::one(NEW_PASSWORD, weakness(weak)).reply()),
        Err(refusal) => Err(refusal),
    };
    reply.unwrap_or_else(|refusal| refuse(&refusal))
}

impl Credentials {
    fn attempt(&self, settings: &Settings) -> Attempt<'_> {
        Attempt {
            name: &self.username,
            names: Names::Username,
            readable: |_| Ok(()),
            password: &self.password,
            code: self.code.as_deref(),
            session: self.stay_logged_in.then(|| SessionRequest {
                kind: KIND,
                device: self.session_information.clone(),
                secret: session::plain_secret(),
                idle: settings.session_idle,
                absolute: settings.session_absolute,
            }),
        }
    }
}

fn parse(request: &Request) -> Result<Credentials, FieldErrors> {
    let mut fields = Fields::of(request);
    let credentials = Credentials {
        username: fields.required_short("username"),
        password: fields.required("password"),
        session_information: fields.optional_short("session_information"),
        stay_logged_in: fields.boolean("stay_logged_in"),
        code: fields.code(),
    };
    fields.all_right(credentials)
}

/// The credentials, of which the password is the old one; and the new one.
fn parse_change(request: &Request) -> Result<(Credentials, String), FieldErrors> {
    let mut fields = Fields::of(request);
    let username = fields.required_short("username");
    let password = fields.required("old_password");
    let new_password = fields.required(NEW_PASSWORD);
    // What can be said without knowing the user is said before an attempt is charged.
    if !new_password.is_empty() {
        if new_password == password {
            fields.refuse(NEW_PASSWORD, "and old password must be different.");
        } else if let Err(weak) = check_new(&new_password, &[&username]) {
            fields.refuse(NEW_PASSWORD, weakness(weak));
        }
    }
    let credentials = Credentials {
        username,
        password,
        session_information: fields.optional_short("session_information"),
        stay_logged_in: fields.boolean("stay_logged_in"),
        code: fields.code(),
    };
    fields.all_right((credentials, new_password))
}

/// The words of this contract for each weakness, without the field with which they begin.
const fn weakness(weak: WeakPassword) -> &'static str {
    match weak {
        WeakPassword::TooShort => "must be at least 8 characters.",
        WeakPassword::TooLong => "may not be greater than 1024 characters.",
        WeakPassword::TooCommon => "is too common.",
    }
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// Whether the body holds a change of password, for the fuzzer.
#[cfg(fuzzing)]
pub fn read_change(request: &Request) -> bool {
    parse_change(request).is_ok()
}

fn success(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let token = jwt(app, settings, caller, &who.user)?;
    let session_token = who.session.as_ref().map(|session| session.to_plain());
    Ok(http::token_json(&Success { token, session_token }))
}

fn jwt(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let exp = iat + JWT_LIFETIME.as_secs();
    let claims = Jwt { iss: &settings.issuer, sub: user.id, iat, exp, epoch: user.epoch };
    Ok(app.keys.sign(&claims)?)
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
