//! The replies of this contract to every refusal: in the format of its framework, and in that of OAuth 2.0.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{self, HeaderValue};
use postern::Refusal;
use postern::app::ResetRefusal;
use postern::http::{self, Response};
use postern::password::WeakPassword;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Errors {
    pub(super) errors: Vec<ErrorEntry>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ErrorEntry {
    Field { field: &'static str, messages: [Message; 1] },
    Whole(Message),
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) message: &'static str,
    pub(super) code: &'static str,
}

/// An error response of OAuth 2.0 (RFC 6749 §5.2).
#[derive(Serialize)]
struct OauthReply {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'static str>,
}

/// Why a request is refused, in the terms of RFC 6749.
#[derive(Clone, Copy)]
pub(super) enum OauthError {
    InvalidRequest,
    /// The body cannot be read as an urlencoded form. The reply has this status.
    NotAForm(StatusCode),
    /// The `client_id` of the body is not the contract's client.
    InvalidClient,
    /// The client of the Authorization header is not the contract's client, or the header is malformed.
    InvalidBasic,
    InvalidGrant,
    UnsupportedGrantType,
    InvalidScope,
}

/// Makes the reply to a refusal.
pub(super) fn refuse(refusal: &Refusal) -> Response {
    let (status, code, message) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::UNAUTHORIZED, "authentication_failed", "Incorrect credentials.")
        }
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
    let errors = vec![ErrorEntry::Whole(Message { message, code })];
    http::refusal_json(status, refusal, &Errors { errors })
}

/// Makes the reply of the password grant to a refusal. RFC 6749 §5.2 has `invalid_grant` for wrong credentials,
/// and RFC 8628 §3.5 `slow_down` for a client that asks too often. It has no word for a fault, so that has the
/// contract's own.
pub(super) fn refuse_grant(refusal: &Refusal) -> Response {
    let (status, error, error_description) = match refusal {
        Refusal::UnknownUser | Refusal::WrongPassword | Refusal::WrongCode => {
            (StatusCode::BAD_REQUEST, "invalid_grant", None)
        }
        Refusal::MfaRequired => (StatusCode::BAD_REQUEST, "mfa_required", None),
        Refusal::Disabled => (StatusCode::BAD_REQUEST, "invalid_grant", Some("Account is disabled.")),
        Refusal::NotActivated => {
            (StatusCode::BAD_REQUEST, "invalid_grant", Some("Account is not activated."))
        }
        Refusal::MustChangePassword => {
            (StatusCode::BAD_REQUEST, "invalid_grant", Some("Password change required."))
        }
        Refusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, "slow_down", None),
        Refusal::Unavailable | Refusal::Fault => return refuse(refusal),
    };
    http::refusal_json(status, refusal, &OauthReply { error, error_description })
}

/// Makes the reply to a refusal of a reset. It does not say why a code is refused.
pub(super) fn refuse_reset(refusal: ResetRefusal) -> Response {
    let (field, message) = match refusal {
        ResetRefusal::Refused(refusal) => return refuse(&refusal),
        ResetRefusal::NoEmailAddress | ResetRefusal::Code(_) | ResetRefusal::NoUser(_) => {
            ("validation_code", "The code is invalid or has expired.")
        }
        ResetRefusal::Weak(weak) => ("password", weakness(weak)),
    };
    let errors = vec![ErrorEntry::Field { field, messages: [Message { message, code: "invalid" }] }];
    http::json(StatusCode::BAD_REQUEST, &Errors { errors })
}

/// Returns the message for a weak password.
const fn weakness(weak: WeakPassword) -> &'static str {
    match weak {
        WeakPassword::TooShort { .. } => "This password is too short.",
        WeakPassword::TooLong => "This password is too long.",
        WeakPassword::TooCommon => "This password is too common.",
        WeakPassword::Unchanged => "The new password must differ from the old one.",
    }
}

impl OauthError {
    pub(super) fn reply(self) -> Response {
        let description =
            "The body must be application/x-www-form-urlencoded, in UTF-8, and of 64 KiB at most.";
        let (status, error, error_description) = match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request", None),
            Self::NotAForm(status) => (status, "invalid_request", Some(description)),
            Self::InvalidClient => (StatusCode::BAD_REQUEST, "invalid_client", None),
            Self::InvalidBasic => (StatusCode::UNAUTHORIZED, "invalid_client", None),
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant", None),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type", None),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope", None),
        };
        let mut reply = http::json(status, &OauthReply { error, error_description });
        // The challenge must match the scheme that the client used (RFC 6749 §5.2).
        if matches!(self, Self::InvalidBasic) {
            let challenge = HeaderValue::from_static("Basic realm=\"oauth\"");
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        reply
    }
}
