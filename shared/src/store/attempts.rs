//! The counters of attempts. An attempt is charged before anything is hashed. The charge is taken back if the
//! attempt was no failure.
//!
//! One conditional update decides and counts, so parallel guesses cannot get past the limit. Each write of an
//! attempt carries the random attempt id. If a reply is lost and the write is sent again, the id shows that
//! the write took place, and it counts once.
//!
//! The conditions below rely on two rules of DynamoDB. A comparison with a missing attribute is false (except
//! `<>`, on which nothing here depends). An update creates the item if there is none. No update may create a
//! user, so each update of a user has a condition that refuses a missing item.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;

use super::counter::{Attributes, NOBODY, NameCounter, OF_ITEM, UserCounter, clearing, counter, refused};
use super::update::{Update, Updated};
use super::{Item, Store, StoreError, decode_user, key, number, text};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::throttle::{AddressAttempts, Admission, Attempts, Backoff, Policy};

/// A charge to a counter in a user's item.
#[must_use]
pub(crate) struct UserCharge {
    /// Whether the attempt is admitted.
    pub(crate) admission: Admission,
    /// The failures in a row, this attempt included if it is admitted.
    pub(crate) failures: u32,
    user_id: u64,
    item: Item,
}

impl UserCharge {
    fn of(
        user_id: u64,
        updated: Updated,
        counter: UserCounter,
        backoff: &Backoff,
        attempt_id: &str,
        now: Timestamp,
    ) -> Self {
        let (admission, counter, item) =
            admission(updated, &counter.attributes(), attempt_id, now, |of, _| backoff.admit(of, now));
        Self { admission, failures: counter.failures, user_id, item }
    }

    /// Returns the user, as of this charge.
    ///
    /// # Errors
    /// If the item is no user that can be read.
    pub(crate) fn user(self) -> Result<UserRecord, StoreError> {
        decode_user(self.user_id, self.item)
    }
}

