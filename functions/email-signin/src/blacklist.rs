//! `POST /api/token/blacklist/`: the end of a session, by its refresh token.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::SignOut;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use serde_json::Map;

use crate::errors::{bad_token, refuse};
use crate::refresh::refresh_token;
use crate::{CONTRACT, Settings};

/// Ends the session of a refresh token.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let presented = match refresh_token(app, settings, caller, request).await {
        Ok(presented) => presented,
        Err(reply) => return reply,
    };
    match app.sign_out(caller, &presented, CONTRACT).await {
        Ok(SignOut::Ended) => http::json(StatusCode::OK, &Map::new()),
        Ok(SignOut::NoSession) => bad_token(),
        Err(refusal) => refuse(&refusal),
    }
}
