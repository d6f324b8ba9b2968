//! The replies of this contract to every refusal. The errors of its framework for fields are in `fields.rs`.

use lambda_http::http::StatusCode;
use postern::Refusal;
use postern::app::{CodeRefusal, ResetRefusal, TokenRefusal};
use postern::http::{self, Response};
use postern::password::WeakPassword;
use serde::Serialize;

use crate::Settings;
use crate::fields::FieldErrors;
use crate::reset_password::NEW_PASSWORD;
use crate::send_reset_code::sent;

#[derive(Serialize)]
pub(super) struct Error {
    pub(super) msg: &'static str,
    pub(super) error_code: &'static str,
}

/// An error that has no code on the contract's page.
#[derive(Serialize)]
struct Message {
    msg: &'static str,
}

/// Makes the reply to a refusal.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let (status, error_code, msg) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::BAD_REQUEST, "username_or_password_incorrect", "Username or password is wrong")
        }
        Refusal::MfaRequired => (StatusCode::BAD_REQUEST, "mfa_required", "MFA token required"),
        Refusal::Disabled | Refusal::NotActivated => {
            (StatusCode::BAD_REQUEST, "not_activated", "Account is not activated")
        }
        Refusal::MustChangePassword => {
            (StatusCode::BAD_REQUEST, "change_password", "You have to change your password")
        }
        Refusal::Throttled(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts. Try again later.")
        }
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "Something went wrong."),
        Refusal::Fault => (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Something went wrong."),
    };
    http::refusal_json(status, refusal, &Error { msg, error_code })
}

/// Makes the reply to a refusal of a reset. If unknown users are hidden, a name that no user has gets what a
/// user's name gets.
pub(super) fn refuse_reset(settings: &Settings, refusal: ResetRefusal) -> Response {
    let hides = settings.hide_unknown_users;
    let (status, error_code, msg) = match refusal {
        ResetRefusal::NoEmailAddress | ResetRefusal::Refused(Refusal::UnknownUser) if hides => return sent(),
        ResetRefusal::NoUser(_) | ResetRefusal::Refused(Refusal::UnknownUser) if !hides => {
            (StatusCode::NOT_FOUND, "unknown_username", "Unknown username")
        }
        ResetRefusal::NoEmailAddress => {
            (StatusCode::BAD_REQUEST, "no_email_addresses", "There are no email addresses for this account")
        }
        ResetRefusal::Code(refusal) | ResetRefusal::NoUser(refusal) => match refusal {
            // Otherwise the code that appears would show that a user with this name asked for it.
            CodeRefusal::NoCode if hides => {
                (StatusCode::BAD_REQUEST, "code_incorrect", "The code is incorrect")
            }
            CodeRefusal::NoCode => {
                let msg = "There was no code for a password reset requested";
                return http::json(StatusCode::BAD_REQUEST, &Message { msg });
            }
            CodeRefusal::Wrong => (StatusCode::BAD_REQUEST, "code_incorrect", "The code is incorrect"),
            CodeRefusal::UsedUp => (StatusCode::BAD_REQUEST, "rate_limit_exceeded", "Rate limit exceeded"),
        },
        ResetRefusal::Weak(weak) => return FieldErrors::one(NEW_PASSWORD, &weakness(weak)).reply(),
        ResetRefusal::Refused(refusal) => return refuse(&refusal),
    };
    http::json(status, &Error { msg, error_code })
}

/// Makes the reply to a request without a valid JWT.
pub(super) fn refuse_token(refusal: TokenRefusal) -> Response {
    let (msg, error_code) = match &refusal {
        TokenRefusal::Missing => ("Token not provided.", "token_not_provided"),
        TokenRefusal::Expired => ("Provided token is expired.", "token_expired"),
        TokenRefusal::Invalid => ("Your token is incorrect!", "token_incorrect"),
        TokenRefusal::Refused(refusal) => return refuse(refusal),
    };
    let reply = http::json(StatusCode::UNAUTHORIZED, &Error { msg, error_code });
    http::with_challenge(reply, refusal != TokenRefusal::Missing)
}

/// Makes the reply to a session token that is invalid or expired.
pub(super) fn incorrect(status: StatusCode, msg: &'static str) -> Response {
    http::json(status, &Error { msg, error_code: "session_token_incorrect" })
}

/// Returns the message for a weak password, without the name of the field at its beginning.
pub(super) fn weakness(weak: WeakPassword) -> String {
    match weak {
        WeakPassword::TooShort { min_length } => format!("must be at least {min_length} characters."),
        WeakPassword::TooLong => "may not be greater than 1024 bytes.".to_owned(),
        WeakPassword::TooCommon => "is too common.".to_owned(),
        WeakPassword::Unchanged => "and old password must be different.".to_owned(),
    }
}
