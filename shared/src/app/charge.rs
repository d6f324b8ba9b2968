//! The charge of an attempt. Each attempt counts against the login name and the caller's address before
//! anything is checked.

use super::{App, log_failure, store_failed};
use crate::audit::{AttemptDetails, Caller};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::random::random;
use crate::refusal::Refusal;
use crate::store::{Login, LoginKind, NameCounter, StoreError};
use crate::throttle::{self, Admission};

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

/// The counters to which an attempt was charged, and when.
pub(super) struct Charged {
    pub(super) counter: NameCounter,
    pub(super) address: String,
    /// The failures of the address when the attempt was charged, this attempt included.
    pub(super) from_address: u32,
    /// Random for each attempt. The writes of an attempt carry it, so that a write that is sent again is
    /// counted once.
    pub(super) attempt_id: String,
    pub(super) now: Timestamp,
}

/// The charge of an attempt to its login name.
struct NameCharge {
    admission: Admission,
    /// The failures in a row, this attempt included if it is admitted.
    failures: u32,
    /// The user with this name, if the contract accepts this kind of name. An error if the charge was made
    /// and the user cannot be read; the charge is then refunded.
    user: Result<Option<UserRecord>, StoreError>,
}

impl AcceptedNames {
    const fn accept(self, kind: LoginKind) -> bool {
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
        let address = throttle::address_key(&caller.address);
        let attempt_id = hex::encode(random::<16>());
        let now = caller.now;

        // The keys are reloaded here too if they are old. A function that only signs never gets a token with
        // an unknown key, which would reload them.
        let (login, admission, ()) = tokio::join!(
            self.store.login(&name),
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
        let counter = NameCounter::Name(name.clone());
        let mut charged = Charged { counter, address, from_address, attempt_id, now };
        let login = match login {
            Ok(login) => login,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        let NameCharge { admission, failures, user } =
            match self.charge_name(&mut charged, &name, login, names).await {
                Ok(charge) => charge,
                Err(error) => return Err(self.refund_failed(&charged, error).await),
            };
        if let Admission::Refused(wait) = admission {
            details.throttled_by = Some("name");
            // No password was checked, so the address gets its charge back. Otherwise one user with a locked
            // name could use up the limit of a whole office.
            let Charged { address, attempt_id, now, .. } = &charged;
            let refunded = self.store.refund_address(address, &self.throttle, attempt_id, *now).await;
            log_failure(refunded, "a refused attempt stays charged to its address");
            return Err(Refusal::Throttled(wait));
        }
        let user = match user {
            Ok(user) => user,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        details.user_id = user.as_ref().map(|user| user.id);
        details.locks_name = failures >= self.throttle.lock_after;
        Ok((charged, user))
    }

    /// Charges an attempt to its login name, in one round trip, and returns the user. A name is one call, whether
    /// a user has it or not. A name that could be an id is two.
    async fn charge_name(
        &self,
        charged: &mut Charged,
        name: &LoginName,
        login: Option<Login>,
        names: AcceptedNames,
    ) -> Result<NameCharge, StoreError> {
        let ladder = self.throttle.ladder();
        let id = match names {
            AcceptedNames::UsernameEmailOrId => name.as_id(),
            AcceptedNames::Username | AcceptedNames::Email | AcceptedNames::UsernameOrEmail => None,
        };
        if let Some(Login { user_id, kind }) = login {
            let counter = kind.counter();
            charged.counter = NameCounter::User(user_id, counter);
            let Charged { attempt_id, now, .. } = &*charged;
            // A name that could be an id costs a read, whether a user has the name or not.
            let read = async {
                match id {
                    Some(_) => self.store.read_no_user().await,
                    None => Ok(()),
                }
            };
            let charge = self.store.charge_user(user_id, counter, &ladder, attempt_id, *now);
            let (charge, read) = tokio::join!(charge, read);
            let charge = charge?;
            read?;
            if let Some(charge) = charge {
                let (admission, failures) = (charge.admission, charge.failures);
                let may_sign_in = admission == Admission::Admitted && names.accept(kind);
                let user = if may_sign_in { charge.user().map(Some) } else { Ok(None) };
                return Ok(NameCharge { admission, failures, user });
            }
            // The user was deleted after the login name was read.
            charged.counter = NameCounter::Name(name.clone());
        }
        let user = async {
            match id {
                Some(id) => self.store.user(id).await,
                None => Ok(None),
            }
        };
        let Charged { attempt_id, now, .. } = &*charged;
        let charge = self.store.charge_name(name, &ladder, attempt_id, *now);
        let (charge, user) = tokio::join!(charge, user);
        let (admission, failures) = charge?;
        Ok(NameCharge { admission, failures, user })
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
