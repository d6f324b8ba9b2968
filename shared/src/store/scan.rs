//! All users, which operators may read and no function may.

use std::ops::ControlFlow;

use super::admin::status_value;
use super::{Item, Store, StoreError, decode_user, text};
use crate::user::{Status, User};

impl Store {
    /// Shows every user, or those of one status, in no order, until `visit` breaks off. Page after page: however many
    /// there are, memory holds one page. A user who cannot be read is shown as the error and stops nothing. What was
    /// written a moment ago may be missing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn for_each_user(
        &self,
        status: Option<Status>,
        mut visit: impl FnMut(Result<User, StoreError>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut request = self
            .client
            .scan()
            .table_name(&self.table)
            .expression_attribute_values(":users", text("USER#"))
            .expression_attribute_values(":sk", text("USER"));
        let mut filter = "sk = :sk AND begins_with(pk, :users)".to_owned();
        if let Some(status) = status {
            filter += " AND #status = :status";
            request = request
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", status_value(status)?);
        }
        let mut items = request.filter_expression(filter).into_paginator().items().send();
        while let Some(item) = items.try_next().await? {
            let unreadable = || StoreError::Unreadable { what: "a user whose key holds no id".to_owned() };
            let user = id_of(&item).ok_or_else(unreadable).and_then(|id| decode_user(id, item));
            if visit(user).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn id_of(item: &Item) -> Option<u64> {
    item.get("pk")?.as_s().ok()?.strip_prefix("USER#")?.parse().ok()
}
