//! The creation of one user, with its login names.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{self, ConditionCheck, Put, ReturnValue, TransactWriteItem};
use thiserror::Error;

use super::{Operator, login_names};
use crate::identity::{LoginName, UserRecord};
use crate::store::login::login_pk;
use crate::store::update::{Update, Updated, Written};
use crate::store::{Item, LoginKind, StoreError, key, number, text, user_pk};

/// The highest id of a user. JavaScript cannot represent every whole number above it.
pub const MAX_ID: u64 = (1 << 53) - 1;

/// The longest source id, in bytes. DynamoDB's keys end at 2,048.
pub const MAX_SOURCE_ID_BYTES: usize = 1024;

/// Why a user was not created.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CreateUserError {
    /// The username is empty or too long, or has a control character.
    #[error("the username is empty or too long, or has a control character")]
    BadUsername,
    /// The e-mail address is too long, or has no `@` between two parts.
    #[error("the e-mail address is not one")]
    BadEmail,
    /// The id, the username or the e-mail address is another user's.
    #[error("the id, username or e-mail address is another user's")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Operator {
    /// Creates a user with its login names, in one transaction. Returns the user's id.
    ///
    /// # Errors
    /// If a name is malformed, if the id or a name is taken, or if the table cannot be reached.
    pub async fn create_user(&self, mut user: UserRecord) -> Result<u64, CreateUserError> {
        let names = login_names(&user)?;
        if user.id == 0 {
            user.id = self.allocate_user_ids(1).await?;
        } else {
            self.keep_counter_at(user.id).await?;
        }
        let writes = self.writes(&user, &names)?;
        match self.transact(writes).await? {
            Written::Done => Ok(user.id),
            Written::Refused => Err(CreateUserError::Taken),
        }
    }

    /// Does all of these writes or none. Retries once if another transaction works on the same items.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<Written, StoreError> {
        let client = &self.client;
        let transact = || client.transact_write_items().set_transact_items(Some(writes.clone())).send();
        let mut outcome = transact().await;
        if outcome.as_ref().is_err_and(|error| is_cancelled_for(error, "TransactionConflict")) {
            outcome = transact().await;
        }
        match outcome {
            Ok(_) => Ok(Written::Done),
            Err(error) if is_cancelled_for(&error, "ConditionalCheckFailed") => Ok(Written::Refused),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the writes that create this user: the user, then the login names. Each write has the condition
    /// that the item does not exist.
    pub(super) fn writes(
        &self,
        user: &UserRecord,
        names: &[(LoginName, LoginKind)],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut item: Item = serde_dynamo::to_item(user).map_err(StoreError::unstorable)?;
        item.extend(key(user_pk(user.id), "USER"));
        let mut writes = vec![self.put_new(item)?];
        for (name, kind) in names.iter().filter_map(|(name, kind)| Some((name.as_key()?, kind))) {
            writes.push(self.put_new(login_item(name, *kind, user.id))?);
        }
        if let Some(source_id) = &user.source_id {
            writes.push(self.put_new(source_item(source_id, user.id))?);
        }
        // An earlier version of Postern may have stored the name in another form.
        for former in names.iter().flat_map(|(name, _)| name.former_keys()) {
            writes.push(self.check_absent(login_pk(former))?);
        }
        Ok(writes)
    }

    /// Returns the check that there is no login name with this key.
    pub(super) fn check_absent(&self, pk: String) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.store.table)
            .set_key(Some(key(pk, "LOGIN")))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Returns the write that puts an item, if there is none with its key.
    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.store.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Allocates this many ids, and returns the last of them.
    pub(super) async fn allocate_user_ids(&self, count: u64) -> Result<u64, StoreError> {
        let update = Update::of(counter_key())
            .add("last_id", number(count))
            .when("attribute_not_exists(last_id) OR last_id <= :highest")
            .value(":highest", number(MAX_ID.saturating_sub(count)))
            .returning(ReturnValue::UpdatedNew);
        let Updated::Done(item) = self.store.update(update).await? else {
            let message = format!("the highest user id that there can be, {MAX_ID}, is taken: choose ids");
            return Err(StoreError::rejected(message));
        };
        let last = item.get("last_id").and_then(|last| last.as_n().ok()?.parse().ok());
        last.filter(|last| *last >= count).ok_or_else(|| StoreError::unreadable("the counter of user ids"))
    }

    /// Raises the counter to an id that an operator chose, so that the id is not allocated again.
    pub(super) async fn keep_counter_at(&self, id: u64) -> Result<(), StoreError> {
        let update = Update::of(counter_key())
            .set("last_id", number(id))
            .when("attribute_not_exists(last_id) OR last_id < :last_id");
        self.store.update(update).await.map(|_| ())
    }

    /// Returns the ids of the users with this source id: the id in the product from which they were imported.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn users_of_source(&self, source_id: &str) -> Result<Vec<u64>, StoreError> {
        if source_id.is_empty() || source_id.len() > MAX_SOURCE_ID_BYTES {
            return Ok(Vec::new());
        }
        let query = self
            .client
            .query()
            .table_name(&self.store.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&source_pk(source_id)))
            .consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(item) = pages.try_next().await? {
            let id = item.get("user_id").and_then(|id| id.as_n().ok()?.parse().ok());
            ids.push(id.ok_or_else(|| StoreError::unreadable("source id"))?);
        }
        Ok(ids)
    }
}

impl Update {
    /// Turns this update into a write of a transaction.
    pub(super) fn into_transaction(self, table: &str) -> Result<TransactWriteItem, StoreError> {
        let update = types::Update::builder()
            .table_name(table)
            .update_expression(self.expression())
            .set_condition_expression(self.condition())
            .set_expression_attribute_names(Some(self.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(self.values))
            .set_key(Some(self.key))
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

fn counter_key() -> Item {
    key("COUNTER".to_owned(), "USER")
}

/// Returns the item of a login name.
pub(super) fn login_item(name: &str, kind: LoginKind, user_id: u64) -> Item {
    let mut item = key(login_pk(name), "LOGIN");
    item.insert("user_id".to_owned(), number(user_id));
    item.insert("kind".to_owned(), text(kind.as_str()));
    item
}

/// Returns the item of a source id.
pub(super) fn source_item(source_id: &str, user_id: u64) -> Item {
    let mut item = source_key(source_id, user_id);
    item.insert("user_id".to_owned(), number(user_id));
    item
}

/// Returns the key of [`source_item`]. The user's id is a part of it, since users of two products may have
/// the same source id.
pub(super) fn source_key(source_id: &str, user_id: u64) -> Item {
    key(source_pk(source_id), &user_id.to_string())
}

fn source_pk(source_id: &str) -> String {
    format!("SOURCE#{}", normalised_uuid(source_id))
}

/// Returns a UUID in lower case without hyphens (RFC 9562 §4), and any other source id as it is. Some
/// databases store a UUID without hyphens, so both forms must have one key.
pub(super) fn normalised_uuid(source_id: &str) -> String {
    const DIGITS: usize = 32;
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let has_hyphens = source_id.len() == DIGITS + HYPHENS.len()
        && HYPHENS.iter().all(|at| source_id.as_bytes().get(*at) == Some(&b'-'));
    let digits = if has_hyphens { source_id.replace('-', "") } else { source_id.to_owned() };
    let is_uuid = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_uuid { digits.to_ascii_lowercase() } else { source_id.to_owned() }
}

/// Returns whether a transaction was cancelled for this reason.
fn is_cancelled_for<R>(error: &SdkError<TransactWriteItemsError, R>, reason: &str) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|r| r.code() == Some(reason))
        }
        _ => false,
    }
}
