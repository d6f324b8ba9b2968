//! What operators do to one user or one login name, and no function may.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::attempts::{counter, name_key};
use super::error::{condition_failed, unstorable};
use super::{Store, StoreError, key, number, text, user_pk};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::identity::Status;
use crate::second_factor::Mfa;
use crate::throttle::Attempts;

impl Store {
    /// Sets a user's status, and ends all sessions. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn set_status(&self, id: u64, status: Status, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .ending_sessions(id, "", "#status = :status,", now)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", status_value(status)?);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Makes a user active who was not activated yet. `false` if there is no such user, or the status is another.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn activate(&self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(id), "USER")))
            .update_expression("SET #status = :active, updated_at = :now")
            .condition_expression("#status = :not_activated")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":active", status_value(Status::Active)?)
            .expression_attribute_values(":not_activated", status_value(Status::NotActivated)?)
            .expression_attribute_values(":now", number(now.millis()));
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Sets a user's password by its hash, and whether the user must change it; and ends all sessions. `false` if
    /// there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn set_password(
        &self,
        id: u64,
        hash: &str,
        must_change: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .ending_sessions(id, "", "password_hash = :hash, must_change_password = :must,", now)
            .expression_attribute_values(":hash", text(hash))
            .expression_attribute_values(":must", AttributeValue::Bool(must_change));
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Switches MFA on, with recovery codes as their digests, and ends all sessions. `false` if there is no such user,
    /// or MFA is on already and may not be replaced.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn set_mfa(
        &self,
        id: u64,
        mfa: &Mfa,
        recovery_codes: Vec<String>,
        replace: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mfa: AttributeValue = serde_dynamo::to_attribute_value(mfa).map_err(unstorable)?;
        let mut update = self
            .ending_sessions(id, ", pending_mfa_secret", "mfa = :mfa, recovery_codes = :codes,", now)
            .expression_attribute_values(":mfa", mfa)
            .expression_attribute_values(":codes", AttributeValue::Ss(recovery_codes));
        if !replace {
            update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(mfa)");
        }
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Switches MFA off, forgets the recovery codes, and ends all sessions. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn remove_mfa(&self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.ending_sessions(id, ", mfa, recovery_codes", "", now);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Ends all sessions of a user, and with them all tokens. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_sessions(&self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.ending_sessions(id, "", "", now);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// The counter of a login name, whether that is somebody's or not; `None` where nothing was ever counted.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn attempts(&self, name: &LoginName, now: Timestamp) -> Result<Option<Attempts>, StoreError> {
        let key = name_key(name);
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(request.send().await?.item.map(|item| counter(&item, now)))
    }

    /// Opens a login name, whether that is somebody's or not: its failures are forgotten. The counter as it was;
    /// `None` where nothing was ever counted.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unlock_name(
        &self,
        name: &LoginName,
        now: Timestamp,
    ) -> Result<Option<Attempts>, StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(name_key(name)))
            .update_expression("SET failures = :zero, charged_by = :none")
            .condition_expression("attribute_exists(failures)")
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":none", text("-"))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match outcome {
            Ok(output) => Ok(Some(counter(&output.attributes.unwrap_or_default(), now))),
            refused => condition_failed(refused).map(|_| None),
        }
    }

    /// The one write that ends all sessions of a user. `remove` and `set` are what else it does, the one with a comma
    /// before it, the other with one behind.
    pub(super) fn ending_sessions(
        &self,
        id: u64,
        remove: &str,
        set: &str,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(id), "USER")))
            .update_expression(format!(
                "SET {set} sessions_ended_at = :now, updated_at = :now REMOVE kept_token{remove} ADD epoch :one"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":one", number(1))
    }
}

pub(super) fn status_value(status: Status) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(status).map_err(unstorable)
}
