//! The counters of attempts: charged before anything is hashed, given back when the attempt was no failure.
//!
//! One conditional update decides and counts, so parallel guesses cannot race the count. Each attempt signs its
//! charge, and what it gives back, with a random word: a write of ours that landed, and was sent again because its
//! answer got lost, is known by it and counted once. In a DynamoDB condition a comparison with a missing attribute is
//! false (but for `<>`, of which nothing is assumed), and an update creates the item that it does not find; the
//! conditions below lean on both.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};

use super::error::condition_failed;
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::throttle::{Attempts, Policy};

/// How long a login name's counter is kept after its last charge, for all names alike.
const NAME_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// Whether an attempt was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// It was counted and may go on.
    Admitted,
    /// It was not counted; the next one is admitted after this time.
    Refused(Duration),
}

impl Store {
    /// Charges an attempt to a login name, whether it exists or not.
    pub(crate) async fn charge_name(
        &self,
        name: &LoginName,
        policy: &Policy,
        attempt: &str,
        now: Timestamp,
    ) -> Result<Charge, StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(name_key(name)))
            .update_expression(
                "ADD failures :one SET charged_at = :now, charged_by = :attempt, expires_at = :expires",
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":attempt", text(attempt))
            .expression_attribute_values(":expires", number(now.plus(NAME_KEPT).secs()))
            .expression_attribute_values(":free", number(policy.free_failures))
            .expression_attribute_values(":limit", number(policy.lock_after))
            .expression_attribute_values(":tmax", number(now.minus(policy.longest_wait).millis()));
        let mut admitted = "failures < :free".to_owned();
        for (failures, wait) in policy.rungs() {
            admitted += &format!(" OR failures <= :n{failures} AND charged_at <= :t{failures}");
            request = request
                .expression_attribute_values(format!(":n{failures}"), number(failures))
                .expression_attribute_values(format!(":t{failures}"), number(now.minus(wait).millis()));
        }
        admitted += " OR failures < :limit AND charged_at <= :tmax";
        let condition = format!(
            "attribute_not_exists(failures) OR charged_by <> :attempt AND failures >= :zero AND ({admitted})"
        );
        let Some(old) = condition_failed(request.condition_expression(condition).send().await)? else {
            return Ok(Charge::Admitted);
        };
        if is_ours(&old, attempt) {
            return Ok(Charge::Admitted);
        }
        let counter = counter(&old, now);
        Ok(Charge::Refused(policy.name(counter, now).err().unwrap_or_default()))
    }

    /// Gives a charge back, unless another attempt was charged since.
    pub(crate) async fn refund_name(&self, name: &LoginName, attempt: &str) -> Result<(), StoreError> {
        self.undo(name_key(name), attempt).await
    }

    /// Forgets the failures of a login name, after a success.
    pub(crate) async fn clear_name(&self, name: &LoginName) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(name_key(name)))
            .update_expression("SET failures = :zero, charged_by = :none")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":none", text("-"))
            .send()
            .await?;
        Ok(())
    }

    /// Shuts a login name, as failures in a row do, until an operator opens it.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn lock_name(&self, name: &LoginName, now: Timestamp) -> Result<(), StoreError> {
        let mut item = name_key(name);
        item.insert("failures".to_owned(), number(Policy::DEFAULT.lock_after));
        item.insert("charged_at".to_owned(), number(now.millis()));
        item.insert("charged_by".to_owned(), text("-"));
        item.insert("expires_at".to_owned(), number(now.plus(NAME_KEPT).secs()));
        self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Charges an attempt to an address.
    pub(crate) async fn charge_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt: &str,
        now: Timestamp,
    ) -> Result<Charge, StoreError> {
        let (window, remaining) = policy.window(now);
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(address_key(address, window)))
            .update_expression("ADD failures :one SET charged_by = :attempt, expires_at = :expires")
            .condition_expression(
                "attribute_not_exists(failures) \
                 OR charged_by <> :attempt AND failures >= :zero AND failures < :limit",
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":attempt", text(attempt))
            .expression_attribute_values(":limit", number(policy.address_limit))
            .expression_attribute_values(":expires", number(now.plus(remaining).secs() + 60))
            .send()
            .await;
        match condition_failed(outcome)? {
            Some(old) if !is_ours(&old, attempt) => {
                Ok(Charge::Refused(policy.address(failures(&old), now).err().unwrap_or_default()))
            }
            Some(_) | None => Ok(Charge::Admitted),
        }
    }

    /// Undoes a charge of which nobody knows whether it was made, where it was and no other has come since.
    pub(crate) async fn undo_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt: &str,
        charged: Timestamp,
    ) -> Result<(), StoreError> {
        let (window, _) = policy.window(charged);
        self.undo(address_key(address, window), attempt).await
    }

    /// Takes a charge off a counter, if it is the last that was made.
    async fn undo(&self, counter: Item, attempt: &str) -> Result<(), StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(counter))
            .update_expression("ADD failures :minus SET charged_at = :zero, charged_by = :none")
            .condition_expression("charged_by = :attempt")
            .expression_attribute_values(":minus", number(-1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":none", text("-"))
            .expression_attribute_values(":attempt", text(attempt))
            .send()
            .await;
        condition_failed(outcome).map(|_| ())
    }

    /// Gives an address one charge back, in the window in which it was charged. Others may have been charged
    /// since, so the charge is not asked for by its word; none is given back that was not there, and none twice in a row.
    pub(crate) async fn refund_address(
        &self,
        address: &str,
        policy: &Policy,
        attempt: &str,
        charged: Timestamp,
    ) -> Result<(), StoreError> {
        let (window, _) = policy.window(charged);
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(address_key(address, window)))
            .update_expression("ADD failures :minus SET refunded_by = :attempt")
            .condition_expression(
                "failures > :zero AND (attribute_not_exists(refunded_by) OR refunded_by <> :attempt)",
            )
            .expression_attribute_values(":minus", number(-1))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":attempt", text(attempt))
            .send()
            .await;
        condition_failed(outcome).map(|_| ())
    }
}

pub(super) fn name_key(name: &LoginName) -> Item {
    key(format!("NAME#{}", name.digest()), "ATTEMPTS")
}

fn address_key(address: &str, window: u64) -> Item {
    key(format!("ADDRESS#{address}#{window}"), "ATTEMPTS")
}

fn is_ours(old: &Item, attempt: &str) -> bool {
    old.get("charged_by").is_some_and(|by| *by == text(attempt))
}

pub(super) fn counter(item: &Item, now: Timestamp) -> Attempts {
    Attempts {
        failures: failures(item),
        charged_at: Timestamp::from_millis(integer(item, "charged_at").unwrap_or(now.millis())),
    }
}

/// A counter that cannot be read counts as one that is full, and somebody has to look at it.
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
