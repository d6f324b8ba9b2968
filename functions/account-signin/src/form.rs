//! The form of an OAuth 2.0 request, and the client that it names. The clients are public (RFC 6749 §2.1):
//! they are not authenticated, and a `client_id` only identifies them.

use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::StatusCode;
use postern::http::{self, Request};

use crate::Settings;
use crate::errors::OauthError;

/// Reads the parameters. JSON and multipart forms are refused, as the product's own server does. The reply
/// says why, since developers send them by mistake.
pub(super) fn parameters(request: &Request) -> Result<QueryMap, OauthError> {
    let parameters = http::form(request);
    match parameters.map_err(|error| error.status(StatusCode::BAD_REQUEST)) {
        Ok(parameters) if !http::is_not_urlencoded(request) => Ok(parameters),
        Ok(_) => Err(OauthError::NotAForm(StatusCode::BAD_REQUEST)),
        Err(status) => Err(OauthError::NotAForm(status)),
    }
}

/// Checks the client. A public client need not identify itself. If it does, it must be the contract's client.
/// It has no secret, so a secret that it sends has no effect (RFC 6749 §2.3.1).
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

/// Checks the scope. A client may ask for a part of the granted scope. It gets the whole scope, and the reply
/// says so (RFC 6749 §3.3).
pub(super) fn check_scope(settings: &Settings, form: &QueryMap) -> Result<(), OauthError> {
    let granted = |scope| settings.scope.split_ascii_whitespace().any(|known| known == scope);
    let asked = parameter(form, "scope")?.unwrap_or_default();
    asked.split_ascii_whitespace().all(granted).then_some(()).ok_or(OauthError::InvalidScope)
}

/// Returns a parameter. An empty parameter counts as not sent, and no parameter may be sent twice (RFC 6749
/// §3.1, §3.2).
pub(super) fn parameter<'f>(form: &'f QueryMap, name: &str) -> Result<Option<&'f str>, OauthError> {
    match form.all(name).as_deref() {
        None | Some([]) => Ok(None),
        Some([value]) => Ok(Some(*value).filter(|value| !value.is_empty())),
        Some(_) => Err(OauthError::InvalidRequest),
    }
}
