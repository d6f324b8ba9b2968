//! The form of an OAuth 2.0 request, and the client that it names. The clients are public ones (RFC 6749 §2.1): the refresh
//! token authenticates them, and a `client_id` only says who they are.

use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::StatusCode;
use postern::http::{self, Request};

use crate::Settings;
use crate::errors::OauthError;

/// The parameters. JSON and forms with parts are refused, as by the product's own server, but with a word of why: its users
/// send them by mistake.
pub(super) fn parameters(request: &Request) -> Result<QueryMap, OauthError> {
    let parameters = http::form(request);
    match parameters.map_err(|error| error.status(StatusCode::BAD_REQUEST)) {
        Ok(parameters) if !http::is_no_urlencoded(request) => Ok(parameters),
        Ok(_) => Err(OauthError::NoForm(StatusCode::BAD_REQUEST)),
        Err(status) => Err(OauthError::NoForm(status)),
    }
}

/// A public client need not say who it is; where it does, it is the one. It has no secret, so any is as good as none
/// (RFC 6749 §2.3.1).
pub(super) fn check_client(
    settings: &Settings,
    request: &Request,
    form: &QueryMap,
) -> Result<(), OauthError> {
    match http::basic(request) {
        Some(Ok((client_id, _))) if client_id == settings.client_id => {}
        Some(_) => return Err(OauthError::InvalidBasic),
        None => {}
    }
    match parameter(form, "client_id")? {
        Some(client_id) if client_id != settings.client_id => Err(OauthError::InvalidClient),
        Some(_) | None => Ok(()),
    }
}

/// A parameter, of which an empty one counts as not sent, and none may be sent twice (RFC 6749 §3.1, §3.2).
pub(super) fn parameter<'f>(form: &'f QueryMap, name: &str) -> Result<Option<&'f str>, OauthError> {
    match form.all(name).as_deref() {
        None | Some([]) => Ok(None),
        Some([value]) => Ok(Some(*value).filter(|value| !value.is_empty())),
        Some(_) => Err(OauthError::InvalidRequest),
    }
}
