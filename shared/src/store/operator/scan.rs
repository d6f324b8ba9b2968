//! Reads of many users.

use std::ops::ControlFlow;
use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::Operator;
use super::user::status_value;
use crate::identity::{Status, UserRecord};
use crate::random::random;
use crate::store::{Item, StoreError, decode_user, key, text, user_pk};

/// The most users that [`Operator::users`] reads at once: DynamoDB's own limit.
pub const MAX_READ: usize = 100;

/// How often a request is sent, if DynamoDB does only a part of it or has no capacity.
pub(super) const MAX_TRIES: u32 = 10;

/// A page of the ids of all users, in no order.
pub struct UserIds {
    /// The ids of this page. A page may be empty although others follow.
    pub ids: Vec<u64>,
    /// Where the next page begins. `None` after the last page.
    pub next: Option<Cursor>,
}

/// Where a page begins.
pub struct Cursor(Item);

impl Operator {
    /// Calls `visit` for every user, or for those with one status, in no order, until `visit` breaks. Memory
    /// holds only one page of users. For a user that cannot be read, `visit` gets the error. The reads are
    /// eventually consistent, so the latest writes may be missing.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn for_each_user(
        &self,
        status: Option<Status>,
        mut visit: impl FnMut(Result<UserRecord, StoreError>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut request = self
            .store
            .client
            .scan()
            .table_name(&self.store.table)
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
            let user = id(&item).and_then(|id| decode_user(id, item));
            if visit(user).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Returns one page of the ids of all users: the first page if no cursor is given. All pages together
    /// read the whole table, and transfer only the keys.
    ///
    /// # Errors
    /// If the table cannot be reached, or a key cannot be read.
    pub async fn user_ids(&self, from: Option<Cursor>) -> Result<UserIds, StoreError> {
        let output = self
            .store
            .client
            .scan()
            .table_name(&self.store.table)
            .projection_expression("pk")
            .filter_expression("begins_with(pk, :user)")
            .expression_attribute_values(":user", text("USER#"))
            .set_exclusive_start_key(from.map(|cursor| cursor.0))
            .consistent_read(true)
            .send()
            .await?;
        let ids = output.items.unwrap_or_default().iter().map(id).collect::<Result<_, _>>()?;
        let next = output.last_evaluated_key.filter(|key| !key.is_empty()).map(Cursor);
        Ok(UserIds { ids, next })
    }

    /// Returns the users with these ids, at most [`MAX_READ`] and no id twice, in this order. Each comes with
    /// its id. A user that cannot be read comes as an error, and a user that does not exist is left out.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn users(&self, ids: &[u64]) -> Result<Vec<(u64, Result<UserRecord, StoreError>)>, StoreError> {
        let keys = ids.iter().map(|id| key(user_pk(*id), "USER")).collect();
        let mut found = Vec::with_capacity(ids.len());
        for item in self.items(keys).await? {
            let id = id(&item)?;
            found.push((id, decode_user(id, item)));
        }
        found.sort_by_cached_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
        Ok(found)
    }

    /// Returns the items with these keys that exist, in no order. No key may be given twice.
    pub(super) async fn items(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        for some in keys.chunks(MAX_READ) {
            items.extend(self.some_items(some.to_vec()).await?);
        }
        Ok(items)
    }

    /// Returns the items of at most [`MAX_READ`] keys.
    async fn some_items(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left = keys;
        for turn in 0..MAX_TRIES {
            if left.is_empty() {
                return Ok(items);
            }
            if turn > 0 {
                pause(turn).await;
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let store = &self.store;
            let output = store.client.batch_get_item().request_items(&store.table, wanted?).send().await?;
            items.extend(output.responses.into_iter().flatten().flat_map(|(_, found)| found));
            left = output.unprocessed_keys.into_iter().flatten().flat_map(|(_, rest)| rest.keys).collect();
        }
        if left.is_empty() {
            return Ok(items);
        }
        Err(StoreError::unavailable("it leaves keys unread, time after time"))
    }
}

/// Waits before the next turn: twice as long each time, from 50 ms to 6 s, with a random part.
pub(super) async fn pause(turn: u32) {
    let longest = Duration::from_millis(50 << turn.min(7));
    let share = u32::from(u8::from_le_bytes(random::<1>()));
    tokio::time::sleep(longest / 2 + longest * share / 512).await;
}

fn id(item: &Item) -> Result<u64, StoreError> {
    let pk = item.get("pk").and_then(|pk| pk.as_s().ok());
    let id = pk.and_then(|pk| pk.strip_prefix("USER#")).and_then(|id| id.parse().ok());
    id.ok_or_else(|| StoreError::unreadable("the key of a user"))
}
