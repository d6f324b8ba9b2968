//! `POST /oauth/token/`: a refresh token for an access token and the next refresh token (RFC 6749 §6).

use lambda_http::aws_lambda_events::query_map::QueryMap;
use postern::app::SignedIn;
use postern::audit::{self, Caller, Outcome};
use postern::http::{self, Request, Response};
use postern::session::{RefreshPolicy, SessionToken};
use postern::{App, Refusal};
use serde::Serialize;

use crate::errors::{OauthError, refuse};
use crate::form::{check_client, parameter, parameters};
use crate::{CONTRACT, Settings, claims};

/// A successful response of OAuth 2.0 (RFC 6749 §5.1).
#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    scope: &'a str,
}

/// Exchanges a refresh token for an access token and the next refresh token.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let presented = match parameters(request).and_then(|form| refresh_request(settings, request, &form)) {
        Ok(presented) => presented,
        Err(error) => return error.reply(),
    };
    let Some(presented) = presented else {
        audit::session(caller, Outcome::BadToken, None);
        return OauthError::InvalidGrant.reply();
    };
    let policy =
        RefreshPolicy { kind: CONTRACT, idle: settings.session_idle, lost_reply: settings.lost_reply };
    match app.refresh(caller, &presented, &policy).await {
        Ok(Some(signed_in)) => {
            refreshed(app, settings, caller, &signed_in).unwrap_or_else(|refusal| refuse(&refusal))
        }
        Ok(None) => OauthError::InvalidGrant.reply(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Reads and checks a refresh request, and returns its refresh token. Returns `None` if the token does not
/// have the form of Postern's tokens.
fn refresh_request(
    settings: &Settings,
    request: &Request,
    form: &QueryMap,
) -> Result<Option<SessionToken>, OauthError> {
    let grant_type = parameter(form, "grant_type")?.ok_or(OauthError::InvalidRequest)?;
    if grant_type != "refresh_token" {
        return Err(OauthError::UnsupportedGrantType);
    }
    let token = parameter(form, "refresh_token")?.ok_or(OauthError::InvalidRequest)?;
    check_client(settings, request, form)?;
    // A client may ask for a part of the granted scope. It gets the whole scope, and the reply says so (RFC
    // 6749 §3.3).
    let granted = |scope| settings.scope.split_ascii_whitespace().any(|known| known == scope);
    let asked = parameter(form, "scope")?.unwrap_or_default();
    if !asked.split_ascii_whitespace().all(granted) {
        return Err(OauthError::InvalidScope);
    }
    Ok(SessionToken::from_plain(token))
}

fn refreshed(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    signed_in: &SignedIn,
) -> Result<Response, Refusal> {
    let session = signed_in.session.as_ref().ok_or(Refusal::Fault)?;
    Ok(http::token_json(&Token {
        access_token: &claims::access_token(app, settings, caller, &signed_in.user, session)?,
        token_type: "Bearer",
        expires_in: settings.access_lifetime.as_secs(),
        refresh_token: &session.to_plain(),
        scope: &settings.scope,
    }))
}
