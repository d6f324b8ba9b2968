//! A user changes a password that must be changed. This ends all earlier sessions and tokens.

use super::authenticate::{Attempt, Authenticated};
use super::commit::{SignInEffects, SignedIn};
use super::{App, check_status};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::password::{Password, WeakPassword};
use crate::refusal::Refusal;
use crate::store::Change;

/// The outcome of a request to change a password, if the old password is right.
#[must_use]
pub enum PasswordChange {
    /// The password is changed, and the user is signed in.
    Changed(Box<SignedIn>),
    /// The user has no password that must be changed.
    NotNeeded,
    /// The new password is too weak.
    Weak(WeakPassword),
}

impl App {
    /// Replaces the password of a user who must change it, and signs the user in. The attempt is charged,
    /// verified and committed like a sign-in, and refused on a step of the common grid.
    ///
    /// # Errors
    /// If a sign-in would be refused for another reason than that the password must be changed.
    pub async fn change_password(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        new: &Password,
    ) -> Result<PasswordChange, Refusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.replace_password(caller, attempt, new, &mut details));
        let change = self.within_deadline(caller, work).await;
        let outcome = match &change {
            Ok(PasswordChange::Changed(_)) => Outcome::PasswordChanged,
            Ok(PasswordChange::NotNeeded) => Outcome::PasswordChangeNotNeeded,
            Ok(PasswordChange::Weak(_)) => Outcome::WeakPassword,
            Err(refusal) => refusal.outcome(),
        };
        audit::attempt(caller, outcome, details);
        if !matches!(change, Ok(PasswordChange::Changed(_))) {
            self.wait_for_refusal_step(caller).await;
        }
        change
    }

    async fn replace_password(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        new: &Password,
        details: &mut AttemptDetails,
    ) -> Result<PasswordChange, Refusal> {
        let authenticated = self.authenticate(caller, &attempt, details).await?;
        let Authenticated { user, charged, .. } = &authenticated;
        let unchanged = match check_status(user) {
            Ok(()) => Ok(Some(PasswordChange::NotNeeded)),
            Err(Refusal::MustChangePassword) => match self.password_policy.check(new, &user.names()) {
                Ok(()) => Ok(None),
                Err(weak) => Ok(Some(PasswordChange::Weak(weak))),
            },
            Err(refusal) => Err(refusal),
        };
        if !matches!(unchanged, Ok(None)) {
            self.refund(charged).await;
        }
        if let Some(unchanged) = unchanged? {
            return Ok(unchanged);
        }
        let hash = match self.hash(new, details).await {
            Ok(hash) => hash,
            Err(error) => {
                self.refund(charged).await;
                return Err(Refusal::fault(error));
            }
        };
        let effects = SignInEffects {
            password_hash: Some(&hash),
            session: attempt.session,
            change: Some(Change::Password),
            notice: None,
        };
        let mut signed_in = Box::pin(self.commit(authenticated, effects)).await?;
        signed_in.user.must_change_password = false;
        Ok(PasswordChange::Changed(Box::new(signed_in)))
    }
}
