//! What operators do to one user, and no function may.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::error::condition_failed;
use super::{Store, StoreError, key, number, user_pk};
use crate::ambient::Timestamp;
use crate::user::Status;

impl Store {
    /// Sets a user's status, and ends all sessions. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn set_status(&self, id: u64, status: Status, now: Timestamp) -> Result<bool, StoreError> {
        let wrong = |_| StoreError::Rejected { cause: "the status cannot be stored".to_owned() };
        let status: AttributeValue = serde_dynamo::to_attribute_value(status).map_err(wrong)?;
        let update = self
            .ending_sessions(id, ", #status = :status", now)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", status);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// Ends all sessions of a user, and with them all tokens. `false` if there is no such user.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn end_sessions(&self, id: u64, now: Timestamp) -> Result<bool, StoreError> {
        let update = self.ending_sessions(id, "", now);
        condition_failed(update.send().await).map(|refused| refused.is_none())
    }

    /// The one write that ends all sessions of a user, with what else it sets.
    fn ending_sessions(&self, id: u64, more: &str, now: Timestamp) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user_pk(id), "USER")))
            .update_expression(format!(
                "SET sessions_ended_at = :now, updated_at = :now{more} ADD epoch :one"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":one", number(1))
    }
}
