//! The replies of this contract to every refusal.

use lambda_http::http::StatusCode;
use postern::Refusal;
use postern::http::{self, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Errors {
    errors: [ErrorEntry; 1],
}

#[derive(Serialize)]
struct ErrorEntry {
    message: &'static str,
    code: &'static str,
}

/// Makes the reply to a refusal.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => return bad_token(),
        Refusal::MfaRequired => (StatusCode::FORBIDDEN, "mfa_required", "MFA token required."),
        Refusal::Disabled => (StatusCode::FORBIDDEN, "user_disabled", "Account is disabled."),
        Refusal::NotActivated => (StatusCode::FORBIDDEN, "user_not_activated", "Account is not activated."),
        Refusal::MustChangePassword => {
            (StatusCode::FORBIDDEN, "password_change_required", "Password change required.")
        }
        Refusal::Throttled(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many attempts. Try again later.")
        }
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "error", "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "error", "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Errors { errors: [ErrorEntry { message, code }] })
}

/// Makes the reply to a request without a token.
pub(super) fn no_token() -> Response {
    unauthorized("not_authenticated", "Authentication credentials were not provided.", false)
}

/// Makes the reply to a token that is invalid or expired.
pub(super) fn bad_token() -> Response {
    unauthorized("authentication_failed", "Incorrect credentials.", true)
}

fn unauthorized(code: &'static str, message: &'static str, sent: bool) -> Response {
    let errors = [ErrorEntry { message, code }];
    http::with_challenge(http::json(StatusCode::UNAUTHORIZED, &Errors { errors }), sent)
}
