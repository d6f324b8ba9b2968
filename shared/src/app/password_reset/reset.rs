//! A user takes a code for a new password. This ends all sessions and tokens, and unlocks the names of the user.

use std::time::Duration;

use super::code::{CodeAttempt, RightCode};
use super::{CodeRefusal, ResetRefusal};
use crate::app::authenticate::Authenticated;
use crate::app::charge::Charged;
use crate::app::commit::{SignInEffects, SignedIn};
use crate::app::{App, check_status, log_failure};
use crate::audit::{self, AttemptDetails, Caller, Outcome};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::mail::{MailKind, MailMessage, MailQueue};
use crate::password::{Password, WeakPassword};
use crate::password_reset::{CodeOwner, ResetCode};
use crate::refusal::Refusal;
use crate::second_factor::Spent;
use crate::session::SessionRequest;
use crate::store::{Change, CodeTry, NameCounter, UserCounter};
use crate::throttle::Admission;

/// What a right code is taken for.
pub struct Reset<'a> {
    /// The new password as it was typed.
    pub password: &'a Password,
    /// The MFA code, if one was sent.
    pub mfa_code: Option<&'a str>,
    /// The session that begins. Without one, the user is not signed in.
    pub session: Option<SessionRequest>,
}

impl App {
    /// Resets the password of a user by a code of six digits, and emits one audit event. If MFA is on, it stays
    /// on, and its code is asked for once the code of the mail is right. A refusal is returned on a step of the
    /// common grid.
    ///
    /// # Errors
    /// If [`App::check_reset_code`] would refuse the code. If the MFA code is missing or wrong, the new password
    /// is too weak, or the user may not sign in; then the code stays valid.
    pub async fn reset_password(
        &self,
        caller: &Caller,
        attempt: CodeAttempt<'_>,
        reset: Reset<'_>,
    ) -> Result<SignedIn, ResetRefusal> {
        let queue = self.mail_queue()?;
        let mut details = AttemptDetails::default();
        let work = Box::pin(async {
            let right = self.try_code(caller, &attempt, &mut details).await?;
            // A wait of the name refuses no reset code, but it refuses the MFA code. Otherwise an attacker who
            // reads the user's mail could guess it here after a sign-in has refused it.
            if let Some(wait) = right.charged.name_wait
                && right.user.mfa.is_some()
            {
                details.throttled_by = Some("name");
                return Err(self.refuse_wait(caller, &right, wait).await);
            }
            self.decide_reset(caller, queue, right, reset, &mut details).await
        });
        let done = self.within_deadline(caller, work).await;
        self.finish_reset(caller, done, details).await
    }

    /// Resets the password of the user that a link's code names, as [`App::reset_password`] does. A wrong code is
    /// charged to the address only: it has 256 bits, and anybody can choose whom it names.
    ///
    /// # Errors
    /// If the code is wrong, expired, spent or tried too often with wrong MFA codes. If there were too many failed
    /// attempts from this address or, if MFA is on, by the user's e-mail address. If the MFA code is missing or
    /// wrong, the new password is too weak, or the user may not sign in; then the code stays valid. If there is no
    /// queue, or the table cannot be reached.
    pub async fn reset_by_link(
        &self,
        caller: &Caller,
        code: &ResetCode,
        reset: Reset<'_>,
    ) -> Result<SignedIn, ResetRefusal> {
        let queue = self.mail_queue()?;
        let mut details = AttemptDetails::default();
        let work = Box::pin(async {
            let right = self.try_link(caller, code, &mut details).await?;
            self.decide_reset(caller, queue, right, reset, &mut details).await
        });
        let done = self.within_deadline(caller, work).await;
        self.finish_reset(caller, done, details).await
    }

    /// Charges the address, tries the code, and charges the e-mail address if MFA is on.
    async fn try_link(
        &self,
        caller: &Caller,
        code: &ResetCode,
        details: &mut AttemptDetails,
    ) -> Result<RightCode, ResetRefusal> {
        // No user has the id 0.
        let id = code.user_id().unwrap_or_default();
        let owner = CodeOwner::User(id);
        let counter = NameCounter::User(id, UserCounter::Email);
        let (charged, ()) = self.charge_address(caller, counter, async {}, details).await?;
        let digest = self.keys.current().recovery.digest_reset_code(caller.contract, &owner, code);
        let (tried, user) = tokio::join!(
            self.store.try_reset_code(&owner, caller.contract, Some(&digest), caller.now),
            self.store.user(id)
        );
        let (tried, user) = match (tried, user) {
            (Ok(tried), Ok(user)) => (tried, user.filter(|user| user.id > 0)),
            (Err(error), _) | (_, Err(error)) => {
                return Err(self.refund_failed(&charged, error).await.into());
            }
        };
        let user = match (tried, user) {
            (CodeTry::Admitted(stored), Some(user)) if self.is_right(&stored, &digest, &user) => user,
            (CodeTry::Admitted(_) | CodeTry::Other, _) => return Err(ResetRefusal::Code(CodeRefusal::Wrong)),
            (CodeTry::NoCode, _) => return Err(ResetRefusal::Code(CodeRefusal::NoCode)),
            (CodeTry::UsedUp, _) => return Err(ResetRefusal::Code(CodeRefusal::UsedUp)),
        };
        details.user_id = Some(id);
        // If a username is the e-mail address, its counter is that of the usernames, as at a sign-in.
        let email = LoginName::new(&user.email);
        let is_email = |username: &String| LoginName::new(username) == email;
        let is_username = is_email(&user.username) || user.other_usernames.iter().any(is_email);
        let counter = if is_username { UserCounter::Username } else { UserCounter::Email };
        let charged = Charged { counter: NameCounter::User(id, counter), ..charged };
        let right = RightCode { charged, user, owner, digest };
        if right.user.mfa.is_none() {
            return Ok(right);
        }
        let (backoff, attempt_id) = (self.throttle.backoff(), &right.charged.attempt_id);
        let charge = self.store.charge_user(id, counter, &backoff, attempt_id, caller.now).await;
        match charge {
            Ok(Some(charge)) => match charge.admission {
                Admission::Admitted => {
                    details.locks_name = charge.failures >= backoff.lock_after;
                    Ok(right)
                }
                Admission::Refused(wait) => {
                    details.throttled_by = Some("name");
                    Err(self.refuse_wait(caller, &right, wait).await)
                }
            },
            // The user was deleted after the read.
            Ok(None) => Err(ResetRefusal::Code(CodeRefusal::Wrong)),
            Err(error) => Err(self.refund_failed(&right.charged, error).await.into()),
        }
    }

