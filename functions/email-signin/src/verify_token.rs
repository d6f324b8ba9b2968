//! `POST /api/token/verify/`: whether a token is valid, as the framework's `TokenVerifyView`.
//!
//! The framework takes an access token and a refresh token, and refuses a refresh token that was rotated or
//! blacklisted. Both are read in the table here, so a token is refused too if its user may not sign in or has
//! a new password. Nothing is changed.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::TokenRefusal;
use postern::audit::Caller;
use postern::http::{self, Forms, Request, Response};
use serde::Serialize;
use serde_json::Map;

use crate::claims::AccessToken;
use crate::errors::{bad_token, refuse};
use crate::fields::{REQUIRED, text};
use crate::{CONTRACT, Settings, claims};

/// The error of the field.
#[derive(Serialize)]
struct FieldError {
    token: [&'static str; 1],
}

/// Says whether the token is valid.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let refused = |status, error| http::json(status, &FieldError { token: [error] });
    let members = match http::members(request, Forms::UrlencodedAndMultipart) {
        Ok(members) => members,
        Err(body) => return refused(body.status(StatusCode::BAD_REQUEST), REQUIRED),
    };
    let token = match text(&members, "token") {
        Ok(token) => token,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error),
    };
    let refresh = app.keys().verify(&settings.refresh_jwt, &token, caller.now).await.ok();
    let is_valid = match refresh.and_then(claims::session_of) {
        Some(presented) => app.is_current(caller, &presented, CONTRACT).await,
        None => match app.holder(caller, &settings.jwt, Some(&token), AccessToken::subject).await {
            Ok(_) => Ok(true),
            Err(TokenRefusal::Missing | TokenRefusal::Expired | TokenRefusal::Invalid) => Ok(false),
            Err(TokenRefusal::Refused(refusal)) => Err(refusal),
        },
    };
    match is_valid {
        Ok(true) => http::json(StatusCode::OK, &Map::new()),
        Ok(false) => bad_token(),
        Err(refusal) => refuse(&refusal),
    }
}
