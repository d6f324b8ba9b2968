//! The email contract: e-mail and password for a refresh token, an access token and the user.
//! (`POST /api/sign-in/`)
//!
//! What follows: the two tokens anew (`POST /api/token/refresh/`), the end of their session
//! (`POST /api/token/blacklist/`, as the framework's own documentation has it), and the user again
//! (`GET /api/profile/`, and `POST` as the product's own web page sends it).

#![warn(clippy::wildcard_enum_match_arm, reason = "a new refusal must be worded before it compiles")]

use std::time::Duration;

use lambda_http::http::header::{HeaderValue, WWW_AUTHENTICATE};
use lambda_http::http::{Method, StatusCode};
use postern::ambient::{hex, random};
use postern::app::{Attempt, Claimed, Holder, Names, SignedIn, TokenRefusal};
use postern::audit::{self, Caller};
use postern::config::{ConfigError, Environment};
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::session::{self, RefreshPolicy, SessionRequest, SessionToken};
use postern::user::User;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

const SIGN_IN: &str = "/api/sign-in";
const REFRESH: &str = "/api/token/refresh";
const BLACKLIST: &str = "/api/token/blacklist";
const PROFILE: &str = "/api/profile";
/// The routes of this contract, without their trailing slashes.
pub const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SIGN_IN),
    (Method::POST, REFRESH),
    (Method::POST, BLACKLIST),
    (Method::GET, PROFILE),
    (Method::POST, PROFILE),
];
/// The kind of this contract's sessions.
const KIND: &str = "email";
/// The issuer of this contract's tokens; its own routes ask for it.
const ISSUER: &str = "email";

/// The settings of this contract.
#[derive(Clone, Debug)]
pub struct Settings {
    hide_unknown_users: bool,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
    session_absolute: Duration,
    lost_reply: Duration,
}

impl Settings {
    /// Reads `HIDE_UNKNOWN_USERS`, `EMAIL_ACCESS_TOKEN_SECONDS`, `EMAIL_REFRESH_TOKEN_SECONDS`,
    /// `SESSION_ABSOLUTE_SECONDS` and `SESSION_LOST_REPLY_SECONDS`.
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
            lost_reply: session::lost_reply(env)?,
        })
    }
}

/// What the body of a sign-in must hold.
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

/// What a refresh gives.
#[derive(Serialize)]
struct Tokens {
    access: String,
    refresh: String,
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

/// The claims of a refresh token that is presented.
#[derive(Deserialize)]
struct RefreshToken {
    token_type: String,
    iss: String,
    user_id: u64,
    sid: String,
    jti: String,
}

/// The claims of an access token that is presented.
#[derive(Deserialize)]
struct AccessToken {
    token_type: String,
    iss: String,
    user_id: u64,
    iat: f64,
    epoch: Option<u64>,
}

#[derive(Serialize)]
struct Error {
    error: &'static str,
}

/// The framework's words for a token that is no good.
#[derive(Serialize)]
struct TokenError {
    detail: &'static str,
    code: &'static str,
}

/// The framework's words for a caller who is not authenticated, as djangorestframework-simplejwt 5.5 writes them.
#[derive(Serialize)]
struct AuthenticationError {
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<[TokenMessage; 1]>,
}

#[derive(Serialize)]
struct TokenMessage {
    token_class: &'static str,
    token_type: &'static str,
    message: &'static str,
}

impl AuthenticationError {
    const MISSING: Self =
        Self { detail: "Authentication credentials were not provided.", code: None, messages: None };
    const HEADER: Self = Self {
        detail: "Authorization header must contain two space-delimited values",
        code: Some("bad_authorization_header"),
        messages: None,
    };

