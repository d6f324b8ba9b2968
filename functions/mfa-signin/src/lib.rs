//! The mfa contract: username, e-mail or id, password and, if MFA is on, its token, for a JWT and the account.
//! (`POST /signin`)

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::ambient::Timestamp;
use postern::app::{Attempt, Names};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, Request, Response};
use postern::name::LoginName;
use postern::user::{Status, User};
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

const SIGN_IN: &str = "/signin";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[(Method::POST, SIGN_IN)];
const JWT_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    issuer: String,
    audience: String,
}

impl Settings {
    /// Reads `MFA_JWT_ISSUER` and `MFA_JWT_AUDIENCE`.
    ///
    /// # Errors
    /// None: both may be any text.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            issuer: env.optional("MFA_JWT_ISSUER").unwrap_or("postern").to_owned(),
            audience: env.optional("MFA_JWT_AUDIENCE").unwrap_or("postern").to_owned(),
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
    result: &'static str,
    token: String,
    account: Account<'a>,
}

/// The account, with exactly the members of the contract's page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Account<'a> {
    id: u64,
    bio: &'a str,
    consent: i64,
    control: i64,
    created_at: String,
    email: &'a str,
    github: &'a str,
    img: &'a str,
    imperial: bool,
    initial: &'a str,
    language: &'a str,
    last_sign_in: Option<String>,
    mfa_enabled: bool,
    newsletter: bool,
    patron: i64,
    role: &'a str,
    status: i8,
    updated_at: String,
    username: &'a str,
    lusername: String,
}

/// What this contract keeps with a user, and what it shows of one who lacks it.
#[derive(Deserialize)]
#[serde(default)]
struct Profile {
    bio: String,
    consent: i64,
    control: i64,
    github: String,
    img: String,
    imperial: bool,
    initial: Option<String>,
    language: String,
    newsletter: bool,
    patron: i64,
    role: String,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            bio: String::new(),
            consent: 0,
            control: 0,
            github: String::new(),
            img: String::new(),
            imperial: false,
            initial: None,
            language: "en".to_owned(),
            newsletter: false,
            patron: 0,
            role: "user".to_owned(),
        }
    }
}

#[derive(Serialize)]
struct Jwt<'a> {
    #[serde(rename = "_id")]
    id: u64,
    username: &'a str,
    role: &'a str,
    status: i8,
    aud: &'a str,
    iss: &'a str,
    iat: u64,
    exp: u64,
    epoch: u64,
}

#[derive(Serialize)]
struct Error {
    result: &'static str,
    error: &'static str,
}

/// Answers a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "mfa", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(error) => return http::json(StatusCode::BAD_REQUEST, &Error { result: "error", error }),
    };
    let attempt = Attempt {
        name: &credentials.username,
        names: Names::UsernameEmailOrId,
        readable: |user| user.attributes::<Profile>("mfa").map(|_| ()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: None,
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in.user),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

fn parse(request: &Request) -> Result<Credentials, &'static str> {
    let members = http::json_object(request).unwrap_or_default();
    if members.is_empty() {
        return Err("postBodyMissing");
    }
    let username = username(&members).ok_or("usernameMissing")?;
    let password = match members.get("password") {
        Some(Value::String(password)) if !password.is_empty() => password.clone(),
        _ => return Err("passwordMissing"),
    };
    Ok(Credentials { username, password, code: http::mfa_code(&members) })
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// A non-empty string, or a number other than zero as JavaScript prints it.
fn username(members: &Map<String, Value>) -> Option<String> {
    match members.get("username")? {
        Value::String(name) => (!name.is_empty()).then(|| name.clone()),
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| decimal(number)),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// To JavaScript `14.0` and `1.4e1` are 14.
fn decimal(number: &Number) -> String {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 && float.abs() < LARGEST_EXACT => (float as i64).to_string(),
        _ => number.to_string(),
    }
}

fn success(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<Response, Refusal> {
    let profile: Profile = user.attributes("mfa")?;
    let iat = caller.now.secs();
    let claims = Jwt {
        id: user.id,
        username: &user.username,
        role: &profile.role,
        status: status(user.status),
        aud: &settings.audience,
        iss: &settings.issuer,
        iat,
        exp: iat + JWT_LIFETIME.as_secs(),
        epoch: user.epoch,
    };
    let token = app.keys.sign(&claims)?;
    Ok(http::token_json(&Success { result: "success", token, account: account(user, &profile)? }))
}

fn account<'a>(user: &'a User, profile: &'a Profile) -> Result<Account<'a>, Refusal> {
    let iso = |moment: Timestamp| moment.iso8601().ok_or(Refusal::Fault);
    Ok(Account {
        id: user.id,
        bio: &profile.bio,
        consent: profile.consent,
        control: profile.control,
        created_at: iso(user.created_at)?,
        email: &user.email,
        github: &profile.github,
        img: &profile.img,
        imperial: profile.imperial,
        initial: profile.initial.as_deref().unwrap_or(&user.email),
        language: &profile.language,
        last_sign_in: user.last_sign_in.map(iso).transpose()?,
        mfa_enabled: user.mfa.is_some(),
        newsletter: profile.newsletter,
        patron: profile.patron,
        role: &profile.role,
        status: status(user.status),
        updated_at: iso(user.updated_at)?,
        username: &user.username,
        lusername: LoginName::new(&user.username).as_key().unwrap_or_default().to_owned(),
    })
}

const fn status(status: Status) -> i8 {
    match status {
        Status::Active => 1,
        Status::NotActivated => 0,
        Status::Disabled => -1,
        Status::Blocked => -2,
    }
}

/// The words of this contract for each refusal.
fn refuse(refusal: &Refusal) -> Response {
    let (status, error) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::UNAUTHORIZED, "signInFailed")
        }
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "mfaTokenRequired"),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "accountBlocked"),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "statusLacking"),
        Refusal::MustChangePassword => (StatusCode::FORBIDDEN, "passwordChangeRequired"),
        Refusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "tooManyRequests"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "serverError"),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "serverError"),
    };
    http::refusal_json(status, refusal, &Error { result: "error", error })
}
