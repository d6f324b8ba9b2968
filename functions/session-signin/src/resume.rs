//! `POST /api/auth/IamLoggedIn`: a session token for a JWT, without a password.

use lambda_http::http::StatusCode;
use postern::audit::{self, Caller, Outcome};
use postern::http::{self, Request, Response};
use postern::identity::User;
use postern::session::SessionToken;
use postern::{App, Refusal};
use serde::Serialize;

use crate::errors::{incorrect, refuse};
use crate::fields::{FieldErrors, Fields};
use crate::{CONTRACT, Settings, claims};

#[derive(Serialize)]
struct Success {
    msg: &'static str,
    token: String,
}

/// Issues a JWT for a session token. The session token stays the same.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let session_token = match session_token(Fields::of(request)) {
        Ok(session_token) => session_token,
        Err(errors) => return errors.reply(),
    };
    let outcome = match SessionToken::from_plain(&session_token) {
        Some(presented) => app.resume(caller, &presented, CONTRACT, settings.session_idle).await,
        None => {
            audit::session(caller, Outcome::BadToken, None);
            Ok(None)
        }
    };
    match outcome.and_then(|user| user.map(|user| success(app, settings, caller, &user)).transpose()) {
        Ok(Some(reply)) => reply,
        Ok(None) => {
            let msg = "You have been logged out of this session or this session token is incorrect";
            incorrect(StatusCode::BAD_REQUEST, msg)
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn success(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<Response, Refusal> {
    let token = claims::issue(app, settings, caller, user)?;
    let mut reply = http::token_json(&Success { msg: "Session token is good", token });
    *reply.status_mut() = StatusCode::ACCEPTED;
    Ok(reply)
}

/// Returns the session token of a body. The session information in the body is not read, since the session
/// keeps that of its sign-in.
pub(super) fn session_token(mut fields: Fields) -> Result<String, FieldErrors> {
    let session_token = fields.required("session_token");
    fields.finish(session_token)
}
