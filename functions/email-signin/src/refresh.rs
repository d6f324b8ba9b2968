//! `POST /api/token/refresh/`: a refresh token for an access token and the next refresh token.

use lambda_http::http::StatusCode;
use postern::App;
use postern::audit::{self, Caller, Outcome};
use postern::http::{self, BodyError, Forms, Request, Response};
use postern::session::{RefreshPolicy, SessionToken};

use crate::errors::{NoRefresh, bad_token, refuse};
use crate::sign_in::field;
use crate::{CONTRACT, Settings, claims};

/// Exchanges a refresh token for an access token and the next refresh token.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let presented = match refresh_token(app, settings, caller, request).await {
        Ok(presented) => presented,
        Err(reply) => return reply,
    };
    let policy =
        RefreshPolicy { kind: CONTRACT, idle: settings.refresh_lifetime, lost_reply: settings.lost_reply };
    let outcome = match app.refresh(caller, &presented, &policy).await {
        Ok(Some(signed_in)) => {
            claims::issue(app, settings, caller, &signed_in).map(|tokens| http::token_json(&tokens))
        }
        Ok(None) => Ok(bad_token()),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Returns the session token in the refresh token of a body. Returns the reply if there is no valid one.
pub(super) async fn refresh_token(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    request: &Request,
) -> Result<SessionToken, Response> {
    let members = http::members(request, Forms::UrlencodedAndMultipart);
    let token = members.and_then(|members| field(&members, "refresh").ok_or(BodyError::Malformed));
    let token = token.map_err(|body| {
        let refresh = ["This field is required."];
        http::json(body.status(StatusCode::BAD_REQUEST), &NoRefresh { refresh })
    })?;
    let claims = app.keys().verify(&settings.refresh_jwt, &token, caller.now).await.ok();
    claims.and_then(claims::session_of).ok_or_else(|| {
        audit::session(caller, Outcome::BadToken, None);
        bad_token()
    })
}
