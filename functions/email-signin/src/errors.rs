//! The replies of this contract to every refusal: its own, and those of its framework for tokens.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderValue, WWW_AUTHENTICATE};
use postern::Refusal;
use postern::http::{self, Response};
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Error {
    pub(super) error: &'static str,
}

/// The framework's error with a code.
#[derive(Serialize)]
struct CodedError {
    detail: &'static str,
    code: &'static str,
}

/// The framework's error for a caller who is not authenticated, as djangorestframework-simplejwt 5.5 writes
/// it.
#[derive(Serialize)]
pub(super) struct AuthenticationError {
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<[TokenMessage; 1]>,
}

#[derive(Serialize)]
struct TokenMessage {
    token_class: &'static str,
    token_type: &'static str,
    message: &'static str,
}

impl AuthenticationError {
    pub(super) const MISSING: Self =
        Self { detail: "Authentication credentials were not provided.", code: None, messages: None };
    pub(super) const HEADER: Self = Self {
        detail: "Authorization header must contain two space-delimited values",
        code: Some("bad_authorization_header"),
        messages: None,
    };

    pub(super) const fn token(message: &'static str) -> Self {
        Self {
            detail: "Given token not valid for any token type",
            code: Some("token_not_valid"),
            messages: Some([TokenMessage { token_class: "AccessToken", token_type: "access", message }]),
        }
    }
}

/// The framework's error for a missing field.
#[derive(Serialize)]
pub(super) struct NoRefresh {
    pub(super) refresh: [&'static str; 1],
}

/// Makes the reply to a refusal.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let (status, error) = match refusal {
        Refusal::UnknownUser => (StatusCode::NOT_FOUND, "User does not exist."),
        Refusal::WrongPassword | Refusal::WrongCode => (StatusCode::BAD_REQUEST, "Invalid password"),
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "MFA token required."),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "User account is disabled."),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "User account is not activated."),
        Refusal::MustChangePassword => (StatusCode::FORBIDDEN, "Password change required."),
        Refusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later."),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Error { error })
}

/// Makes the reply of the framework's token route to a refusal. The framework has no user with MFA or with a
/// password that must change, and no limit. It tells no state of an account.
pub(super) fn refuse_credentials(refusal: &Refusal) -> Response {
    let (status, detail, code) = match refusal {
        Refusal::UnknownUser
        | Refusal::WrongPassword
        | Refusal::WrongCode
        | Refusal::Disabled
        | Refusal::NotActivated => {
            let detail = "No active account found with the given credentials";
            let error = CodedError { detail, code: "no_active_account" };
            return with_realm(http::json(StatusCode::UNAUTHORIZED, &error));
        }
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "MFA token required.", "mfa_required"),
        Refusal::MustChangePassword => {
            (StatusCode::FORBIDDEN, "Password change required.", "password_change_required")
        }
        Refusal::Throttled(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "Too many attempts. Try again later.", "throttled")
        }
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong.", "error"),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong.", "error"),
    };
    http::refusal_json(status, refusal, &CodedError { detail, code })
}

/// Makes a 401 of the framework's authentication, with its challenge.
pub(super) fn unauthenticated(error: &AuthenticationError) -> Response {
    with_realm(http::json(StatusCode::UNAUTHORIZED, error))
}

/// Adds the framework's challenge.
fn with_realm(mut reply: Response) -> Response {
    let challenge = HeaderValue::from_static("Bearer realm=\"api\"");
    reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    reply
}

/// Makes the reply to a token that is invalid or expired.
pub(super) fn bad_token() -> Response {
    let (detail, code) = ("Token is invalid or expired", "token_not_valid");
    http::with_challenge(http::json(StatusCode::UNAUTHORIZED, &CodedError { detail, code }), true)
}
