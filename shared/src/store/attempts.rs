//! The counters of attempts. An attempt is charged before anything is hashed. The charge is taken back if the
//! attempt was no failure.
//!
//! One conditional update decides and counts, so parallel guesses cannot get past the limit. Each write of an
//! attempt carries the random attempt id. If a reply is lost and the SDK sends the write again, the id shows
//! that the write took place, and it counts once.
//!
//! The conditions below rely on two rules of DynamoDB. A comparison with a missing attribute is false (except
//! `<>`, on which nothing here depends). An update creates the item if there is none.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::update::{Update, Updated};
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::throttle::{Admission, Attempts, Policy};

/// How long the counter of a login name is kept after its last charge.
pub(super) const NAME_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The `charged_by` of a counter whose last charge was taken back or cleared.
pub(super) const NOBODY: &str = "-";

impl Store {
    /// Charges an attempt to a login name, whether it exists or not. Returns the failures in a row too, this
    /// attempt included if it is admitted.
    pub(crate) async fn charge_name(
        &self,
        name: &LoginName,
        policy: &Policy,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<(Admission, u32), StoreError> {
        let mut update = Update::of(name_key(name))
            .add("failures", number(1))
            .set("charged_by", text(attempt_id))
            .set("charged_at", number(now.millis()))
            .set("expires_at", number(now.plus(NAME_KEPT).secs()))
            .value(":zero", number(0))
            .value(":free", number(policy.free_failures))
            .value(":limit", number(policy.lock_after))
            .value(":before_longest", number(now.minus(policy.longest_wait).millis()))
            .returning(ReturnValue::UpdatedNew)
            .returning_refused();
        let mut admitted = "failures < :free".to_owned();
        for (failures, wait) in policy.shorter_waits() {
            admitted += &format!(" OR failures <= :n{failures} AND charged_at <= :t{failures}");
            update = update
                .value(format!(":n{failures}"), number(failures))
                .value(format!(":t{failures}"), number(now.minus(wait).millis()));
        }
        admitted += " OR failures < :limit AND charged_at <= :before_longest";
        let update = update.when(format!(
            "attribute_not_exists(failures) OR charged_by <> :charged_by AND failures >= :zero AND ({admitted})"
        ));
        let updated = self.update(update).await?;
        let (Updated::Done(item) | Updated::Refused(item)) = &updated;
        let counter = counter(item, now);
        Ok((admission(updated, attempt_id, |_| policy.name(counter, now)), counter.failures))
    }

    /// Takes a charge back, unless another attempt was charged since.
    pub(crate) async fn refund_name(&self, name: &LoginName, attempt_id: &str) -> Result<(), StoreError> {
        self.revert(name_key(name), attempt_id).await
    }

    /// Clears the failures of a login name after a success.
    pub(crate) async fn clear_name(&self, name: &LoginName) -> Result<(), StoreError> {
        self.update(clearing(name)).await.map(|_| ())
    }

    /// Charges an attempt to an address.
    pub(crate) async fn charge_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt_id: &str,
        now: Timestamp,
    ) -> Result<Admission, StoreError> {
        let (window, remaining) = policy.window(now);
        let update = Update::of(address_key(address, window))
            .add("failures", number(1))
            .set("charged_by", text(attempt_id))
            .set("expires_at", number(now.plus(remaining).secs() + 60))
            .when(
                "attribute_not_exists(failures) \
                 OR charged_by <> :charged_by AND failures >= :zero AND failures < :limit",
            )
            .value(":zero", number(0))
            .value(":limit", number(policy.address_limit))
            .returning_refused();
        let updated = self.update(update).await?;
        Ok(admission(updated, attempt_id, |item| policy.address(failures(item), now)))
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
        self.revert(address_key(address, window), attempt_id).await
    }

    /// Takes a charge off a counter, if it is the latest one.
    async fn revert(&self, counter: Item, attempt_id: &str) -> Result<(), StoreError> {
        let update = Update::of(counter)
            .add("failures", number(-1))
            .set("charged_at", number(0))
            .set("charged_by", text(NOBODY))
            .when("charged_by = :attempt")
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
        let (window, _) = policy.window(charged);
        let update = Update::of(address_key(address, window))
            .add("failures", number(-1))
            .set("refunded_by", text(attempt_id))
            .when("failures > :zero AND (attribute_not_exists(refunded_by) OR refunded_by <> :refunded_by)")
            .value(":zero", number(0));
        self.update(update).await.map(|_| ())
    }
}

/// Returns the update that clears the failures of a login name.
pub(super) fn clearing(name: &LoginName) -> Update {
    Update::of(name_key(name)).set("failures", number(0)).set("charged_by", text(NOBODY))
}

pub(super) fn name_key(name: &LoginName) -> Item {
    key(format!("NAME#{}", name.digest()), "ATTEMPTS")
}

fn address_key(address: &str, window: u64) -> Item {
    key(format!("ADDRESS#{address}#{window}"), "ATTEMPTS")
}

/// Returns whether a charge was made, now or by an earlier try of the same attempt. `policy` gives the wait of a
/// counter that refused it.
fn admission(updated: Updated, attempt_id: &str, policy: impl FnOnce(&Item) -> Admission) -> Admission {
    match updated {
        Updated::Done(_) => Admission::Admitted,
        Updated::Refused(item) if item.get("charged_by") == Some(&text(attempt_id)) => Admission::Admitted,
        Updated::Refused(item) => match policy(&item) {
            // The condition refused the attempt, and the policy would admit it. The condition counts.
            Admission::Admitted => Admission::Refused(Duration::ZERO),
            refused @ Admission::Refused(_) => refused,
        },
    }
}

pub(super) fn counter(item: &Item, now: Timestamp) -> Attempts {
    Attempts {
        failures: failures(item),
        charged_at: Timestamp::from_millis(integer(item, "charged_at").unwrap_or(now.millis())),
    }
}

/// Reads the number of failures. A counter that cannot be read counts as full, and an error is logged.
fn failures(item: &Item) -> u32 {
    integer(item, "failures").and_then(|failures| failures.try_into().ok()).unwrap_or_else(|| {
        tracing::error!("a counter of attempts cannot be read; its name or address is refused");
        u32::MAX
    })
}

fn integer(item: &Item, name: &str) -> Option<u64> {
    match item.get(name)? {
        AttributeValue::N(digits) => digits.parse().ok(),
        _ => None,
    }
}