    /// Takes the try of a right code back whose MFA code has to wait, and counts the attempt as one that the name
    /// refused. Returns the refusal.
    async fn refuse_wait(&self, caller: &Caller, right: &RightCode, wait: Duration) -> ResetRefusal {
        let Charged { address, attempt_id, now, .. } = &right.charged;
        let (returned, counted) = tokio::join!(
            self.store.return_try(&right.owner, caller.contract, &right.digest),
            self.store.count_refused(address, &self.throttle, attempt_id, *now)
        );
        log_failure(returned, "a try of a code that had to wait stays counted");
        log_failure(counted, "a refused attempt stays charged to its address");
        Refusal::Throttled(wait).into()
    }

    /// Decides on a reset by a right code, and writes it. A refusal is no guess at the code, so it is refunded,
    /// but for a wrong MFA code.
    async fn decide_reset(
        &self,
        caller: &Caller,
        queue: &MailQueue,
        right: RightCode,
        reset: Reset<'_>,
        details: &mut AttemptDetails,
    ) -> Result<SignedIn, ResetRefusal> {
        let RightCode { charged, user, owner, .. } = right;
        let allowed = self.check_reset(&user, &reset, charged.now, details).await;
        if matches!(allowed, Err(ResetRefusal::Refused(Refusal::WrongCode))) {
            return Err(Refusal::WrongCode.into());
        }
        let hashed = match allowed {
            Ok(spent) => match self.hash(reset.password, details).await {
                Ok(hash) => Ok((spent, hash)),
                Err(error) => Err(Refusal::fault(error).into()),
            },
            Err(refusal) => Err(refusal),
        };
        let (spent, hash) = match hashed {
            Ok(hashed) => hashed,
            Err(refusal) => {
                self.refund(&charged).await;
                return Err(refusal);
            }
        };
        let change = Some(Change::Reset { signs_in: reset.session.is_some() });
        let notice = MailMessage::new(caller.contract, MailKind::PasswordChanged, owner.clone(), caller.now);
        let effects = SignInEffects {
            password_hash: Some(&hash),
            session: reset.session,
            change,
            notice: Some((queue, &notice)),
        };
        let authenticated = Authenticated { charged, user, spent };
        let mut signed_in = match Box::pin(self.commit(authenticated, effects)).await {
            // The user's epoch has changed since the read: another request took the code.
            Err(Refusal::WrongPassword) => Err(ResetRefusal::Code(CodeRefusal::Wrong)),
            done => done.map_err(ResetRefusal::from),
        }?;
        signed_in.user.must_change_password = false;
        // The code stays, as that of a name that no user has: the new epoch has ended it.
        let cleared = self.store.clear_mail(&owner, caller.contract).await;
        log_failure(cleared, "the mails of a user stay counted");
        Ok(signed_in)
    }

    /// Checks the MFA code, the state of the user and the new password. Returns the MFA code that a sign-in spends.
    async fn check_reset(
        &self,
        user: &UserRecord,
        reset: &Reset<'_>,
        now: Timestamp,
        details: &mut AttemptDetails,
    ) -> Result<Option<Spent>, ResetRefusal> {
        let spent = self.check_code(user, reset.mfa_code, now)?;
        let must_change = match check_status(user) {
            Ok(()) => false,
            Err(Refusal::MustChangePassword) => true,
            Err(refusal) => return Err(refusal.into()),
        };
        self.password_policy.check(reset.password, &user.names()).map_err(ResetRefusal::Weak)?;
        // A password that somebody else chose must not stay (ASVS 5.0 6.4.1).
        if must_change && self.verify(user.password_hash.clone(), reset.password, details).await {
            return Err(ResetRefusal::Weak(WeakPassword::Unchanged));
        }
        Ok(spent)
    }

    async fn finish_reset(
        &self,
        caller: &Caller,
        done: Result<SignedIn, ResetRefusal>,
        details: AttemptDetails,
    ) -> Result<SignedIn, ResetRefusal> {
        let outcome = done.as_ref().map_or_else(ResetRefusal::outcome, |_| Outcome::PasswordReset);
        audit::attempt(caller, outcome, details);
        if done.is_err() {
            self.wait_for_refusal_step(caller).await;
        }
        done
    }
}
