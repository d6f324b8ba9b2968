//! The one path that every sign-in takes, and what follows a sign-in: tokens, sessions, a new password, MFA.
//! Also the reset of a forgotten password.

mod authenticate;
mod change_password;
mod charge;
mod commit;
mod hashing;
mod mail;
mod password_reset;
mod refusal_step;
mod second_factor;
mod session_list;
mod sessions;
mod sign_in;
mod sign_out;
mod start;
mod token_holder;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use self::authenticate::Attempt;
pub use self::change_password::PasswordChange;
pub use self::charge::AcceptedNames;
pub use self::commit::SignedIn;
use self::hashing::Hashing;
pub use self::mail::{MailTask, NotDelivered};
pub use self::password_reset::{CodeAttempt, CodeRefusal, Reset, ResetRefusal};
pub use self::refusal_step::until_step;
pub use self::second_factor::MfaConfirmed;
pub use self::sign_out::SignOut;
pub use self::token_holder::{TokenHolder, TokenRefusal, TokenSubject};
use crate::audit::Caller;
use crate::clock::Timestamp;
use crate::error::Causes;
use crate::identity::{Status, UserRecord};
use crate::mail::MailQueue;
use crate::password::{PasswordPolicy, Passwords};
use crate::refusal::Refusal;
use crate::store::{Store, StoreError};
use crate::throttle::Policy;
use crate::token::{JwtProfile, Keys};

/// What a function holds from its start to its end.
pub struct App {
    keys: Arc<Keys>,
    passwords: Arc<Passwords>,
    hashing: Hashing,
    password_policy: PasswordPolicy,
    store: Store,
    throttle: Policy,
    refusal_step: Duration,
    mail: Option<MailQueue>,
    clock: Clock,
}

/// The source of the time: the machine's clock, or a test's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

impl App {
    /// Returns the time. A request asks once, at its beginning.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Returns the signing keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns what hashes and verifies passwords.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Returns the rules for a new password.
    pub const fn password_policy(&self) -> &PasswordPolicy {
        &self.password_policy
    }

    /// Signs a token of this profile, with these claims, by the first key.
    ///
    /// # Errors
    /// [`Refusal::Fault`] if the claims are no JSON object, or the key cannot sign. The cause is logged.
    pub fn sign(&self, profile: &JwtProfile, claims: &impl Serialize) -> Result<String, Refusal> {
        self.keys.sign(profile, claims).map_err(Refusal::fault)
    }

    /// Stops the work at the request's deadline, while there is still time to reply. If Lambda's own time-out
    /// came first, API Gateway would answer instead, in its own format.
    ///
    /// The work is boxed, and so is the last part of a sign-in. Its future has tens of kilobytes. Without the
    /// box, each calling function would hold it on the stack.
    async fn within_deadline<T, E: From<Refusal>>(
        &self,
        caller: &Caller,
        work: Pin<Box<impl Future<Output = Result<T, E>>>>,
    ) -> Result<T, E> {
        tokio::time::timeout_at(caller.deadline.into(), work).await.unwrap_or_else(|_| {
            tracing::error!("the request ran out of time");
            Err(Refusal::Unavailable.into())
        })
    }
}

/// Returns why the user's status forbids a sign-in. Only an authenticated caller may learn the reason.
fn check_status(user: &UserRecord) -> Result<(), Refusal> {
    match user.status {
        Status::Disabled | Status::Blocked => Err(Refusal::Disabled),
        Status::NotActivated => Err(Refusal::NotActivated),
        Status::Active if user.must_change_password => Err(Refusal::MustChangePassword),
        Status::Active => Ok(()),
    }
}

/// Logs a failure of the store with its causes, and returns the refusal for it.
fn store_failed(error: StoreError) -> Refusal {
    tracing::error!(cause = %Causes(&error), "the store failed");
    match error {
        StoreError::Unavailable { .. } => Refusal::Unavailable,
        StoreError::Rejected { .. } | StoreError::Unreadable { .. } => Refusal::Fault,
    }
}

/// Logs a write that failed, with its consequence. The request succeeds without this write.
fn log_failure(outcome: Result<(), StoreError>, consequence: &str) {
    if let Err(error) = outcome {
        tracing::warn!(cause = %Causes(&error), "{consequence}");
    }
}
