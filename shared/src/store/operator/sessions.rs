//! The sessions of one user.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Operator;
use crate::session::Session;
use crate::store::StoreError;
use crate::store::session::{decode_session, sessions_pk};

impl Operator {
    /// Returns a user's sessions. Ended sessions are included until DynamoDB deletes them: see
    /// [`Session::is_alive`].
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a session that cannot be read.
    pub async fn sessions(&self, user_id: u64) -> Result<Vec<Session>, StoreError> {
        let mut pages = self.query_sessions(user_id).into_paginator().items().send();
        let mut sessions = Vec::new();
        while let Some(item) = pages.try_next().await? {
            sessions.push(decode_session(item)?);
        }
        Ok(sessions)
    }

    /// Deletes all sessions of a user, and returns how many.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn delete_sessions(&self, user_id: u64) -> Result<usize, StoreError> {
        let keys = self.query_sessions(user_id).projection_expression("pk, sk");
        let mut pages = keys.into_paginator().items().send();
        let mut deleted = 0;
        while let Some(key) = pages.try_next().await? {
            let delete = self.client.delete_item().table_name(&self.store.table);
            delete.set_key(Some(key)).send().await?;
            deleted += 1;
        }
        Ok(deleted)
    }

    fn query_sessions(&self, user_id: u64) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.store.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(sessions_pk(user_id)))
            .consistent_read(true)
    }
}