    const fn token(message: &'static str) -> Self {
        Self {
            detail: "Given token not valid for any token type",
            code: Some("token_not_valid"),
            messages: Some([TokenMessage { token_class: "AccessToken", token_type: "access", message }]),
        }
    }
}

/// The framework's words for a field that is not there.
#[derive(Serialize)]
struct NoRefresh {
    refresh: [&'static str; 1],
}

/// Answers a request.
pub async fn handle(app: &App, settings: &Settings, request: Request) -> Response {
    let caller = http::caller(app, "email", &request);
    let reply = match http::route(&request, ROUTES) {
        Some(SIGN_IN) => sign_in(app, settings, &caller, &request).await,
        Some(REFRESH) => refresh(app, settings, &caller, &request).await,
        Some(BLACKLIST) => blacklist(app, &caller, &request).await,
        Some(PROFILE) => profile(app, &caller, &request).await,
        _ => http::no_route(&request, ROUTES),
    };
    http::with_request_id(reply, &caller)
}

async fn sign_in(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(body) => {
            let error = "Email and password are required.";
            return http::json(body.status(StatusCode::BAD_REQUEST), &Error { error });
        }
    };
    let attempt = Attempt {
        name: &credentials.email,
        names: Names::Email,
        readable: |user| user.attributes::<Profile>("email").map(|_| ()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(SessionRequest {
            kind: KIND,
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

fn parse(request: &Request) -> Result<Credentials, BodyError> {
    let members = http::members(request, Forms::UrlencodedAndMultipart)?;
    match (field(&members, "email"), field(&members, "password")) {
        (Some(email), Some(password)) => Ok(Credentials { email, password, code: http::mfa_code(&members) }),
        _ => Err(BodyError::Malformed),
    }
}

/// Whether the body holds credentials, for the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

fn field(members: &Map<String, Value>, field: &str) -> Option<String> {
    members.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Trades a refresh token for an access token and the refresh token that follows.
async fn refresh(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let presented = match refresh_token(app, caller, request).await {
        Ok(presented) => presented,
        Err(reply) => return reply,
    };
    let policy =
        RefreshPolicy { kind: KIND, idle: settings.refresh_lifetime, lost_reply: settings.lost_reply };
    let outcome = match app.refresh(caller, &presented, &policy).await {
        Ok(Some(who)) => tokens(app, settings, caller, &who).map(|tokens| http::token_json(&tokens)),
        Ok(None) => Ok(bad_token()),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Ends the session of a refresh token.
async fn blacklist(app: &App, caller: &Caller, request: &Request) -> Response {
    let presented = match refresh_token(app, caller, request).await {
        Ok(presented) => presented,
        Err(reply) => return reply,
    };
    match app.sign_out(caller, &presented, KIND).await {
        Ok(true) => http::json(StatusCode::OK, &Map::new()),
        Ok(false) => bad_token(),
        Err(refusal) => refuse(&refusal),
    }
}

/// The session token that the refresh token in a body carries; or the reply where there is none.
async fn refresh_token(app: &App, caller: &Caller, request: &Request) -> Result<SessionToken, Response> {
    let members = http::members(request, Forms::UrlencodedAndMultipart);
    let token = members.and_then(|members| field(&members, "refresh").ok_or(BodyError::Malformed));
    let token = token.map_err(|body| {
        let refresh = ["This field is required."];
        http::json(body.status(StatusCode::BAD_REQUEST), &NoRefresh { refresh })
    })?;
    let session = app.keys.verify(&token, caller.now).await.ok().and_then(session_of);
    session.ok_or_else(|| {
        audit::session(caller, "bad_token", None);
        bad_token()
    })
}

fn session_of(token: RefreshToken) -> Option<SessionToken> {
    let RefreshToken { token_type, iss, user_id, sid: family, jti: secret } = token;
    (token_type == "refresh" && iss == ISSUER).then_some(SessionToken { user_id, family, secret })
}

/// The user who holds the access token.
async fn profile(app: &App, caller: &Caller, request: &Request) -> Response {
    let bearer = http::bearer(request);
    if bearer.is_some_and(|token| token.is_empty() || token.contains(char::is_whitespace)) {
        audit::session(caller, "bad_token", None);
        return unauthenticated(&AuthenticationError::HEADER);
    }
    let mut wrong_type = false;
    let claimed = |token: AccessToken| {
        let AccessToken { token_type, iss, user_id, iat, epoch } = token;
        wrong_type = token_type != "access";
        let ours = !wrong_type && iss == ISSUER;
        ours.then_some(Claimed { user_id, epoch, iat, session: None })
    };
    let outcome = match app.holder(caller, bearer, claimed).await {
        Ok(Holder { user, .. }) => user
            .attributes("email")
            .map_err(Refusal::from)
            .map(|profile| http::json(StatusCode::OK, &account(&user, &profile))),
        Err(TokenRefusal::Missing) => Ok(unauthenticated(&AuthenticationError::MISSING)),
        Err(TokenRefusal::Expired) => Ok(unauthenticated(&AuthenticationError::token("Token is expired"))),
        Err(TokenRefusal::Invalid) if wrong_type => {
            Ok(unauthenticated(&AuthenticationError::token("Token has wrong type")))
        }
        Err(TokenRefusal::Invalid) => Ok(unauthenticated(&AuthenticationError::token("Token is invalid"))),
        Err(TokenRefusal::Refused(refusal)) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

fn success(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Response, Refusal> {
    let profile: Profile = who.user.attributes("email")?;
    let Tokens { access, refresh } = tokens(app, settings, caller, who)?;
    Ok(http::token_json(&Success { refresh, access, user: account(&who.user, &profile) }))
}

fn tokens(app: &App, settings: &Settings, caller: &Caller, who: &SignedIn) -> Result<Tokens, Refusal> {
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
    Ok(Tokens { access: app.keys.sign(&access)?, refresh: app.keys.sign(&refresh)? })
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

/// A 401 of the framework's authentication, with its challenge.
fn unauthenticated(error: &AuthenticationError) -> Response {
    let mut reply = http::json(StatusCode::UNAUTHORIZED, error);
    let challenge = HeaderValue::from_static("Bearer realm=\"api\"");
    reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    reply
}

fn bad_token() -> Response {
    http::with_challenge(token_error(), true)
}

fn token_error() -> Response {
    let (detail, code) = ("Token is invalid or expired", "token_not_valid");
    http::json(StatusCode::UNAUTHORIZED, &TokenError { detail, code })
}
