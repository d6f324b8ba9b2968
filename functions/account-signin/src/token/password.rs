//! Username and password for an access token and a refresh token (RFC 6749 §4.3). It signs in as the
//! contract's sign-in does. RFC 9700 §2.4 advises against this grant, so a setting switches it on.

use lambda_http::aws_lambda_events::query_map::QueryMap;
use postern::App;
use postern::audit::Caller;
use postern::http::{self, Request, Response};

use super::success;
use crate::Settings;
use crate::errors::{OauthError, refuse_grant};
use crate::form::{check_client, check_scope, parameter};
use crate::sign_in::{Credentials, attempt};

/// Signs a user in.
pub(super) async fn handle(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    request: &Request,
    form: &QueryMap,
) -> Response {
    let credentials = match parse(settings, request, form) {
        Ok(credentials) => credentials,
        Err(error) => return error.reply(),
    };
    let outcome = match app.sign_in(caller, attempt(settings, &credentials)).await {
        Ok(signed_in) => success(app, settings, caller, &signed_in),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse_grant(&refusal))
}

/// Reads and checks the request. The MFA code is the parameter `token`, as at the contract's sign-in.
fn parse(settings: &Settings, request: &Request, form: &QueryMap) -> Result<Credentials, OauthError> {
    let username = parameter(form, "username")?.ok_or(OauthError::InvalidRequest)?;
    let password = parameter(form, "password")?.ok_or(OauthError::InvalidRequest)?;
    let code = parameter(form, "token")?.and_then(http::mfa_code_of_text);
    check_client(settings, request, form)?;
    check_scope(settings, form)?;
    Ok(Credentials { username: username.to_owned(), password: password.to_owned().into(), code })
}
