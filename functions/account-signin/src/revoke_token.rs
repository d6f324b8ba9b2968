//! `POST /oauth/revoke_token/`: the end of a session, by its refresh token or an access token (RFC 7009).

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::SignOut;
use postern::audit::{self, Caller};
use postern::http::{self, Request, Response};
use postern::session::SessionToken;

use crate::errors::{OauthError, refuse};
use crate::form::{check_client, parameter, parameters};
use crate::{CONTRACT, Settings, claims};

/// Ends the session of a refresh token or of an access token. The reply for an invalid token is the same (RFC
/// 7009 §2.2).
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let form = match parameters(request) {
        Ok(form) => form,
        Err(error) => return error.reply(),
    };
    let token = match (parameter(&form, "token"), check_client(settings, request, &form)) {
        (Ok(Some(token)), Ok(())) => token,
        (Ok(None) | Err(_), _) => return OauthError::InvalidRequest.reply(),
        (_, Err(error)) => return error.reply(),
    };
    let ended = match SessionToken::from_plain(token) {
        Some(presented) => app.sign_out(caller, &presented, CONTRACT).await,
        None => match app.claims(caller, &settings.jwt, Some(token), claims::subject).await {
            Ok(subject) => app.end_session_of(caller, &subject).await,
            Err(refusal) => {
                audit::session(caller, refusal.outcome(), None);
                Ok(SignOut::NoSession)
            }
        },
    };
    match ended {
        Ok(_) => http::json(StatusCode::OK, &serde_json::Map::new()),
        Err(refusal) => refuse(&refusal),
    }
}
