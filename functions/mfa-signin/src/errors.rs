//! The replies of this contract to every refusal.

use lambda_http::http::StatusCode;
use postern::Refusal;
use postern::app::TokenRefusal;
use postern::http::{self, Response};
use serde::Serialize;

/// The error for a JWT that is not valid, and for a wrong password or code beside a JWT.
pub(super) const AUTHENTICATION_FAILED: &str = "authenticationFailed";

#[derive(Serialize)]
struct Error {
    result: &'static str,
    error: &'static str,
}

/// Makes the reply to a refusal.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let (status, error) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::UNAUTHORIZED, "signInFailed")
        }
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "mfaTokenRequired"),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "accountBlocked"),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "statusLacking"),
        Refusal::MustChangePassword => (StatusCode::FORBIDDEN, "passwordChangeRequired"),
        Refusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "tooManyRequests"),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "serverError"),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "serverError"),
    };
    http::refusal_json(status, refusal, &Error { result: "error", error })
}

/// Makes the reply to a request without a valid JWT.
pub(super) fn refuse_token(refusal: TokenRefusal) -> Response {
    let sent = match &refusal {
        TokenRefusal::Missing => false,
        TokenRefusal::Expired | TokenRefusal::Invalid => true,
        TokenRefusal::Refused(refusal) => return refuse(refusal),
    };
    http::with_challenge(refuse_with(StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED), sent)
}

/// Makes a reply with this error.
pub(super) fn refuse_with(status: StatusCode, error: &'static str) -> Response {
    http::json(status, &Error { result: "error", error })
}
