//! `POST /api/v1/user/myself/session/logoutCurrentSession`: the end of a session, by a JWT and the session
//! token.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::SignOut;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::session::SessionToken;
use serde::Serialize;

use crate::claims::{presented_jwt, subject};
use crate::errors::{incorrect, refuse_token};
use crate::fields::Fields;
use crate::resume::session_token;
use crate::{CONTRACT, Settings};

#[derive(Serialize)]
struct Success {
    msg: &'static str,
}

/// Ends a session of the JWT's user. The JWT may also be the member `token` of the body, since this contract's
/// clients send it there too.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let fields = Fields::of(request);
    let in_body = fields.peek("token").filter(|token| !token.is_empty()).map(str::to_owned);
    let token = presented_jwt(request).or(in_body.as_deref());
    let subject = match subject(app, settings, caller, token).await {
        Ok(subject) => subject,
        Err(refused) => return refused,
    };
    let session_token = match session_token(fields) {
        Ok(session_token) => session_token,
        Err(errors) => return errors.reply(),
    };
    let presented = SessionToken::from_plain(&session_token);
    let ended =
        app.sign_out_as(caller, token.unwrap_or_default(), &subject, presented.as_ref(), CONTRACT).await;
    match ended {
        Ok(SignOut::Ended) => {
            http::json(StatusCode::OK, &Success { msg: "Successfully logged out and deleted session" })
        }
        Ok(SignOut::NoSession) => incorrect(StatusCode::NOT_FOUND, "Session token is incorrect"),
        Err(refusal) => refuse_token(refusal),
    }
}
