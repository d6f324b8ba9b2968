//! A refresh token for an access token and the next refresh token (RFC 6749 §6).

use lambda_http::aws_lambda_events::query_map::QueryMap;
use postern::App;
use postern::audit::{self, Caller, Outcome};
use postern::http::{Request, Response};
use postern::session::{RefreshPolicy, SessionToken};

use super::success;
use crate::errors::{OauthError, refuse};
use crate::form::{check_client, check_scope, parameter};
use crate::{CONTRACT, Settings};

/// Exchanges a refresh token for an access token and the next refresh token.
pub(super) async fn handle(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    request: &Request,
    form: &QueryMap,
) -> Response {
    let presented = match parse(settings, request, form) {
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
            success(app, settings, caller, &signed_in).unwrap_or_else(|refusal| refuse(&refusal))
        }
        Ok(None) => OauthError::InvalidGrant.reply(),
        Err(refusal) => refuse(&refusal),
    }
}

/// Reads and checks a refresh request, and returns its refresh token. Returns `None` if the token does not
/// have the form of Postern's tokens.
fn parse(
    settings: &Settings,
    request: &Request,
    form: &QueryMap,
) -> Result<Option<SessionToken>, OauthError> {
    let token = parameter(form, "refresh_token")?.ok_or(OauthError::InvalidRequest)?;
    check_client(settings, request, form)?;
    check_scope(settings, form)?;
    Ok(SessionToken::from_plain(token))
}
