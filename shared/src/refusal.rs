//! Why a sign-in is refused. Each contract words every reason in one exhaustive match.

use std::error::Error;
use std::time::Duration;

use crate::audit::Outcome;
use crate::error::Causes;

/// Why a well-formed attempt is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No user has this login name. All contracts but one answer as for [`Refusal::WrongPassword`].
    UnknownUser,
    /// The password is wrong, or the user has none.
    WrongPassword,
    /// The password was right, and the MFA code was wrong or used before.
    WrongCode,
    /// The password was right, and the MFA code is missing.
    MfaRequired,
    /// The user is disabled or blocked.
    Disabled,
    /// The user is not activated yet.
    NotActivated,
    /// The user has to change the password first.
    MustChangePassword,
    /// There were too many failed attempts by this name or from this address. The next attempt is admitted
    /// after this time.
    Throttled(Duration),
    /// DynamoDB throttles, fails or does not answer, or the request ran out of time.
    Unavailable,
    /// A fault of Postern, or an item that cannot be read.
    Fault,
}

impl Refusal {
    /// Returns this refusal's outcome in the audit events.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::UnknownUser => Outcome::UnknownUser,
            Self::WrongPassword => Outcome::WrongPassword,
            Self::WrongCode => Outcome::WrongCode,
            Self::MfaRequired => Outcome::MfaRequired,
            Self::Disabled => Outcome::Disabled,
            Self::NotActivated => Outcome::NotActivated,
            Self::MustChangePassword => Outcome::MustChangePassword,
            Self::Throttled(_) => Outcome::Throttled,
            Self::Unavailable => Outcome::StoreUnavailable,
            Self::Fault => Outcome::Fault,
        }
    }

    /// Returns whether the reason is the state of the user's account. The holder of a token does not learn
    /// such a reason: the reply says that the token is invalid.
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

    /// Logs an error with its causes, and returns [`Refusal::Fault`]. The reply shows nothing of the error.
    pub fn fault(error: impl Error) -> Self {
        tracing::error!(cause = %Causes(&error), "the request fails");
        Self::Fault
    }

    /// Returns how long the caller should wait, if waiting helps: whole seconds, rounded up, at least 1
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_at_least_a_second() {
        let after = |millis| Refusal::Throttled(Duration::from_millis(millis)).retry_after();
        assert_eq!(after(0), Some(1));
        assert_eq!(after(1), Some(1));
        assert_eq!(after(1000), Some(1));
        assert_eq!(after(1001), Some(2));
        assert_eq!(after(900_000), Some(900));
    }
}
