//! A user switches MFA on or off. Both end all sessions and tokens except the token of the request.

use std::collections::BTreeSet;

use super::authenticate::{Attempt, Authenticated};
use super::charge::AcceptedNames;
use super::commit::SignInEffects;
use super::{App, TokenHolder, TokenRefusal, store_failed};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::identity::{User, UserRecord};
use crate::password::Password;
use crate::refusal::Refusal;
use crate::second_factor::{Enrolment, Mfa, SecretText, Spent};
use crate::session::SecretHash;
use crate::store::{Change, MfaConfirmation, Written};

/// The outcome of switching MFA on. It has no `Debug`: only the user sees the recovery codes, once.
pub struct MfaConfirmed {
    /// The user.
    pub user: User,
    /// The recovery codes.
    pub recovery_codes: Vec<SecretText>,
}

impl App {
    /// Begins to switch MFA on for the holder of a token, and emits an audit event. The new secret is stored,
    /// and has no effect until [`App::confirm_mfa`]. It replaces an earlier secret that was not confirmed.
    ///
    /// If there is a password, it is charged and verified like that of a sign-in with the username. A right
    /// one only refunds its own charge.
    ///
    /// # Errors
    /// If a sign-in with this password would be refused. If all sessions have ended meanwhile, if MFA is on,
    /// or if the table cannot be reached.
    pub async fn begin_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: Option<&Password>,
    ) -> Result<Enrolment, TokenRefusal> {
        let enrolment = Enrolment::random();
        let mut details = AttemptDetails::default();
        let work = Box::pin(async {
            if let Some(password) = password {
                let authenticated =
                    self.authenticate_holder(caller, holder, password, None, &mut details).await?;
                self.refund(&authenticated.charged).await;
            }
            let (secret, token) = (&enrolment.mfa.secret, SecretHash::of(holder.token));
            let begun = self.store.begin_mfa(&holder.user, secret, &token, caller.now).await;
            match begun.map_err(store_failed)? {
                Written::Done => Ok(()),
                Written::Refused => Err(TokenRefusal::Invalid),
            }
        });
        let begun = self.within_deadline(caller, work).await;
        let outcome = begun.as_ref().map_or_else(TokenRefusal::outcome, |()| Outcome::MfaBegun);
        if password.is_none() {
            audit::session(caller, outcome, Some(holder.user.id));
        } else {
            audit::attempt(caller, outcome, details);
            if begun.is_err() {
                self.wait_for_refusal_step(caller).await;
            }
        }
        begun.map(|()| enrolment)
    }

    /// Switches MFA on for the holder of the token that began it. The code shows that the user has the secret
    /// of [`App::begin_mfa`]. It is charged like the code of a sign-in. A right code only refunds its own
    /// charge, and clears no failures. The holder of the token has seen the secret, so the code does not show
    /// that the user knows the password.
    ///
    /// # Errors
    /// [`Refusal::WrongCode`] if the code is not one of that secret, or if another token began MFA. Another
    /// refusal if all sessions have ended meanwhile, if there were too many failed attempts, or if the table
    /// cannot be reached.
    pub async fn confirm_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        secret: &str,
        code: &str,
    ) -> Result<MfaConfirmed, TokenRefusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.switch_mfa_on(caller, holder, secret, code, &mut details));
        let confirmed = self.within_deadline(caller, work).await;
        let outcome = confirmed.as_ref().map_or_else(TokenRefusal::outcome, |_| Outcome::MfaEnabled);
        audit::attempt(caller, outcome, details);
        if confirmed.is_err() {
            self.wait_for_refusal_step(caller).await;
        }
        confirmed
    }

    async fn switch_mfa_on(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        secret: &str,
        code: &str,
        details: &mut AttemptDetails,
    ) -> Result<MfaConfirmed, TokenRefusal> {
        let username = &holder.user.username;
        let (charged, user) = self.charge(caller, username, AcceptedNames::Username, details).await?;
        let Some(mut user) = user.filter(|user| is_of(user, holder)) else {
            self.refund(&charged).await;
            return Err(TokenRefusal::Invalid);
        };
        let kept_token = SecretHash::of(holder.token);
        if user.pending_mfa_secret.as_deref() != Some(secret)
            || user.pending_mfa_token.as_ref() != Some(&kept_token)
        {
            return Err(Refusal::WrongCode.into());
        }
        let keys = self.keys.current();
        let mut mfa = Mfa { secret: secret.into(), last_step: None };
        let step = match mfa.check(user.id, &BTreeSet::new(), code, &keys.recovery, caller.now) {
            Ok(Some(Spent::Step(step))) => step,
            Ok(_) => return Err(Refusal::WrongCode.into()),
            Err(_) => {
                tracing::error!(user_id = user.id, "the MFA secret that was begun cannot be read");
                self.refund(&charged).await;
                return Err(Refusal::Fault.into());
            }
        };
        mfa.last_step = Some(step);
        let enrolment = Enrolment::of(mfa);
        let confirmation = MfaConfirmation {
            user: &user,
            mfa: &enrolment.mfa,
            recovery_codes: enrolment.digests(user.id, &keys.recovery),
            kept_token: &kept_token,
            attempt_id: &charged.attempt_id,
            now: caller.now,
        };
        let confirmed = self.store.confirm_mfa(confirmation).await;
        self.refund(&charged).await;
        if confirmed.map_err(store_failed)? == Written::Refused {
            return Err(Refusal::WrongCode.into());
        }
        user.epoch += 1;
        user.updated_at = caller.now;
        user.mfa = Some(enrolment.mfa);
        Ok(MfaConfirmed { user: (&user).into(), recovery_codes: enrolment.recovery_codes })
    }

    /// Switches MFA off for the holder of a token, by password and code. The attempt is charged and committed
    /// like a sign-in with the username.
    ///
    /// # Errors
    /// If a sign-in with this password and code would be refused. [`TokenRefusal::Invalid`] if all sessions
    /// have ended meanwhile.
    pub async fn switch_mfa_off(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: &Password,
        code: &str,
    ) -> Result<User, TokenRefusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.remove_mfa(caller, holder, password, code, &mut details));
        let user = self.within_deadline(caller, work).await;
        let outcome = user.as_ref().map_or_else(TokenRefusal::outcome, |_| Outcome::MfaDisabled);
        audit::attempt(caller, outcome, details);
        if user.is_err() {
            self.wait_for_refusal_step(caller).await;
        }
        user
    }

    async fn remove_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: &Password,
        code: &str,
        details: &mut AttemptDetails,
    ) -> Result<User, TokenRefusal> {
        let authenticated = self.authenticate_holder(caller, holder, password, Some(code), details).await?;
        let upgraded = self.upgrade(&authenticated.user, password, details).await;
        let kept_token = SecretHash::of(holder.token);
        let effects = SignInEffects {
            password_hash: upgraded.as_deref(),
            session: None,
            change: Some(Change::MfaOff { kept_token: &kept_token }),
            notice: None,
        };
        let mut user = Box::pin(self.commit(authenticated, effects)).await?.user;
        user.mfa_enabled = false;
        Ok(user)
    }

    /// Charges and verifies the password of a token's holder, and the code if MFA is on.
    async fn authenticate_holder(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: &Password,
        code: Option<&str>,
        details: &mut AttemptDetails,
    ) -> Result<Authenticated, TokenRefusal> {
        let attempt = Attempt {
            name: &holder.user.username,
            names: AcceptedNames::Username,
            readable: |_| Ok(()),
            password,
            code,
            session: None,
        };
        let authenticated = match self.authenticate(caller, &attempt, details).await {
            Ok(authenticated) => authenticated,
            // MFA was switched on after the holder was read. That ended the token.
            Err(Refusal::MfaRequired) => return Err(TokenRefusal::Invalid),
            Err(refusal) => return Err(refusal.into()),
        };
        // The holder's status was checked, and a change of it raises the epoch.
        if !is_of(&authenticated.user, holder) {
            self.refund(&authenticated.charged).await;
            return Err(TokenRefusal::Invalid);
        }
        Ok(authenticated)
    }
}

/// Returns whether this user is the holder of the token, and the user's sessions have not been ended since
/// the holder was read.
fn is_of(user: &UserRecord, holder: &TokenHolder<'_>) -> bool {
    (user.id, user.epoch) == (holder.user.id, holder.user.epoch)
}
