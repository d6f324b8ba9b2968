//! The writes of a sign-in that succeeded.

use super::authenticate::Authenticated;
use super::charge::{Charged, Origin};
use super::{App, log_failure, store_failed};
use crate::error::Causes;
use crate::identity::{LoginName, User, UserRecord};
use crate::mail::{MailMessage, MailQueue};
use crate::refusal::Refusal;
use crate::session::{NewSession, SessionRequest, SessionToken};
use crate::store::{Change, NameCounter, SignInRecord, Written};

/// A user who signed in, or whose session was refreshed.
pub struct SignedIn {
    /// The user. After a sign-in, `last_sign_in` is its time.
    pub user: User,
    /// The token of the session, if one was asked for.
    pub session: Option<SessionToken>,
}

/// What a sign-in writes besides the fact that the user signed in.
pub(super) struct SignInEffects<'a> {
    /// The hash that replaces the one that was verified.
    pub(super) password_hash: Option<&'a str>,
    /// The session that begins.
    pub(super) session: Option<SessionRequest>,
    /// The change that the user makes. It ends all other sessions.
    pub(super) change: Option<Change<'a>>,
    /// The message that tells the user of the change, as soon as it is written.
    pub(super) notice: Option<(&'a MailQueue, &'a MailMessage)>,
}

impl App {
    /// Sends the writes of a successful sign-in at the same time, and waits for all of them. If the user was
    /// found by the id, the login name is read first.
    ///
    /// A spent code or a change is written first, in a round trip of its own. If two requests race with one
    /// code or one change, the second must begin no session and clear no failures.
    pub(super) async fn commit(
        &self,
        authenticated: Authenticated,
        effects: SignInEffects<'_>,
    ) -> Result<SignedIn, Refusal> {
        let Authenticated { charged, mut user, spent } = authenticated;
        let SignInEffects { password_hash, session, change, notice } = effects;
        if !charged.by_login_name {
            self.require_login_name(&charged, &user).await?;
        }
        let now = charged.now;
        let epoch = user.epoch + u64::from(change.is_some());
        let signs_in = change.is_none_or(Change::signs_in);
        let known_in = signs_in.then_some(epoch);
        let session = session.map(|request| NewSession::begin(request, user.id, epoch, now));
        let record = self.store.record_sign_in(SignInRecord {
            user: &user,
            spent: spent.as_ref(),
            password_hash,
            change,
            counter: &charged.counter,
            attempt_id: &charged.attempt_id,
            now,
        });
        if spent.is_some() || change.is_some() {
            match record.await {
                Ok(Written::Done) => {}
                Ok(Written::Refused) if spent.is_some() => return Err(Refusal::WrongCode),
                Ok(Written::Refused) => return Err(Refusal::WrongPassword),
                // It is not known whether the code is recorded as spent, so it must not sign the user in.
                Err(error) => return Err(self.refund_failed(&charged, error).await),
            }
            let notify = async {
                if let Some((queue, message)) = notice
                    && let Err(error) = queue.send(message).await
                {
                    tracing::warn!(cause = %Causes(&error), "a user is not told of a change");
                }
            };
            let (effects, ()) =
                tokio::join!(self.write_effects(&charged, known_in, session.as_ref()), notify);
            effects?;
        } else {
            let (recorded, effects) =
                tokio::join!(record, self.write_effects(&charged, known_in, session.as_ref()));
            match recorded {
                Ok(Written::Done) => {}
                // After the read, the user was disabled, or the password or MFA changed.
                Ok(Written::Refused) => return Err(Refusal::WrongPassword),
                Err(error) => {
                    log_failure(Err(error), "a sign-in is not recorded with its user");
                    // The same write clears the failures. The attempt must not stay one.
                    let refunded = self.store.refund_name(&charged.counter, &charged.attempt_id).await;
                    log_failure(refunded, "a success stays charged to its name");
                }
            }
            effects?;
        }
        user.epoch = epoch;
        user.updated_at = now;
        if signs_in {
            user.last_sign_in = Some(now);
        }
        Ok(SignedIn { user: (&user).into(), session: session.map(|session| session.token) })
    }

    /// Checks that the username leads to the user. An item without login names was not created as a user. The
    /// caller has already proved the password or the link, so this refusal tells an attacker nothing. Refunds
    /// the attempt.
    async fn require_login_name(&self, charged: &Charged, user: &UserRecord) -> Result<(), Refusal> {
        let leads = async |username: &str| {
            let login = self.store.login(&LoginName::new(username)).await?;
            Ok(login.is_some_and(|login| login.user_id == user.id))
        };
        let has_name = match leads(&user.username).await {
            // An operator may have renamed the user since the charge. The writes refuse a deleted one.
            Ok(false) => match self.store.user(user.id).await {
                Ok(Some(renamed)) => leads(&renamed.username).await,
                Ok(None) => Ok(true),
                Err(error) => Err(error),
            },
            read => read,
        };
        match has_name {
            Ok(true) => Ok(()),
            Ok(false) => {
                tracing::error!(user_id = user.id, "the username of a user does not lead to the user");
                self.refund(charged).await;
                Err(Refusal::Fault)
            }
            Err(error) => Err(self.refund_failed(charged, error).await),
        }
    }

    /// Puts the session, clears the failures of the name unless they are with the user, and takes back the
    /// charge of the address if that has used more than a third of its limit. Makes the address known in an
    /// epoch of the user, if one is given. Only the session must be written.
    async fn write_effects(
        &self,
        charged: &Charged,
        known_in: Option<u64>,
        session: Option<&NewSession>,
    ) -> Result<(), Refusal> {
        let put_session = async {
            match session {
                Some(session) => self.store.put_session(session).await,
                None => Ok(()),
            }
        };
        let clear_name = async {
            match &charged.counter {
                NameCounter::Name(name) => self.store.clear_name(name).await,
                NameCounter::User(..) => Ok(()),
            }
        };
        let refund_address = async {
            let Charged { address, from_address, attempt_id, now, .. } = charged;
            match self.throttle.refunds_success(*from_address) {
                true => self.store.refund_address(address, &self.throttle, attempt_id, *now).await,
                false => Ok(()),
            }
        };
        let know_address = async {
            let (Some(Origin { pk, digest, known }), Some(epoch)) = (&charged.origin, known_in) else {
                return Ok(());
            };
            match known.after_sign_in(digest, epoch, charged.now) {
                // If the name was changed meanwhile, there is nothing to write.
                Some(known) => self.store.put_known_addresses(pk, &known).await.map(|_| ()),
                None => Ok(()),
            }
        };
        let (put, cleared, refunded, known) =
            tokio::join!(put_session, clear_name, refund_address, know_address);
        put.map_err(store_failed)?;
        log_failure(known, "an address does not become known");
        log_failure(cleared, "the failures of a name stay counted");
        log_failure(refunded, "a success stays charged to its address");
        Ok(())
    }
}
