//! An attempt, step by step: resolve and charge, verify, settle. Every password and every code that is checked anywhere
//! goes through here, so that no door is a cheaper place to guess than another.

use std::time::Instant;

use super::{App, Attempt, Names, SignedIn};
use crate::audit::{AttemptDetails, Caller};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::identity::User;
use crate::random::random;
use crate::refusal::Refusal;
use crate::second_factor::Spent;
use crate::session::{NewSession, SessionRequest};
use crate::store::{Change, Charge, Login, LoginKind, SignInRecord, StoreError};
use crate::throttle;

/// To what an attempt was charged, and when.
pub(super) struct Charged {
    name: LoginName,
    address: String,
    /// Random for each attempt: its signature on what it writes.
    pub(super) attempt_id: String,
    pub(super) now: Timestamp,
}

/// An attempt whose password was right, and its code if there had to be one. What becomes of it is not decided yet, and
/// it stays charged until then.
pub(super) struct Authenticated {
    pub(super) charged: Charged,
    pub(super) user: User,
    pub(super) spent: Option<Spent>,
}

/// What a success writes down besides itself.
pub(super) struct SignInEffects<'a> {
    /// The hash that takes the place of the one that was verified.
    pub(super) password_hash: Option<&'a str>,
    /// The session that begins.
    pub(super) session: Option<SessionRequest>,
    /// What the user changed, which ends all other sessions.
    pub(super) change: Option<Change<'a>>,
}

