//! What a session token is for: to come back without a password (`POST /api/auth/IamLoggedIn`), and to leave
//! (`POST /api/v1/user/myself/session/logoutCurrentSession`).

use lambda_http::http::StatusCode;
use postern::app::TokenRefusal;
use postern::audit::{self, Caller};
use postern::http::{self, Request, Response};
use postern::session::SessionToken;
use postern::user::User;
use postern::{App, Refusal};
use serde::Serialize;

use crate::fields::{FieldErrors, Fields};
use crate::{Error, IssuedJwt, KIND, Settings, jwt, refuse};

#[derive(Serialize)]
struct Good {
    msg: &'static str,
    token: String,
}

#[derive(Serialize)]
struct Said {
    msg: &'static str,
}

/// Gives a JWT for a session token, which stays as it is.
pub(super) async fn resume(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let session_token = match session_token(Fields::of(request)) {
        Ok(session_token) => session_token,
        Err(errors) => return errors.reply(),
    };
    let outcome = match SessionToken::from_plain(&session_token) {
        Some(presented) => app.resume(caller, &presented, KIND, settings.session_idle).await,
        None => {
            audit::session(caller, "bad_token", None);
            Ok(None)
        }
    };
    match outcome.and_then(|user| user.map(|user| good(app, settings, caller, &user)).transpose()) {
        Ok(Some(reply)) => reply,
        Ok(None) => {
            let msg = "You have been logged out of this session or this session token is incorrect";
            incorrect(StatusCode::BAD_REQUEST, msg)
        }
        Err(refusal) => refuse(&refusal),
    }
}

fn good(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<Response, Refusal> {
    let token = jwt(app, settings, caller, user)?;
    let mut reply = http::token_json(&Good { msg: "Session token is good", token });
    *reply.status_mut() = StatusCode::ACCEPTED;
    Ok(reply)
}

/// Ends a session of the JWT's user. The JWT may come as `?token=` or as the member `token` of the body, since this
/// contract's clients send it so.
pub(super) async fn leave(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let token = http::query(request, "token").filter(|token| !token.is_empty());
    let fields = Fields::of(request);
    let in_body = fields.peek("token").filter(|token| !token.is_empty()).map(str::to_owned);
    let token = token.or_else(|| http::bearer(request)).or(in_body.as_deref());
    let claimed = app.claims(caller, token, |jwt: IssuedJwt| jwt.claimed(settings)).await;
    let claimed = match claimed {
        Ok(claimed) => claimed,
        Err(refusal) => {
            audit::session(caller, refusal.outcome(), None);
            return refuse_token(refusal);
        }
    };
    let session_token = match session_token(fields) {
        Ok(session_token) => session_token,
        Err(errors) => return errors.reply(),
    };
    let presented = SessionToken::from_plain(&session_token);
    let ended = app.sign_out_as(caller, token.unwrap_or_default(), &claimed, presented.as_ref(), KIND).await;
    match ended {
        Ok(true) => http::json(StatusCode::OK, &Said { msg: "Successfully logged out and deleted session" }),
        Ok(false) => incorrect(StatusCode::NOT_FOUND, "Session token is incorrect"),
        Err(refusal) => refuse_token(refusal),
    }
}

fn refuse_token(refusal: TokenRefusal) -> Response {
    let (msg, error_code) = match &refusal {
        TokenRefusal::Missing => ("Token not provided.", "token_not_provided"),
        TokenRefusal::Expired => ("Provided token is expired.", "token_expired"),
        TokenRefusal::Invalid => ("Your token is incorrect!", "token_incorrect"),
        TokenRefusal::Refused(refusal) => return refuse(refusal),
    };
    let reply = http::json(StatusCode::UNAUTHORIZED, &Error { msg, error_code });
    http::with_challenge(reply, refusal != TokenRefusal::Missing)
}

/// No session information is looked at: the session has that of its sign-in.
fn session_token(mut fields: Fields) -> Result<String, FieldErrors> {
    let session_token = fields.required("session_token");
    fields.all_right(session_token)
}

fn incorrect(status: StatusCode, msg: &'static str) -> Response {
    http::json(status, &Error { msg, error_code: "session_token_incorrect" })
}
