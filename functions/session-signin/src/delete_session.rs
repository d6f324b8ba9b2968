//! `DELETE /api/v1/user/myself/session/{id}`: the end of a session, by a JWT and the id that the list shows.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::SignOut;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use serde::Serialize;

use crate::claims::{presented_jwt, subject};
use crate::errors::{Error, refuse_token};
use crate::{CONTRACT, Settings};

#[derive(Serialize)]
struct Success {
    msg: &'static str,
}

/// Ends a session of the JWT's user.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let token = presented_jwt(request);
    let subject = match subject(app, settings, caller, token).await {
        Ok(subject) => subject,
        Err(refused) => return refused,
    };
    let (token, id) = (token.unwrap_or_default(), http::last_segment(request));
    match app.end_session_numbered(caller, token, &subject, CONTRACT, id).await {
        Ok(SignOut::Ended) => http::json(StatusCode::OK, &Success { msg: "Successfully deleted session" }),
        Ok(SignOut::NoSession) => {
            let error = Error { msg: "Session token does not exist!", error_code: "session_token_not_found" };
            http::json(StatusCode::NOT_FOUND, &error)
        }
        Err(refusal) => refuse_token(refusal),
    }
}
