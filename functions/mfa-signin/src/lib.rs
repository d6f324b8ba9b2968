//! The mfa contract: username, e-mail or id, password and, if MFA is on, its token, for a JWT and the account.
//! (`POST /signin`)
//!
//! What follows: the account again (`GET /whoami/jwt`, `GET /account/jwt`), and MFA on and off, in `second_factor.rs`.

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

mod second_factor;

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use postern::ambient::{Timestamp, hex, random};
use postern::app::{Attempt, Claimed, Names, TokenRefusal};
use postern::audit::Caller;
use postern::config::{ConfigError, Environment};
use postern::http::{self, Forms, Request, Response};
use postern::name::LoginName;
use postern::user::{Status, User};
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

const SIGN_IN: &str = "/signin";
const WHOAMI: &str = "/whoami/jwt";
const ACCOUNT: &str = "/account/jwt";
const MFA: &str = "/account/mfa/jwt";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] =
    &[(Method::POST, SIGN_IN), (Method::GET, WHOAMI), (Method::GET, ACCOUNT), (Method::POST, MFA)];
const AUTHENTICATION_FAILED: &str = "authenticationFailed";
const JWT_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    issuer: String,
    audience: String,
    totp_issuer: String,
}

impl Settings {
    /// Reads `MFA_JWT_ISSUER`, `MFA_JWT_AUDIENCE` and `MFA_TOTP_ISSUER`, which authenticators show.
    ///
    /// # Errors
    /// If the first is another contract's.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            issuer: env.issuer("MFA_JWT_ISSUER", "postern", "email")?,
            audience: env.optional("MFA_JWT_AUDIENCE").unwrap_or("postern").to_owned(),
            totp_issuer: env.optional("MFA_TOTP_ISSUER").unwrap_or("Postern").to_owned(),
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
    /// Two of one second are two tokens: the one may be ended when the other is not.
    jti: String,
}

/// The claims of a JWT that is presented.
#[derive(Deserialize)]
struct IssuedJwt {
    #[serde(rename = "_id")]
    id: u64,
    aud: String,
    iss: String,
    iat: f64,
    epoch: Option<u64>,
}

impl IssuedJwt {
    fn claimed(self, settings: &Settings) -> Option<Claimed> {
        let Self { id: user_id, aud, iss, iat, epoch } = self;
        let ours = aud == settings.audience && iss == settings.issuer;
        ours.then_some(Claimed { user_id, epoch, iat, session: None })
    }
}

/// The account, once more.
#[derive(Serialize)]
struct Shown<'a> {
    result: &'static str,
    account: Account<'a>,
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
        Some(WHOAMI | ACCOUNT) => show(app, settings, &caller, &request).await,
        Some(MFA) => second_factor::set(app, settings, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err((status, error)) => return refuse_with(status, error),
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

/// The account of the user who holds the JWT.
async fn show(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    match app.holder(caller, http::bearer(request), |jwt: IssuedJwt| jwt.claimed(settings)).await {
        Ok(holder) => shown(&holder.user).unwrap_or_else(|refusal| refuse(&refusal)),
        Err(refusal) => refuse_token(refusal),
    }
}

fn shown(user: &User) -> Result<Response, Refusal> {
    let profile: Profile = user.attributes("mfa")?;
    let account = account(user, &profile)?;
    Ok(http::json(StatusCode::OK, &Shown { result: "success", account }))
}

fn parse(request: &Request) -> Result<Credentials, (StatusCode, &'static str)> {
    let bad_request = |error| (StatusCode::BAD_REQUEST, error);
    let members = match http::members(request, Forms::Urlencoded) {
        Ok(members) if members.is_empty() => return Err(bad_request("postBodyMissing")),
        Ok(members) => members,
        Err(body) => return Err((body.status(StatusCode::BAD_REQUEST), "postBodyMissing")),
    };
    let username = username(&members).ok_or(bad_request("usernameMissing"))?;
    let password = match members.get("password") {
        Some(Value::String(password)) if !password.is_empty() => password.clone(),
        _ => return Err(bad_request("passwordMissing")),
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
        jti: hex(&random::<16>()),
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

fn refuse_token(refusal: TokenRefusal) -> Response {
    let sent = match &refusal {
        TokenRefusal::Missing => false,
        TokenRefusal::Expired | TokenRefusal::Invalid => true,
        TokenRefusal::Refused(refusal) => return refuse(refusal),
    };
    http::with_challenge(refuse_with(StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED), sent)
}

fn refuse_with(status: StatusCode, error: &'static str) -> Response {
    http::json(status, &Error { result: "error", error })
}
