//! The charge of an attempt. Each attempt counts against the login name and the caller's address before
//! anything is checked.

use super::{App, log_failure, store_failed};
use crate::audit::{AttemptDetails, Caller};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::random::random;
use crate::refusal::Refusal;
use crate::store::{Login, LoginKind, StoreError};
use crate::throttle::{self, Admission};

/// The kinds of login name that a contract accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptedNames {
    /// A username.
    Username,
    /// An e-mail address.
    Email,
    /// A username, an e-mail address or an id. If a text can be more than one of them, the first in this
    /// order counts.
    UsernameEmailOrId,
}

/// The login name and the address to which an attempt was charged, and when.
pub(super) struct Charged {
    pub(super) name: LoginName,
    pub(super) address: String,
    /// Random for each attempt. The writes of an attempt carry it, so that a write which the SDK sends again
    /// is counted once.
    pub(super) attempt_id: String,
    pub(super) now: Timestamp,
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
        let mut charged = Charged {
            name: LoginName::new(name),
            address: throttle::address_key(&caller.address),
            attempt_id: hex::encode(random::<16>()),
            now: caller.now,
        };
        let Charged { name, address, attempt_id, now } = &charged;

        // The keys are reloaded here too if they are old. A function that only signs never gets a token with
        // an unknown key, which would reload them.
        let (login, admission, ()) = tokio::join!(
            self.store.login(name),
            self.store.charge_address(address, &self.throttle, attempt_id, *now),
            self.keys.reload_if_old(*now)
        );
        let admission = match admission {
            Ok(admission) => admission,
            Err(error) => {
                let reverted = self.store.revert_address(address, &self.throttle, attempt_id, *now).await;
                log_failure(reverted, "an attempt may stay charged to its address");
                return Err(store_failed(error));
            }
        };
        if let Admission::Refused(wait) = admission {
            details.throttled_by = Some("address");
            return Err(Refusal::Throttled(wait));
        }
        let login = match login {
            Ok(login) => login,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        let counts_as = login.as_ref().and_then(|login| login.counts_as.as_deref().map(LoginName::new));
        let user_id = resolve(login, name, names);
        if let Some(counts_as) = counts_as {
            charged.name = counts_as;
        }
        let Charged { name, address, attempt_id, now } = &charged;

        let (admission, user) = tokio::join!(
            self.store.charge_name(name, &self.throttle, attempt_id, *now),
            self.store.user(user_id.unwrap_or(0))
        );
        let (admission, failures) = match admission {
            Ok(charged) => charged,
            Err(error) => return Err(self.refund_failed(&charged, error).await),
        };
        if let Admission::Refused(wait) = admission {
            details.throttled_by = Some("name");
            // No password was checked, so the address gets its charge back. Otherwise one user with a locked
            // name could use up the limit of a whole office.
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

    /// Takes the charges of an attempt back after a right password: the attempt was no guess. Earlier
    /// failures stay counted. Otherwise an attacker with the right password could clear the count between
    /// guesses at the code.
    pub(super) async fn refund(&self, charged: &Charged) {
        let (name, address) = tokio::join!(
            self.store.refund_name(&charged.name, &charged.attempt_id),
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

/// Returns the id of the user with this name, if the contract accepts this kind of name. If a text is both a
/// login name and an id, the login name counts.
fn resolve(login: Option<Login>, name: &LoginName, names: AcceptedNames) -> Option<u64> {
    use LoginKind::{Both, Email, OtherUsername, Username};
    match (names, login) {
        (AcceptedNames::Username, Some(Login { user_id, kind: Username | OtherUsername | Both, .. }))
        | (AcceptedNames::Email, Some(Login { user_id, kind: Email | Both, .. }))
        | (AcceptedNames::UsernameEmailOrId, Some(Login { user_id, .. })) => Some(user_id),
        (AcceptedNames::UsernameEmailOrId, None) => name.as_id(),
        (AcceptedNames::Username | AcceptedNames::Email, _) => None,
    }
}