impl Store {
    /// Charges an attempt to a name that no user has, or to an id. Returns the failures in a row too, this
    /// attempt included if it is admitted.
    pub(crate) async fn charge_name(
        &self,
        name: &LoginName,
        backoff: &Backoff,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<(Admission, u32), StoreError> {
        let update = NameCounter::Name(name.clone()).charging(backoff, attempt_id, now);
        let (admission, counter, _) =
            admission(self.update(update).await?, &OF_ITEM, attempt_id, now, |of, _| backoff.admit(of, now));
        Ok((admission, counter.failures))
    }

    /// Charges an attempt to a counter of a user. Returns `None` if there is no such user.
    pub(crate) async fn charge_user(
        &self,
        user_id: u64,
        counter: UserCounter,
        backoff: &Backoff,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Option<UserCharge>, StoreError> {
        let update = NameCounter::User(user_id, counter).charging(backoff, attempt_id, now);
        let updated = self.update(update).await?;
        if matches!(&updated, Updated::Refused(item) if item.is_empty()) {
            return Ok(None);
        }
        Ok(Some(UserCharge::of(user_id, updated, counter, backoff, attempt_id, now)))
    }

    /// Charges an attempt from an address that was known in this epoch of the user. Returns `None` if the
    /// epoch has changed, or if there is no such user. Nothing is charged then.
    pub(crate) async fn charge_known_address(
        &self,
        user_id: u64,
        epoch: u64,
        backoff: &Backoff,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Option<UserCharge>, StoreError> {
        let counter = UserCounter::KnownAddresses;
        let update = NameCounter::User(user_id, counter)
            .charging(backoff, attempt_id, now)
            .when("epoch = :known_epoch")
            .value(":known_epoch", number(epoch));
        let updated = self.update(update).await?;
        if matches!(&updated, Updated::Refused(item) if item.get("epoch") != Some(&number(epoch))) {
            return Ok(None);
        }
        Ok(Some(UserCharge::of(user_id, updated, counter, backoff, attempt_id, now)))
    }

    /// Takes a charge back, unless another attempt was charged since.
    pub(crate) async fn refund_name(
        &self,
        counter: &NameCounter,
        attempt_id: &str,
    ) -> Result<(), StoreError> {
        self.revert(counter.key(), &counter.attributes(), attempt_id).await
    }

    /// Clears the failures of an id, or of a name that no user has.
    pub(crate) async fn clear_name(&self, name: &LoginName) -> Result<(), StoreError> {
        self.update(clearing(&NameCounter::Name(name.clone()))).await.map(|_| ())
    }

    /// Charges an attempt to an address. Returns the failures in this window too, this attempt included if it
    /// is admitted.
    pub(crate) async fn charge_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<(Admission, u32), StoreError> {
        let (window, remaining) = policy.window(now);
        let key = address_key(address, window);
        let update = charging_address(key, policy.address_limit, remaining, attempt_id, now)
            .when("attribute_not_exists(refused) OR refused < :refused_limit")
            .value(":refused_limit", number(policy.refused_limit()));
        let (admission, counter, _) =
            admission(self.update(update).await?, &OF_ITEM, attempt_id, now, |of, item| {
                let counter = AddressAttempts { failures: of.failures, refused: refused(item) };
                policy.address(counter, now)
            });
        Ok((admission, counter.failures))
    }

    /// Reverts a charge whose outcome is unknown. Does nothing unless it was applied and is still the latest.
    pub(crate) async fn revert_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt_id: &str,
        charged: Timestamp,
    ) -> Result<(), StoreError> {
        let (window, _) = policy.window(charged);
        self.revert(address_key(address, window), &OF_ITEM, attempt_id).await
    }

    /// Takes a charge off a counter, if it is the latest one.
    pub(super) async fn revert(
        &self,
        key: Item,
        attributes: &Attributes,
        attempt_id: &str,
    ) -> Result<(), StoreError> {
        let update = Update::of(key)
            .add(attributes.failures, number(-1))
            .set(attributes.charged_at, number(0))
            .set(attributes.charged_by, text(NOBODY))
            .when(format!("{} = :attempt", attributes.charged_by))
            .value(":attempt", text(attempt_id));
        self.update(update).await.map(|_| ())
    }

    /// Takes one charge of an address back, in the window in which it was charged. Other attempts may have
    /// been charged since, so the condition does not name the charge. The condition refuses a count below
    /// zero, and a second refund in a row for one attempt.
    pub(crate) async fn refund_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt_id: &str,
        charged: Timestamp,
    ) -> Result<(), StoreError> {
        let update = refunding_address(address, policy, attempt_id, charged);
        self.update(update).await.map(|_| ())
    }

    /// Takes one charge of an address back in the same way, and counts an attempt that a name refused.
    pub(crate) async fn count_refused(
        &self,
        address: &str,
        policy: &Policy,
        attempt_id: &str,
        charged: Timestamp,
    ) -> Result<(), StoreError> {
        let update = refunding_address(address, policy, attempt_id, charged).add("refused", number(1));
        self.update(update).await.map(|_| ())
    }
}

fn refunding_address(address: &str, policy: &Policy, attempt_id: &str, charged: Timestamp) -> Update {
    let (window, _) = policy.window(charged);
    Update::of(address_key(address, window))
        .add("failures", number(-1))
        .set("refunded_by", text(attempt_id))
        .when("failures > :zero AND (attribute_not_exists(refunded_by) OR refunded_by <> :refunded_by)")
        .value(":zero", number(0))
}

/// Returns the update that charges an attempt to the counter of an address, if that counts fewer than `limit`.
pub(super) fn charging_address(
    key: Item,
    limit: u32,
    remaining: Duration,
    attempt_id: &str,
    now: Timestamp,
) -> Update {
    Update::of(key)
        .add("failures", number(1))
        .set("charged_by", text(attempt_id))
        .set("expires_at", number(now.plus(remaining).secs() + 60))
        .when(
            "attribute_not_exists(failures) \
             OR charged_by <> :charged_by AND failures >= :zero AND failures < :limit",
        )
        .value(":zero", number(0))
        .value(":limit", number(limit))
        .returning(ReturnValue::UpdatedNew)
        .returning_refused()
}

fn address_key(address: &str, window: u64) -> Item {
    key(format!("ADDRESS#{address}#{window}"), "ATTEMPTS")
}

/// Returns whether a charge was made, now or by an earlier try of the same attempt. Also returns the counter,
/// and the item that holds it. `policy` gives the wait of a counter that refused the charge.
pub(super) fn admission(
    updated: Updated,
    attributes: &Attributes,
    attempt_id: &str,
    now: Timestamp,
    policy: impl FnOnce(Attempts, &Item) -> Admission,
) -> (Admission, Attempts, Item) {
    let (item, refused) = match updated {
        Updated::Done(item) => (item, false),
        Updated::Refused(item) => {
            let is_charged = item.get(attributes.charged_by) == Some(&text(attempt_id));
            (item, !is_charged)
        }
    };
    let counter = counter(&item, attributes, now);
    let admission = match refused {
        false => Admission::Admitted,
        true => match policy(counter, &item) {
            // The condition refused the attempt, and the policy would admit it. The condition counts.
            Admission::Admitted => Admission::Refused(Duration::ZERO),
            refused @ Admission::Refused(_) => refused,
        },
    };
    (admission, counter, item)
}
