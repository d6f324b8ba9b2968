//! `POST /oauth/token/`: a grant for an access token and a refresh token.
//!
//! | grant | file |
//! |---|---|
//! | `refresh_token` (RFC 6749 §6) | `token/refresh_token.rs` |
//! | `password` (RFC 6749 §4.3), if the setting is on | `token/password.rs` |

mod password;
mod refresh_token;

use postern::app::SignedIn;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::{App, Refusal};
use serde::Serialize;

use crate::errors::OauthError;
use crate::form::{parameter, parameters};
use crate::{Settings, claims};

/// A successful response of OAuth 2.0 (RFC 6749 §5.1).
#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    scope: &'a str,
}

/// Exchanges a grant for tokens.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let form = match parameters(request) {
        Ok(form) => form,
        Err(error) => return error.reply(),
    };
    match parameter(&form, "grant_type") {
        Ok(Some("refresh_token")) => refresh_token::handle(app, settings, caller, request, &form).await,
        Ok(Some("password")) if settings.password_grant => {
            password::handle(app, settings, caller, request, &form).await
        }
        Ok(Some(_)) => OauthError::UnsupportedGrantType.reply(),
        Ok(None) => OauthError::InvalidRequest.reply(),
        Err(error) => error.reply(),
    }
}

fn success(
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
