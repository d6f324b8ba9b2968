//! The check of an attempt: its password, and its code if MFA is on. All routes check passwords and codes
//! here, so guessing is equally expensive on each of them.

use super::App;
use super::charge::{AcceptedNames, Charged};
use crate::audit::{AttemptDetails, Caller};
use crate::clock::Timestamp;
use crate::identity::{UnreadableAttributes, User, UserRecord};
use crate::password::{Password, is_common};
use crate::refusal::Refusal;
use crate::second_factor::Spent;
use crate::session::SessionRequest;

/// What a caller sends to sign in. It has no `Debug`, since people type their password in place of the name
/// by mistake.
pub struct Attempt<'a> {
    /// The login name as it was typed.
    pub name: &'a str,
    /// The kinds of login name that this contract accepts.
    pub names: AcceptedNames,
    /// Checks that the user's stored attributes have the form that this contract can show.
    pub readable: fn(&User) -> Result<(), UnreadableAttributes>,
    /// The password as it was typed.
    pub password: &'a Password,
    /// The MFA code, if one was sent.
    pub code: Option<&'a str>,
    /// The session that begins if the attempt succeeds.
    pub session: Option<SessionRequest>,
}

/// An attempt with the right password, and with the right code if MFA is on. It stays charged until the rest
/// of the sign-in is decided.
pub(super) struct Authenticated {
    pub(super) charged: Charged,
    pub(super) user: UserRecord,
    pub(super) spent: Option<Spent>,
}

impl App {
    /// Charges an attempt, verifies its password, and verifies its code if MFA is on. If one is wrong, the
    /// attempt stays charged.
    pub(super) async fn authenticate(
        &self,
        caller: &Caller,
        attempt: &Attempt<'_>,
        details: &mut AttemptDetails,
    ) -> Result<Authenticated, Refusal> {
        let (charged, user) = self.charge(caller, attempt.name, attempt.names, details).await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_right = self.verify(stored, attempt.password, details).await;
        let user = user.ok_or(Refusal::UnknownUser)?;
        if !is_right {
            return Err(Refusal::WrongPassword);
        }
        // Only of a right password: an event of wrong ones would say nothing about the user.
        details.common_password = is_common(attempt.password, &user.names());
        match self.check_code(&user, attempt.code, charged.now) {
            Ok(spent) => Ok(Authenticated { charged, user, spent }),
            // The attempt stays charged, as after a wrong password.
            Err(Refusal::WrongCode) => Err(Refusal::WrongCode),
            Err(refusal) => {
                self.refund(&charged).await;
                Err(refusal)
            }
        }
    }

    pub(super) fn check_code(
        &self,
        user: &UserRecord,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Spent>, Refusal> {
        let Some(mfa) = &user.mfa else { return Ok(None) };
        let code = code.ok_or(Refusal::MfaRequired)?;
        match mfa.check(user.id, &user.recovery_codes, code, &self.keys.current().recovery, now) {
            Ok(Some(spent)) => Ok(Some(spent)),
            Ok(None) => Err(Refusal::WrongCode),
            Err(_) => {
                tracing::error!(user_id = user.id, "the stored MFA secret cannot be read");
                Err(Refusal::Fault)
            }
        }
    }
}
