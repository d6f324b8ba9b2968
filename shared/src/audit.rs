//! The audit trail: one structured event for each attempt and each use of a session, and one for each right
//! password that is a common one.
//!
//! Each event is one line of JSON. CloudWatch bills the bytes of each line, so the line holds facts only: the
//! metric filters of the template say which metrics CloudWatch makes from it. An event never holds a
//! password, a token, a code or a key. It does not hold the login name either, since people type their
//! password there by mistake.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clock::Timestamp;

macro_rules! outcomes {
    ($($(#[$doc:meta])* $variant:ident => $name:literal),* $(,)?) => {
        /// The outcome of an attempt or of the use of a session, as audit events name it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome { $($(#[$doc])* $variant),* }

        impl Outcome {
            /// Every outcome. Dashboards read their names, so a name never changes.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the value of the field `outcome`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

outcomes! {
    /// A user signed in.
    SignedIn => "signed_in",
    /// No user has this login name.
    UnknownUser => "unknown_user",
    /// The password was wrong, or the user has none.
    WrongPassword => "wrong_password",
    /// The password was right, and the MFA code was wrong or used before.
    WrongCode => "wrong_code",
    /// The password was right, and the MFA code was missing.
    MfaRequired => "mfa_required",
    /// The user is disabled or blocked.
    Disabled => "disabled",
    /// The user is not activated yet.
    NotActivated => "not_activated",
    /// The user has to change the password first.
    MustChangePassword => "must_change_password",
    /// There were too many failed attempts by the name or from the address.
    Throttled => "throttled",
    /// DynamoDB throttled, failed or did not answer, or the request ran out of time.
    StoreUnavailable => "store_unavailable",
    /// A fault of Postern, or an item that cannot be read. A log line names the cause.
    Fault => "fault",
    /// A user changed a password that had to be changed.
    PasswordChanged => "password_changed",
    /// A user asked to change a password that does not have to be changed.
    PasswordChangeNotNeeded => "password_change_not_needed",
    /// A new password was too weak.
    WeakPassword => "weak_password",
    /// A user began to switch MFA on.
    MfaBegun => "mfa_begun",
    /// A user switched MFA on.
    MfaEnabled => "mfa_enabled",
    /// A user switched MFA off.
    MfaDisabled => "mfa_disabled",
    /// A request came without a token.
    NoToken => "no_token",
    /// A token was invalid, expired or revoked.
    BadToken => "bad_token",
    /// A token was accepted.
    TokenAccepted => "token_accepted",
    /// A client got a session's new token, or the same one again.
    SessionRefreshed => "session_refreshed",
    /// A client sent a session's previous token after the grace, and got its successor: the earlier reply may
    /// have been lost.
    SessionRefreshedLate => "session_refreshed_late",
    /// A session was used.
    SessionResumed => "session_resumed",
    /// A token belongs to no session that can be used.
    SessionInvalid => "session_invalid",
    /// A token was used before. Its session has ended.
    SessionReused => "session_reused",
    /// A user asked for a code that resets the password.
    ResetRequested => "reset_requested",
    /// A user without an e-mail address asked for such a code.
    NoEmailAddress => "no_email_address",
    /// A code that resets the password was right.
    ResetCodeRight => "reset_code_right",
    /// A code that resets the password was wrong, or was not valid any more.
    WrongResetCode => "wrong_reset_code",
    /// There was no code that resets the password, or it had expired.
    NoResetCode => "no_reset_code",
    /// The code that resets the password was tried too often.
    ResetCodeUsedUp => "reset_code_used_up",
    /// A user reset the password.
    PasswordReset => "password_reset",
    /// A user ended a session.
    SignedOut => "signed_out",
    /// The right password is a common one, or the user's own name.
    CommonPassword => "common_password",
}

/// The target of these events. The log writes each of them as it is, since it is a line of JSON already.
pub const TARGET: &str = module_path!();

/// The sender of a request, with the address, the time and the contract.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The contract's name, for the audit event.
    pub contract: &'static str,
    /// API Gateway's id of the request. The reply carries it as `X-Request-Id`.
    pub request_id: String,
    /// The address that API Gateway saw; of a request through the edge, the one that CloudFront saw. A caller
    /// cannot choose it.
    pub address: String,
    /// The time of the request.
    pub now: Timestamp,
    /// When work on the request began, for its duration.
    pub started: Instant,
    /// When work on the request stops, while there is still time to reply.
    pub deadline: Instant,
}

/// The fields of an attempt's event besides its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct AttemptDetails {
    /// The user, if there is one.
    pub user_id: Option<u64>,
    /// The time that hashing took.
    pub hashing: Option<Duration>,
    /// Which counter refused the attempt: that of the `name` or that of the `address`.
    pub throttled_by: Option<&'static str>,
    /// Whether the login name is locked if this attempt fails.
    pub locks_name: bool,
    /// Whether the password is right, and is a common one or the user's own name.
    pub common_password: bool,
}

#[derive(Serialize)]
struct Event<'a> {
    timestamp: Option<String>,
    level: &'static str,
    message: &'static str,
    contract: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<u64>,
    address: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_locked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash_ms: Option<f64>,
}

/// Emits the event of an attempt to sign in, and one more if its right password is a common one. An attempt that
/// changed the password emits no other, because nobody has the old password any more.
pub fn attempt(caller: &Caller, outcome: Outcome, details: AttemptDetails) {
    let stays_charged = matches!(
        outcome,
        Outcome::UnknownUser
            | Outcome::WrongPassword
            | Outcome::WrongCode
            | Outcome::WrongResetCode
            | Outcome::NoResetCode
            | Outcome::ResetCodeUsedUp
    );
    emit(Event {
        name_locked: (details.locks_name && stays_charged).then_some(true),
        ..event("sign-in attempt", caller, outcome, details)
    });
    if details.common_password && outcome != Outcome::PasswordChanged {
        let user = AttemptDetails { user_id: details.user_id, ..AttemptDetails::default() };
        emit(Event { duration_ms: None, ..event("password", caller, Outcome::CommonPassword, user) });
    }
}

/// Emits the event of a session that was refreshed, used or ended.
pub fn session(caller: &Caller, outcome: Outcome, user_id: Option<u64>) {
    emit(event("session", caller, outcome, AttemptDetails { user_id, ..AttemptDetails::default() }));
}

fn event<'a>(
    message: &'static str,
    caller: &'a Caller,
    outcome: Outcome,
    details: AttemptDetails,
) -> Event<'a> {
    Event {
        timestamp: caller.now.iso8601(),
        level: "INFO",
        message,
        contract: caller.contract,
        outcome: outcome.as_str(),
        user_id: details.user_id,
        address: &caller.address,
        request_id: &caller.request_id,
        throttled_by: details.throttled_by,
        name_locked: None,
        duration_ms: Some(milliseconds(caller.started.elapsed())),
        hash_ms: details.hashing.map(milliseconds),
    }
}

fn emit(event: Event<'_>) {
    match serde_json::to_string(&event) {
        Ok(line) => tracing::info!(line = line.as_str()),
        Err(error) => tracing::error!(target: "postern", cause = %error, "an audit event is no JSON"),
    }
}

/// Returns a duration in milliseconds, rounded to a tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operators look an outcome up there.
    #[test]
    fn operating_page_lists_every_outcome() {
        let page = include_str!("../../docs/operating.md");
        for outcome in Outcome::ALL {
            let cell = format!("| `{}` |", outcome.as_str());
            assert!(page.contains(&cell), "docs/operating.md has no row of {cell}");
        }
    }
}
