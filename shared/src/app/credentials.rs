//! What a user changes by themselves: a password that must be changed, and MFA. Each ends all sessions and tokens but
//! the one at hand.

use std::collections::BTreeSet;
use std::time::Instant;

use super::attempt::{Authenticated, SignInEffects};
use super::{App, Attempt, Names, SignedIn, TokenHolder, TokenRefusal, may_enter};
use crate::audit::{self, AttemptDetails, Caller};
use crate::identity::User;
use crate::password::{WeakPassword, check_new};
use crate::random::random;
use crate::refusal::Refusal;
use crate::second_factor::{Enrolment, Mfa, Spent};
use crate::session::sha256;
use crate::store::{Change, MfaConfirmation};

/// What became of a wish to change a password, whose old one was right.
pub enum PasswordChange {
    /// It is changed, and the user signed in with the new one.
    Changed(Box<SignedIn>),
    /// The user has none that must be changed.
    NotNeeded,
    /// The new one is too weak.
    Weak(WeakPassword),
}

/// MFA is on. It has no `Debug`: the recovery codes are for their user's eyes, once.
pub struct MfaConfirmed {
    /// The user, with MFA on.
    pub user: User,
    /// The recovery codes.
    pub recovery_codes: Vec<String>,
}

impl App {
    /// Gives a user who must change the password this new one, and signs them in. Charged, verified and settled like a
    /// sign-in.
    ///
    /// # Errors
    /// With the reason for which a sign-in would be refused, but for that the password must be changed.
    pub async fn change_password(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        new: &str,
    ) -> Result<PasswordChange, Refusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.replace_password(caller, attempt, new, &mut details));
        let outcome = self.within_deadline(caller, work).await;
        let said = match &outcome {
            Ok(PasswordChange::Changed(_)) => "password_changed",
            Ok(PasswordChange::NotNeeded) => "password_change_not_needed",
            Ok(PasswordChange::Weak(_)) => "weak_password",
            Err(refusal) => refusal.outcome(),
        };
        audit::attempt(caller, said, details);
        outcome
    }

    async fn replace_password(
        &self,
        caller: &Caller,
        attempt: Attempt<'_>,
        new: &str,
        details: &mut AttemptDetails,
    ) -> Result<PasswordChange, Refusal> {
        let authenticated = self.authenticate(caller, &attempt, details).await?;
        let Authenticated { user, charged, .. } = &authenticated;
        let allowed = match may_enter(user) {
            Ok(()) => Ok(Some(PasswordChange::NotNeeded)),
            Err(Refusal::MustChangePassword) => match check_new(new, &[&user.username, &user.email]) {
                Ok(()) => Ok(None),
                Err(weak) => Ok(Some(PasswordChange::Weak(weak))),
            },
            Err(refusal) => Err(refusal),
        };
        if !matches!(allowed, Ok(None)) {
            self.refund(charged).await;
        }
        if let Some(unchanged) = allowed? {
            return Ok(unchanged);
        }
        let hashing = Instant::now();
        let Ok(hash) = self.passwords.hash(new, random()) else {
            tracing::error!("a new password cannot be hashed");
            self.refund(&authenticated.charged).await;
            return Err(Refusal::Fault);
        };
        details.hashing = details.hashing.map(|before| before + hashing.elapsed());
        let effects = SignInEffects {
            password_hash: Some(&hash),
            session: attempt.session,
            change: Some(Change::Password),
        };
        let mut signed_in = Box::pin(self.commit(authenticated, effects)).await?;
        signed_in.user.must_change_password = false;
        Ok(PasswordChange::Changed(Box::new(signed_in)))
    }

    /// Begins to switch MFA on for the holder of a token, with an audit event: the secret is stored, and counts when a code
    /// of it is confirmed. A secret that was begun before is forgotten.
    ///
    /// # Errors
    /// If all sessions have ended by now, or MFA is on, which ends them; or the store fails.
    pub async fn begin_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
    ) -> Result<Enrolment, TokenRefusal> {
        let enrolment = Enrolment::random();
        let work = Box::pin(async {
            let begun = self.store.begin_mfa(&holder.user, &enrolment.mfa.secret, caller.now).await;
            if begun.map_err(Refusal::from)? { Ok(()) } else { Err(TokenRefusal::Invalid) }
        });
        let outcome = self.within_deadline(caller, work).await;
        let said = outcome.as_ref().map_or_else(TokenRefusal::outcome, |()| "mfa_begun");
        audit::session(caller, said, Some(holder.user.id));
        outcome.map(|()| enrolment)
    }

    /// Switches MFA on for the holder of a token, who shows by a code to have the secret that
    /// [`App::begin_mfa`] gave. The code is charged like one of a sign-in; a right one gives its own charge back and
    /// clears no other, since whoever holds the token has the secret too.
    ///
    /// # Errors
    /// [`Refusal::WrongCode`], if it is not a code of that secret; another, as for a sign-in; or if all sessions have
    /// ended by now.
    pub async fn confirm_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        secret: &str,
        code: &str,
    ) -> Result<MfaConfirmed, TokenRefusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.switch_mfa_on(caller, holder, secret, code, &mut details));
        let outcome = self.within_deadline(caller, work).await;
        let said = outcome.as_ref().map_or_else(TokenRefusal::outcome, |_| "mfa_enabled");
        audit::attempt(caller, said, details);
        outcome
    }

    async fn switch_mfa_on(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        secret: &str,
        code: &str,
        details: &mut AttemptDetails,
    ) -> Result<MfaConfirmed, TokenRefusal> {
        let (charged, user) = self.charge(caller, &holder.user.username, Names::Username, details).await?;
        let Some(mut user) = user.filter(|user| is_of(user, holder)) else {
            self.refund(&charged).await;
            return Err(TokenRefusal::Invalid);
        };
        if user.pending_mfa_secret.as_deref() != Some(secret) {
            return Err(Refusal::WrongCode.into());
        }
        let ring = self.keys.ring();
        let mut mfa = Mfa { secret: secret.to_owned(), last_step: None };
        let step = match mfa.check(user.id, &BTreeSet::new(), code, &ring.recovery, caller.now) {
            Ok(Some(Spent::Step(step))) => step,
            Ok(_) => return Err(Refusal::WrongCode.into()),
            Err(_) => {
                tracing::error!(user_id = user.id, "the MFA secret that was begun cannot be one");
                self.refund(&charged).await;
                return Err(Refusal::Fault.into());
            }
        };
        mfa.last_step = Some(step);
        let enrolment = Enrolment::of(mfa);
        let confirmation = MfaConfirmation {
            user: &user,
            mfa: &enrolment.mfa,
            recovery_codes: enrolment.digests(user.id, &ring.recovery),
            kept_token: &sha256(holder.token),
            attempt: &charged.attempt_id,
            now: caller.now,
        };
        let confirmed = self.store.confirm_mfa(confirmation).await;
        self.refund(&charged).await;
        if !confirmed.map_err(Refusal::from)? {
            return Err(Refusal::WrongCode.into());
        }
        user.epoch += 1;
        user.updated_at = caller.now;
        user.mfa = Some(enrolment.mfa);
        Ok(MfaConfirmed { user, recovery_codes: enrolment.recovery_codes })
    }

    /// Switches MFA off for the holder of a token, by password and code, which are charged and settled like those of a
    /// sign-in by the username.
    ///
    /// # Errors
    /// With the reason for which a sign-in would be refused; or if all sessions have ended by now.
    pub async fn switch_mfa_off(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: &str,
        code: &str,
    ) -> Result<User, TokenRefusal> {
        let mut details = AttemptDetails::default();
        let work = Box::pin(self.remove_mfa(caller, holder, password, code, &mut details));
        let outcome = self.within_deadline(caller, work).await;
        let said = outcome.as_ref().map_or_else(TokenRefusal::outcome, |_| "mfa_disabled");
        audit::attempt(caller, said, details);
        outcome
    }

    async fn remove_mfa(
        &self,
        caller: &Caller,
        holder: &TokenHolder<'_>,
        password: &str,
        code: &str,
        details: &mut AttemptDetails,
    ) -> Result<User, TokenRefusal> {
        let attempt = Attempt {
            name: &holder.user.username,
            names: Names::Username,
            readable: |_| Ok(()),
            password,
            code: Some(code),
            session: None,
        };
        let authenticated = self.authenticate(caller, &attempt, details).await?;
        // The state too is that of the holder, then: whatever bars a user raises the epoch.
        if !is_of(&authenticated.user, holder) {
            self.refund(&authenticated.charged).await;
            return Err(TokenRefusal::Invalid);
        }
        let upgraded = self.upgrade(&authenticated.user, password, details);
        let effects = SignInEffects {
            password_hash: upgraded.as_deref(),
            session: None,
            change: Some(Change::MfaOff { kept_token: &sha256(holder.token) }),
        };
        let mut user = Box::pin(self.commit(authenticated, effects)).await?.user;
        user.mfa = None;
        Ok(user)
    }
}

/// Whether a user is the one who holds the token, and no session has ended since that was read.
fn is_of(user: &User, holder: &TokenHolder<'_>) -> bool {
    (user.id, user.epoch) == (holder.user.id, holder.user.epoch)
}
