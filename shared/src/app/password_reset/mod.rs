//! The reset of a forgotten password: [`App::request_reset`] asks the mailer for a code,
//! [`App::check_reset_code`] checks one, and [`App::reset_password`] and [`App::reset_by_link`] take one for a
//! new password. ARCHITECTURE.md has the path of a reset.
//!
//! An unknown name takes the same calls as a known one: the mailer makes a code for it too, which nobody gets.

mod code;
mod request;
mod reset;

pub use self::code::CodeAttempt;
pub use self::reset::Reset;
use super::App;
use crate::audit::Outcome;
use crate::mail::MailQueue;
use crate::password::WeakPassword;
use crate::refusal::Refusal;

/// Why a request of a reset is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetRefusal {
    /// The user has no e-mail address.
    NoEmailAddress,
    /// The code is refused.
    Code(CodeRefusal),
    /// No user has this login name. A user's code would be refused for this reason.
    NoUser(CodeRefusal),
    /// The code is right, and the new password is too weak.
    Weak(WeakPassword),
    /// Another reason. If it is [`Refusal::WrongCode`], the MFA code was wrong.
    Refused(Refusal),
}

/// Why a code is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRefusal {
    /// There is no code, or it has expired.
    NoCode,
    /// The code is wrong, or it is not valid any more.
    Wrong,
    /// The code was tried too often.
    UsedUp,
}

impl From<Refusal> for ResetRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl ResetRefusal {
    /// Returns this refusal's outcome in the audit events.
    const fn outcome(&self) -> Outcome {
        match self {
            Self::NoEmailAddress => Outcome::NoEmailAddress,
            Self::Code(CodeRefusal::NoCode) => Outcome::NoResetCode,
            Self::Code(CodeRefusal::Wrong) => Outcome::WrongResetCode,
            Self::Code(CodeRefusal::UsedUp) => Outcome::ResetCodeUsedUp,
            Self::NoUser(_) => Outcome::UnknownUser,
            Self::Weak(_) => Outcome::WeakPassword,
            Self::Refused(refusal) => refusal.outcome(),
        }
    }
}

impl App {
    /// Returns the queue of the mailer.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] if there is none. No route of a reset works without it.
    fn mail_queue(&self) -> Result<&MailQueue, Refusal> {
        self.mail.as_ref().ok_or_else(|| {
            tracing::warn!("no password is reset, because the deployment sends no mail");
            Refusal::Unavailable
        })
    }
}
