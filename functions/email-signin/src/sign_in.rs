//! `POST /api/sign-in/`: e-mail address and password for a refresh token, an access token and the user.

use lambda_http::http::StatusCode;
use postern::app::{AcceptedNames, Attempt, SignedIn};
use postern::audit::Caller;
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::password::Password;
use postern::session::{SessionRequest, SessionSecret};
use postern::{App, Refusal};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::attributes::{Account, Attributes, account};
use crate::claims::Tokens;
use crate::errors::{Error, refuse};
use crate::{CONTRACT, Settings, claims};

/// The members of the body.
struct Credentials {
    email: String,
    password: Password,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success<'a> {
    refresh: String,
    access: String,
    user: Account<'a>,
}

/// Signs a user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(body) => {
            let error = "Email and password are required.";
            return http::json(body.status(StatusCode::BAD_REQUEST), &Error { error });
        }
    };
    let attempt = Attempt {
        name: &credentials.email,
        names: AcceptedNames::Email,
        readable: |user| user.attributes::<Attributes>(CONTRACT).map(|_| ()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(session(settings)),
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in),
        // The page asks for a 404. With this setting, unknown users look like wrong passwords here too.
        Err(Refusal::UnknownUser) if settings.hide_unknown_users => Err(Refusal::WrongPassword),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Returns the session that a sign-in begins, at any route of this contract.
pub(super) fn session(settings: &Settings) -> SessionRequest {
    SessionRequest {
        kind: CONTRACT,
        device: None,
        secret: SessionSecret::random_hex(),
        idle: settings.refresh_lifetime,
        absolute: settings.session_absolute,
    }
}

fn parse(request: &Request) -> Result<Credentials, BodyError> {
    let members = http::members(request, Forms::UrlencodedAndMultipart)?;
    match (field(&members, "email"), field(&members, "password")) {
        (Some(email), Some(password)) => {
            Ok(Credentials { email, password: password.into(), code: http::mfa_code(&members) })
        }
        _ => Err(BodyError::Malformed),
    }
}

/// Returns whether the body holds credentials. For the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// Returns a text that is not empty.
pub(super) fn field(members: &Map<String, Value>, field: &str) -> Option<String> {
    members.get(field)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn success(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    signed_in: &SignedIn,
) -> Result<Response, Refusal> {
    let attributes: Attributes = signed_in.user.attributes(CONTRACT).map_err(Refusal::fault)?;
    let Tokens { access, refresh } = claims::issue(app, settings, caller, signed_in)?;
    Ok(http::token_json(&Success { refresh, access, user: account(&signed_in.user, &attributes) }))
}
