//! The charge of an attempt. Each attempt counts against the login name and the caller's address before
//! anything is checked.

use std::time::Duration;

use super::{App, log_failure, store_failed};
use crate::audit::{AttemptDetails, Caller};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::random::random;
use crate::refusal::Refusal;
use crate::store::{Login, LoginKind, NameCounter, StoreError, UserCharge, UserCounter};
use crate::throttle::{self, Admission, KnownAddresses};

/// The kinds of login name that a contract accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedNames {
    /// A username.
    Username,
    /// An e-mail address.
    Email,
    /// A username or an e-mail address.
    UsernameOrEmail,
    /// A username, an e-mail address or an id. If a text can be more than one of them, the first in this
    /// order counts.
    UsernameEmailOrId,
}

/// Whether an attempt is refused while its login name has to wait or is locked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum NameLimit {
    /// It is refused, and not counted: the attempt checks a password.
    Refuses,
    /// It goes on, and is not counted: the attempt checks a reset code, whose tries are counted with the code.
    /// If a lock refused it, nobody could unlock a name by a code.
    Passes,
}

/// The counters to which an attempt was charged, and when.
pub(super) struct Charged {
    pub(super) counter: NameCounter,
    pub(super) address: String,
    /// Whether a login name led to the user. Otherwise the user was found by the id.
    pub(super) by_login_name: bool,
    /// Where a success makes the address known. `None` if no user has the name, or nobody can be known at the
    /// address.
    pub(super) origin: Option<Origin>,
    /// The wait of the name, if the name refused the attempt and [`NameLimit::Passes`] let it go on.
    pub(super) name_wait: Option<Duration>,
    /// The failures of the address when the attempt was charged, this attempt included.
    pub(super) from_address: u32,
    /// Random for each attempt. The writes of an attempt carry it, so that a write that is sent again is
    /// counted once.
    pub(super) attempt_id: String,
    pub(super) now: Timestamp,
}

/// The address of an attempt, as the item of its login name keeps it.
pub(super) struct Origin {
    /// The partition key of the login name.
    pub(super) pk: String,
    /// The digest of the address.
    pub(super) digest: String,
    /// The addresses that are known.
    pub(super) known: KnownAddresses,
}

/// The charge of an attempt to its login name.
struct NameCharge {
    admission: Admission,
    /// Whether this attempt, if it is a failure, locks the counter.
    locks: bool,
    /// The user with this name, if the contract accepts this kind of name. An error if the charge was made
    /// and the user cannot be read; the charge is then refunded.
    user: Result<Option<UserRecord>, StoreError>,
}

impl AcceptedNames {
    pub(super) const fn accept(self, kind: LoginKind) -> bool {
        use LoginKind::{Both, Email, OtherUsername, Username};
        match (self, kind) {
            (Self::Username, Username | OtherUsername | Both)
            | (Self::Email, Email | Both)
            | (Self::UsernameOrEmail | Self::UsernameEmailOrId, _) => true,
            (Self::Username, Email) | (Self::Email, Username | OtherUsername) => false,
        }
    }
}

impl App {
    /// Finds the user of a login name, and charges the attempt to the name and to the caller's address.
    pub(super) async fn charge(
        &self,
        caller: &Caller,
        name: &str,
        names: AcceptedNames,
        details: &mut AttemptDetails,
    ) -> Result<(Charged, Option<UserRecord>), Refusal> {
        let name = LoginName::new(name);
        self.charge_attempt(caller, &name, names, NameLimit::Refuses, details).await
    }

    /// Charges an attempt to the caller's address, while `read` reads what the next step needs. `counter` is
    /// the one to which the next step charges it.
    pub(super) async fn charge_address<T>(
        &self,
        caller: &Caller,
        counter: NameCounter,
        read: impl Future<Output = T>,
        details: &mut AttemptDetails,
    ) -> Result<(Charged, T), Refusal> {
        let address = throttle::address_key(&caller.address);
        let attempt_id = hex::encode(random::<16>());
        let now = caller.now;

        // The keys are reloaded here too if they are old. A function that only signs never gets a token with
        // an unknown key, which would reload them.
        let (read, admission, ()) = tokio::join!(
            read,
            self.store.charge_address(&address, &self.throttle, &attempt_id, now),
            self.keys.reload_if_old(now)
        );
        let (admission, from_address) = match admission {
            Ok(charge) => charge,
            Err(error) => {
                let reverted = self.store.revert_address(&address, &self.throttle, &attempt_id, now).await;
                log_failure(reverted, "an attempt may stay charged to its address");
                return Err(store_failed(error));
            }
        };
        if let Admission::Refused(wait) = admission {
            details.throttled_by = Some("address");
            return Err(Refusal::Throttled(wait));
        }
        let charged = Charged {
            counter,
            address,
            by_login_name: false,
            origin: None,
            name_wait: None,
            from_address,
            attempt_id,
            now,
        };
        Ok((charged, read))
    }