impl App {
    /// Finds out whose name it is, and charges the attempt to it and to the caller's address, all before anything is
    /// checked.
    pub(super) async fn charge(
        &self,
        caller: &Caller,
        name: &str,
        names: Names,
        details: &mut AttemptDetails,
    ) -> Result<(Charged, Option<User>), Refusal> {
        let mut charged = Charged {
            name: LoginName::new(name),
            address: throttle::address_key(&caller.address),
            attempt_id: hex::encode(&random::<16>()),
            now: caller.now,
        };
        let Charged { name, address, attempt_id, now } = &charged;

        // The keys too, every few minutes: whoever only signs never meets a token whose key is unknown.
        let (login, charge, ()) = tokio::join!(
            self.store.login(name),
            self.store.charge_address(address, &self.throttle, attempt_id, *now),
            self.keys.read_again_if_old(*now)
        );
        let charge = match charge {
            Ok(charge) => charge,
            Err(error) => {
                let undone = self.store.undo_address(address, &self.throttle, attempt_id, *now).await;
                log_failure(undone, "an attempt may stay charged to its address");
                return Err(error.into());
            }
        };
        if let Charge::Refused(wait) = charge {
            details.throttled_by = Some("address");
            return Err(Refusal::Throttled(wait));
        }
        let login = match login {
            Ok(login) => login,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        let counts_as = login.as_ref().and_then(|login| login.counts_as.as_deref().map(LoginName::new));
        let user_id = resolve(login, name, names);
        if let Some(counts_as) = counts_as {
            charged.name = counts_as;
        }
        let Charged { name, address, attempt_id, now } = &charged;

        let (charge, user) = tokio::join!(
            self.store.charge_name(name, &self.throttle, attempt_id, *now),
            self.store.user(user_id.unwrap_or(0))
        );
        let charge = match charge {
            Ok(charge) => charge,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        if let Charge::Refused(wait) = charge {
            details.throttled_by = Some("name");
            // Nothing is tried, so nothing is counted: one who is locked out must not shut the whole office out.
            let refunded = self.store.refund_address(address, &self.throttle, attempt_id, *now).await;
            log_failure(refunded, "a refused attempt stays charged to its address");
            return Err(Refusal::Throttled(wait));
        }
        let user = match user {
            Ok(user) => user,
            Err(error) => return Err(self.refund_fault(&charged, error).await),
        };
        details.user_id = user.as_ref().map(|user| user.id);
        Ok((charged, user))
    }

    /// Charges an attempt and verifies its password, and its code where the user has MFA on. A wrong one stays counted.
    pub(super) async fn authenticate(
        &self,
        caller: &Caller,
        attempt: &Attempt<'_>,
        details: &mut AttemptDetails,
    ) -> Result<Authenticated, Refusal> {
        let (charged, user) = self.charge(caller, attempt.name, attempt.names, details).await?;
        let hashing = Instant::now();
        let stored = user.as_ref().and_then(|user| user.password_hash.as_deref());
        let right = self.passwords.verify(stored, attempt.password, &self.keys.ring().peppers);
        details.hashing = Some(hashing.elapsed());
        let user = user.ok_or(Refusal::UnknownUser)?;
        if !right {
            return Err(Refusal::WrongPassword);
        }
        match self.check_code(&user, attempt.code, charged.now) {
            Ok(spent) => Ok(Authenticated { charged, user, spent }),
            // A wrong code stays counted like a wrong password.
            Err(Refusal::WrongCode) => Err(Refusal::WrongCode),
            Err(refusal) => {
                self.refund(&charged).await;
                Err(refusal)
            }
        }
    }

    /// Gives the charges back: the password was right, so this was no guess. The count of earlier ones stays, or
    /// whoever knows the password could clear it between guesses at the code.
    pub(super) async fn refund(&self, charged: &Charged) {
        let (name, address) = tokio::join!(
            self.store.refund_name(&charged.name, &charged.attempt_id),
            self.store.refund_address(&charged.address, &self.throttle, &charged.attempt_id, charged.now)
        );
        log_failure(name, "an attempt stays charged to its name");
        log_failure(address, "an attempt stays charged to its address");
    }

    /// The store failed before anything was decided: an outage must not lock anybody out.
    pub(super) async fn refund_fault(&self, charged: &Charged, error: StoreError) -> Refusal {
        self.refund(charged).await;
        error.into()
    }

    fn check_code(&self, user: &User, code: Option<&str>, now: Timestamp) -> Result<Option<Spent>, Refusal> {
        let Some(mfa) = &user.mfa else { return Ok(None) };
        let code = code.ok_or(Refusal::MfaRequired)?;
        match mfa.check(user.id, &user.recovery_codes, code, &self.keys.ring().recovery, now) {
            Ok(Some(spent)) => Ok(Some(spent)),
            Ok(None) => Err(Refusal::WrongCode),
            Err(_) => {
                tracing::error!(user_id = user.id, "the stored MFA secret cannot be one");
                Err(Refusal::Fault)
            }
        }
    }

    /// A new hash of the password that was right, where the stored one was brought along or has become too cheap.
    pub(super) fn upgrade(
        &self,
        user: &User,
        password: &str,
        details: &mut AttemptDetails,
    ) -> Option<String> {
        let hashing = Instant::now();
        let upgraded = self.passwords.upgrade(user.password_hash.as_deref()?, password, random());
        if upgraded.is_some() {
            details.hashing = details.hashing.map(|before| before + hashing.elapsed());
        }
        upgraded
    }

    /// Writes down a success, all at once, and answers only when everything that counts is written.
    pub(super) async fn commit(
        &self,
        authenticated: Authenticated,
        effects: SignInEffects<'_>,
    ) -> Result<SignedIn, Refusal> {
        let Authenticated { charged, mut user, spent } = authenticated;
        let SignInEffects { password_hash, session, change } = effects;
        let now = charged.now;
        let epoch = user.epoch + u64::from(change.is_some());
        let session = session.map(|request| NewSession::begin(request, user.id, epoch, now));
        let record = self.store.record_sign_in(SignInRecord {
            user: &user,
            spent: spent.as_ref(),
            password_hash,
            change,
            attempt: &charged.attempt_id,
            now,
        });
        let put_session = async {
            match &session {
                Some(session) => self.store.put_session(session).await,
                None => Ok(()),
            }
        };
        let write = async {
            tokio::join!(
                put_session,
                self.store.clear_name(&charged.name),
                self.store.refund_address(&charged.address, &self.throttle, &charged.attempt_id, now)
            )
        };
        let (put, cleared, refunded) = if spent.is_some() || change.is_some() {
            // One trip more: of two who race with one code or one change, the loser leaves no session and clears no
            // count. A code that may not have been spent opens nothing.
            match record.await {
                Ok(true) => write.await,
                Ok(false) if spent.is_some() => return Err(Refusal::WrongCode),
                Ok(false) => return Err(Refusal::WrongPassword),
                Err(error) => return Err(self.refund_fault(&charged, error).await),
            }
        } else {
            let (recorded, written) = tokio::join!(record, write);
            match recorded {
                Ok(true) => {}
                // Since the user was read, someone disabled the user, or changed the password or MFA.
                Ok(false) => return Err(Refusal::WrongPassword),
                Err(error) => log_failure(Err(error), "a sign-in is not recorded with its user"),
            }
            written
        };
        put?;
        log_failure(cleared, "the failures of a name stay counted");
        log_failure(refunded, "a success stays charged to its address");
        user.epoch = epoch;
        user.updated_at = now;
        if change.is_none_or(Change::signs_in) {
            user.last_sign_in = Some(now);
        }
        Ok(SignedIn { user, session: session.map(|session| session.token) })
    }
}

/// Whose name it is, if this contract takes such a name. A login name wins over an id.
fn resolve(login: Option<Login>, name: &LoginName, names: Names) -> Option<u64> {
    match (names, login) {
        (
            Names::Username,
            Some(Login {
                user_id,
                kind: LoginKind::Username | LoginKind::OtherUsername | LoginKind::Both,
                ..
            }),
        )
        | (Names::Email, Some(Login { user_id, kind: LoginKind::Email | LoginKind::Both, .. }))
        | (Names::UsernameEmailOrId, Some(Login { user_id, .. })) => Some(user_id),
        (Names::UsernameEmailOrId, None) => name.as_id(),
        (Names::Username | Names::Email, _) => None,
    }
}

/// A write that only helps is not worth a refusal; that it failed is worth a line.
pub(super) fn log_failure(outcome: Result<(), StoreError>, consequence: &str) {
    if let Err(error) = outcome {
        tracing::warn!(cause = %error, "{consequence}");
    }
}
