//! Why a sign-in did not happen. Every contract words each of these in one exhaustive match.

use std::time::Duration;

use crate::identity::UnreadableAttributes;
use crate::store::StoreError;
use crate::token::SigningFailed;

/// Why a well-formed attempt was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No user has this login name. Told apart from [`Refusal::WrongPassword`] by one contract only.
    UnknownUser,
    /// The password is wrong, or the user has none.
    WrongPassword,
    /// The password was right, the MFA code was not, or it was spent before.
    WrongCode,
    /// The password was right; the user has MFA on and sent no code.
    MfaRequired,
    /// The user is disabled or blocked.
    Disabled,
    /// The user has not been activated yet.
    NotActivated,
    /// The user has to change the password first.
    MustChangePassword,
    /// Too many attempts by this name or from this address; the next is admitted after this time.
    Throttled(Duration),
    /// The store throttles, does not answer, or fails.
    Unavailable,
    /// Our own fault.
    Fault,
}

impl Refusal {
    /// The name of this refusal in the audit events.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::MfaRequired => "mfa_required",
            Self::Disabled => "disabled",
            Self::NotActivated => "not_activated",
            Self::MustChangePassword => "must_change_password",
            Self::Throttled(_) => "throttled",
            Self::Unavailable => "store_unavailable",
            Self::Fault => "fault",
        }
    }

    /// Whether it is the user's doing or state, and not ours or the store's: who comes with a token is told no more than that
    /// the token is no good.
    pub(crate) const fn concerns_account(&self) -> bool {
        match self {
            Self::UnknownUser
            | Self::WrongPassword
            | Self::WrongCode
            | Self::MfaRequired
            | Self::Disabled
            | Self::NotActivated
            | Self::MustChangePassword => true,
            Self::Throttled(_) | Self::Unavailable | Self::Fault => false,
        }
    }

    /// How long the caller should wait, where waiting helps: whole seconds, rounded up, at least 1
    /// (`Retry-After`, RFC 9110 §10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Throttled(wait) => Some(wait.as_millis().div_ceil(1000).max(1) as u64),
            Self::Unavailable => Some(1),
            Self::UnknownUser
            | Self::WrongPassword
            | Self::WrongCode
            | Self::MfaRequired
            | Self::Disabled
            | Self::NotActivated
            | Self::MustChangePassword
            | Self::Fault => None,
        }
    }
}

/// The one place where a store's failure becomes a refusal, and so the one place that logs its cause.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(cause = %error, "the store failed");
        match error {
            StoreError::Unavailable { .. } => Self::Unavailable,
            StoreError::Rejected { .. } | StoreError::Unreadable { .. } => Self::Fault,
        }
    }
}

impl From<SigningFailed> for Refusal {
    fn from(_: SigningFailed) -> Self {
        tracing::error!("a token cannot be signed");
        Self::Fault
    }
}

impl From<UnreadableAttributes> for Refusal {
    fn from(_: UnreadableAttributes) -> Self {
        tracing::error!("the stored attributes of a user are not of the contract's form");
        Self::Fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_rounded_up_to_at_least_a_second() {
        let after = |millis| Refusal::Throttled(Duration::from_millis(millis)).retry_after();
        assert_eq!(after(0), Some(1));
        assert_eq!(after(1), Some(1));
        assert_eq!(after(1000), Some(1));
        assert_eq!(after(1001), Some(2));
        assert_eq!(after(900_000), Some(900));
    }
}
