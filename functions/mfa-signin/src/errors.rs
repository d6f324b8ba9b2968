//! The words of this contract for every refusal.

use lambda_http::http::StatusCode;
use postern::Refusal;
use postern::app::TokenRefusal;
use postern::http::{self, Response};
use serde::Serialize;

/// The word for a JWT, or a password with it, that is not valid.
pub(super) const AUTHENTICATION_FAILED: &str = "authenticationFailed";

#[derive(Serialize)]
struct Error {
    result: &'static str,
    error: &'static str,
}

/// The words of this contract for each refusal.
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

/// The reply to a request without a valid JWT.
pub(super) fn refuse_token(refusal: TokenRefusal) -> Response {
    let sent = match &refusal {
        TokenRefusal::Missing => false,
        TokenRefusal::Expired | TokenRefusal::Invalid => true,
        TokenRefusal::Refused(refusal) => return refuse(refusal),
    };
    http::with_challenge(refuse_with(StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED), sent)
}

/// A reply with this word of the contract.
pub(super) fn refuse_with(status: StatusCode, error: &'static str) -> Response {
    http::json(status, &Error { result: "error", error })
}
