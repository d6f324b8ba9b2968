//! The email contract: e-mail and password for a refresh token, an access token and the user.
//! (`POST /api/sign-in/`)

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::ambient::{hex, random};
use postern::app::{Attempt, Names, SignedIn};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::session::{self, SessionRequest};
use postern::user::User;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const SIGN_IN: &str = "/api/sign-in";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];
/// The issuer of this contract's tokens; its own routes ask for it.
const ISSUER: &str = "email";

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    hide_unknown_users: bool,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    session_absolute: Duration,
}

impl Settings {
    /// Reads `HIDE_UNKNOWN_USERS`, `EMAIL_ACCESS_TOKEN_SECONDS`, `EMAIL_REFRESH_TOKEN_SECONDS` and how long a
    /// session lasts at most.
    ///
    /// # Errors
    /// On the first that is malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let (_, session_absolute) = session::lifetimes(env)?;
        Ok(Self {
            hide_unknown_users: env.flag("HIDE_UNKNOWN_USERS")?,
            access_lifetime: env.seconds("EMAIL_ACCESS_TOKEN_SECONDS", Duration::from_secs(300))?,
            refresh_lifetime: env.seconds("EMAIL_REFRESH_TOKEN_SECONDS", Duration::from_secs(86_400))?,
            session_absolute,
        })
    }
}

/// What the body must hold.
struct Credentials {
    email: String,
    password: String,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    refresh: String,
    access: String,
    user: Account<'a>,
}

#[derive(Serialize)]
struct Account<'a> {
    id: u64,
    username: &'a str,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    number_phone: &'a str,
    avatar: Option<&'a str>,
}

/// What this contract keeps with a user.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    first_name: String,
    last_name: String,
    number_phone: String,
    avatar: Option<String>,
}

#[derive(Serialize)]
struct Jwt<'a> {
    token_type: &'static str,
    exp: u64,
    iat: u64,
    jti: &'a str,
    user_id: u64,
    iss: &'static str,
    epoch: u64,
    /// The session; in the refresh token only, whose `jti` is the session's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
}

#[derive(Serialize)]
struct Error {
    error: &'static str,
}

/// Answers a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "email", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let Some(credentials) = parse(request) else {
        let error = "Email and password are required.";
        return http::json(StatusCode::BAD_REQUEST, &Error { error });
    };
    let attempt = Attempt {
        name: &credentials.email,
        names: Names::Email,
        readable: |user| user.attributes::<Profile>("email").map(|_| ()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(SessionRequest {
            kind: "email",
            device: None,
            secret: session::hex_secret(),
            idle: settings.refresh_lifetime,
            absolute: settings.session_absolute,
        }),
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in),
        // The page wants a 404; this setting makes the door as discreet as the others.
        Err(Refusal::UnknownUser) if settings.hide_unknown_users => Err(Refusal::WrongPassword),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

fn parse(request: &Request) -> Option<Credentials> {
    let members = http::json_object(request).ok()?;
    let (email, password) = (field(&members, "email")?, field(&members, "password")?);
    Some(Credentials { email, password, code: http::mfa_code(&members) })
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_some()
}

fn field(members: &Map<String, Value>, field: &str) -> Option<String> {
    members.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn success(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let session = who.session.as_ref().ok_or(Refusal::Fault)?;
    let iat = caller.now.secs();
    let claims = |token_type, lifetime: Duration, jti, sid| Jwt {
        token_type,
        exp: iat + lifetime.as_secs(),
        iat,
        jti,
        user_id: who.user.id,
        iss: ISSUER,
        epoch: who.user.epoch,
        sid,
    };
    let jti = hex(&random::<16>());
    let access = claims("access", settings.access_lifetime, &jti, None);
    let lifetime = settings.refresh_lifetime.min(settings.session_absolute);
    let refresh = claims("refresh", lifetime, &session.secret, Some(&session.family));
    let profile: Profile = who.user.attributes("email")?;
    Ok(http::token_json(&Success {
        refresh: app.keys.sign(&refresh)?,
        access: app.keys.sign(&access)?,
        user: account(&who.user, &profile),
    }))
}

fn account<'a>(user: &'a User, profile: &'a Profile) -> Account<'a> {
    Account {
        id: user.id,
        username: &user.username,
        email: &user.email,
        first_name: &profile.first_name,
        last_name: &profile.last_name,
        number_phone: &profile.number_phone,
        avatar: profile.avatar.as_deref(),
    }
}

/// The words of this contract for each refusal.
fn refuse(refusal: &Refusal) -> Response {
    let (status, error) = match refusal {
        Refusal::UnknownUser => (StatusCode::NOT_FOUND, "User does not exist."),
        Refusal::WrongPassword | Refusal::WrongCode => (StatusCode::BAD_REQUEST, "Invalid password"),
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "MFA token required."),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "User account is disabled."),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "User account is not activated."),
        Refusal::MustChangePassword => (StatusCode::FORBIDDEN, "Password change required."),
        Refusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later."),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Error { error })
}
