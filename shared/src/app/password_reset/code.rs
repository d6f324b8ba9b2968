//! The check of a code. A wrong one stays charged to the login name and the address, and counts as a try of
//! the code.

use super::{CodeRefusal, ResetRefusal};
use crate::app::charge::{Charged, NameLimit};
use crate::app::{AcceptedNames, App};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::identity::{LoginName, UserRecord};
use crate::password_reset::{CodeOwner, ResetCode};
use crate::store::{CodeTry, StoredCode};

/// A code of six digits, and the login name that it belongs to. It has no `Debug`, since a code resets a
/// password.
pub struct CodeAttempt<'a> {
    /// The login name as it was typed.
    pub name: &'a str,
    /// The kinds of login name that this contract accepts.
    pub names: AcceptedNames,
    /// The code as it was typed.
    pub code: &'a ResetCode,
}

/// A code that is right, with its user. The attempt stays charged until the rest of the reset is decided.
pub(super) struct RightCode {
    pub(super) charged: Charged,
    pub(super) user: UserRecord,
    pub(super) owner: CodeOwner,
    pub(super) digest: String,
}

impl App {
    /// Checks a code of six digits, and emits one audit event. A right code stays valid. A refusal is returned
    /// on a step of the common grid.
    ///
    /// # Errors
    /// If no user has the name, or the code is wrong, missing or tried too often. If there were too many failed
    /// attempts from this address. A wait or a lock of the name refuses no code. If there is no queue, or the
    /// table cannot be reached.
    pub async fn check_reset_code(
        &self,
        caller: &Caller,
        attempt: CodeAttempt<'_>,
    ) -> Result<(), ResetRefusal> {
        self.mail_queue()?;
        let mut details = AttemptDetails::default();
        let work = Box::pin(async {
            let right = self.try_code(caller, &attempt, &mut details).await?;
            self.refund(&right.charged).await;
            Ok(())
        });
        let checked = self.within_deadline(caller, work).await;
        let outcome = checked.as_ref().map_or_else(ResetRefusal::outcome, |()| Outcome::ResetCodeRight);
        audit::attempt(caller, outcome, details);
        if checked.is_err() {
            self.wait_for_refusal_step(caller).await;
        }
        checked
    }

    /// Charges an attempt, and tries its code. If it is wrong, the attempt stays charged.
    pub(super) async fn try_code(
        &self,
        caller: &Caller,
        attempt: &CodeAttempt<'_>,
        details: &mut AttemptDetails,
    ) -> Result<RightCode, ResetRefusal> {
        let CodeAttempt { name, names, code } = attempt;
        let name = LoginName::new(name);
        let (charged, user) = self.charge_attempt(caller, &name, *names, NameLimit::Passes, details).await?;
        let owner = CodeOwner::of(details.user_id, &name);
        let digest = self.keys.current().recovery.digest_reset_code(caller.contract, &owner, code);
        let tried = match self.store.try_reset_code(&owner, caller.contract, None, caller.now).await {
            Ok(tried) => tried,
            Err(error) => return Err(self.refund_failed(&charged, error).await.into()),
        };
        let refusal = match tried {
            CodeTry::Admitted(stored) => match user {
                Some(user) if self.is_right(&stored, &digest, &user) => {
                    return Ok(RightCode { charged, user, owner, digest });
                }
                // Nobody gets the code of a name that no user has.
                Some(_) | None => CodeRefusal::Wrong,
            },
            CodeTry::Other => CodeRefusal::Wrong,
            CodeTry::NoCode => CodeRefusal::NoCode,
            CodeTry::UsedUp => CodeRefusal::UsedUp,
        };
        match details.user_id {
            Some(_) => Err(ResetRefusal::Code(refusal)),
            None => Err(ResetRefusal::NoUser(refusal)),
        }
    }

    /// Returns whether this is the stored code of the user, and neither the user's e-mail address has changed nor
    /// the user's sessions have ended since it was sent. A user without an address gets no code, so none is right.
    pub(super) fn is_right(&self, stored: &StoredCode, digest: &str, user: &UserRecord) -> bool {
        stored.digest == digest
            && stored.epoch == user.epoch
            && !user.email.is_empty()
            && stored.sent_to == self.keys.current().recovery.digest_mailbox(&user.email)
    }
}
