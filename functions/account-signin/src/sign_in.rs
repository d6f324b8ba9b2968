//! `POST /api/v2/account/signin/`: username and password for an access token and a refresh token.

use lambda_http::http::StatusCode;
use postern::app::{AcceptedNames, Attempt, SignedIn};
use postern::audit::Caller;
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::password::Password;
use postern::session::{SessionRequest, SessionSecret};
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::errors::{ErrorEntry, Errors, Message, refuse};
use crate::{CONTRACT, Settings, claims};

/// The members of a request to sign in.
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Password,
    pub(super) code: Option<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    token: Token<'a>,
}

#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    /// The seconds, as a string, as on the contract's page.
    expires_in: String,
    token_type: &'static str,
    refresh_token: &'a str,
    client_id: &'a str,
    scope: &'a str,
}

/// Signs a user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err((status, errors)) => return http::json(status, &Errors { errors }),
    };
    let outcome = match app.sign_in(caller, attempt(settings, &credentials)).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Returns the attempt that these credentials make, at any route of this contract.
pub(super) fn attempt<'c>(settings: &Settings, credentials: &'c Credentials) -> Attempt<'c> {
    Attempt {
        name: &credentials.username,
        names: AcceptedNames::Username,
        readable: |_| Ok(()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(session(settings)),
    }
}

/// Returns the session that begins.
pub(super) fn session(settings: &Settings) -> SessionRequest {
    SessionRequest {
        kind: CONTRACT,
        device: None,
        secret: SessionSecret::random_base62(),
        idle: settings.session_idle,
        absolute: settings.session_absolute,
    }
}

fn parse(request: &Request) -> Result<Credentials, (StatusCode, Vec<ErrorEntry>)> {
    let members = http::members(request, Forms::UrlencodedAndMultipart).map_err(malformed)?;
    match (field(&members, "username"), field(&members, "password")) {
        (Ok(username), Ok(password)) => {
            Ok(Credentials { username, password: password.into(), code: http::mfa_code(&members) })
        }
        (username, password) => {
            let errors = [username.err(), password.err()].into_iter().flatten().collect();
            Err((StatusCode::BAD_REQUEST, errors))
        }
    }
}

/// Makes the errors of a body that cannot be read.
pub(super) fn malformed(error: BodyError) -> (StatusCode, Vec<ErrorEntry>) {
    let message = Message { message: "Malformed request.", code: "parse_error" };
    (error.status(StatusCode::BAD_REQUEST), vec![ErrorEntry::Whole(message)])
}

/// Returns whether the body holds credentials. For the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// Returns a required text.
pub(super) fn field(members: &Map<String, Value>, field: &'static str) -> Result<String, ErrorEntry> {
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

/// Makes the reply to a successful sign-in.
pub(super) fn success(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    signed_in: &SignedIn,
) -> Result<Response, Refusal> {
    let session = signed_in.session.as_ref().ok_or(Refusal::Fault)?;
    Ok(http::token_json(&Success {
        token: Token {
            access_token: &claims::access_token(app, settings, caller, &signed_in.user, session)?,
            expires_in: settings.access_lifetime.as_secs().to_string(),
            token_type: "Bearer",
            refresh_token: &session.to_plain(),
            client_id: &settings.client_id,
            scope: &settings.scope,
        },
    }))
}