    /// Charges an attempt as [`App::charge`] does, with or without the limit of the name.
    pub(super) async fn charge_attempt(
        &self,
        caller: &Caller,
        name: &LoginName,
        names: AcceptedNames,
        limit: NameLimit,
        details: &mut AttemptDetails,
    ) -> Result<(Charged, Option<UserRecord>), Refusal> {
        let counter = NameCounter::Name(name.clone());
        let read = self.store.login(name);
        let (mut charged, login) = self.charge_address(caller, counter, read, details).await?;
        let login = match login {
            Ok(login) => login,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        let NameCharge { admission, locks, user } =
            match self.charge_name(&mut charged, name, login, names, limit).await {
                Ok(charge) => charge,
                Err(error) => return Err(self.refund_failed(&charged, error).await),
            };
        if let Admission::Refused(wait) = admission {
            charged.name_wait = Some(wait);
        }
        if let Some(wait) = charged.name_wait
            && limit == NameLimit::Refuses
        {
            details.throttled_by = Some("name");
            // No password was checked, so the address gets its charge back. Otherwise one user with a locked
            // name could use up the limit of a whole office. Refused attempts have a higher limit of their own.
            let Charged { address, attempt_id, now, .. } = &charged;
            let refunded = self.store.count_refused(address, &self.throttle, attempt_id, *now).await;
            log_failure(refunded, "a refused attempt stays charged to its address");
            return Err(Refusal::Throttled(wait));
        }
        let user = match user {
            Ok(user) => user,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        details.user_id = user.as_ref().map(|user| user.id);
        details.locks_name = locks && admission == Admission::Admitted;
        Ok((charged, user))
    }

    /// Charges an attempt to its login name, in one round trip, and returns the user. A name is one call, whether
    /// a user has it or not. A name that could be an id is two. An attempt from an address at which the user is
    /// known is charged to the known addresses instead. If all sessions of the user have ended since the address
    /// became known, this takes another round trip.
    async fn charge_name(
        &self,
        charged: &mut Charged,
        name: &LoginName,
        login: Option<Login>,
        names: AcceptedNames,
        limit: NameLimit,
    ) -> Result<NameCharge, StoreError> {
        let backoff = self.throttle.backoff();
        let id = match names {
            AcceptedNames::UsernameEmailOrId => name.as_id(),
            AcceptedNames::Username | AcceptedNames::Email | AcceptedNames::UsernameOrEmail => None,
        };
        if let Some(Login { user_id, kind, known_addresses: known, pk }) = login {
            if throttle::can_be_known(&charged.address) {
                let digest = self.keys.current().recovery.digest_address(user_id, &charged.address);
                charged.origin = Some(Origin { pk, digest, known });
            }
            // A name that could be an id costs a read, whether a user has the name or not.
            let read = async {
                match id {
                    Some(_) => self.store.read_no_user().await,
                    None => Ok(()),
                }
            };
            let charge = self.charge_user(charged, user_id, kind.counter());
            let (charge, read) = tokio::join!(charge, read);
            let charge = charge?;
            read?;
            if let Some((charge, locks)) = charge {
                charged.by_login_name = true;
                let admission = charge.admission;
                let goes_on = admission == Admission::Admitted || limit == NameLimit::Passes;
                let user = if goes_on && names.accept(kind) { charge.user().map(Some) } else { Ok(None) };
                return Ok(NameCharge { admission, locks, user });
            }
            // The user was deleted after the login name was read.
            charged.counter = NameCounter::Name(name.clone());
            charged.origin = None;
        }
        let user = async {
            match id {
                Some(id) => self.store.user(id).await,
                None => Ok(None),
            }
        };
        let Charged { attempt_id, now, .. } = &*charged;
        let charge = self.store.charge_name(name, &backoff, attempt_id, *now);
        let (charge, user) = tokio::join!(charge, user);
        let (admission, failures) = charge?;
        Ok(NameCharge { admission, locks: failures >= backoff.lock_after, user })
    }

    /// Charges an attempt to the user of its login name: to the known addresses, or to this counter. Returns
    /// the charge, and whether a failure locks the counter. Returns `None` if there is no such user.
    async fn charge_user(
        &self,
        charged: &mut Charged,
        user_id: u64,
        counter: UserCounter,
    ) -> Result<Option<(UserCharge, bool)>, StoreError> {
        let now = charged.now;
        if let Some(Origin { digest, known, .. }) = &charged.origin
            && known.contains(digest, now)
        {
            charged.counter = NameCounter::User(user_id, UserCounter::KnownAddresses);
            let backoff = self.throttle.known_addresses_backoff();
            let charge = self
                .store
                .charge_known_address(user_id, known.epoch, &backoff, &charged.attempt_id, now)
                .await?;
            if let Some(charge) = charge {
                let locks = charge.failures >= backoff.lock_after;
                return Ok(Some((charge, locks)));
            }
        }
        charged.counter = NameCounter::User(user_id, counter);
        let backoff = self.throttle.backoff();
        let charge = self.store.charge_user(user_id, counter, &backoff, &charged.attempt_id, now).await?;
        Ok(charge.map(|charge| {
            let locks = charge.failures >= backoff.lock_after;
            (charge, locks)
        }))
    }

    /// Takes the charges of an attempt back after a right password: the attempt was no guess. Earlier
    /// failures stay counted. Otherwise an attacker with the right password could clear the count between
    /// guesses at the code.
    pub(super) async fn refund(&self, charged: &Charged) {
        let (name, address) = tokio::join!(
            self.store.refund_name(&charged.counter, &charged.attempt_id),
            self.store.refund_address(&charged.address, &self.throttle, &charged.attempt_id, charged.now)
        );
        log_failure(name, "an attempt stays charged to its name");
        log_failure(address, "an attempt stays charged to its address");
    }

    /// Takes the charges back after a failure of the store, so that an outage locks no name. Returns the
    /// refusal. No caller gets a free guess by this: either no password was verified, or it was right.
    pub(super) async fn refund_failed(&self, charged: &Charged, error: StoreError) -> Refusal {
        self.refund(charged).await;
        store_failed(error)
    }
}
