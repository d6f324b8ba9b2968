//! Creating users, which operators do and no function may.

use std::fmt;

use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnValue, TransactWriteItem};

use super::error::{condition_failed, is_condition};
use super::{Item, LoginKind, Store, StoreError, key, login_pk, number, text, user_pk};
use crate::identity::LoginName;
use crate::identity::User;

/// A user to be created. [`User::id`] 0 asks for the next free id; an empty [`User::email`] is none.
pub type UserRecord = User;

/// The highest id of a user: beyond, JavaScript's numbers have gaps.
pub const MAX_ID: u64 = (1 << 53) - 1;

/// Why a user was not created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateUserError {
    /// The username is empty or too long, or has a control character.
    BadUsername,
    /// The e-mail address is too long, or has no `@` between two parts.
    BadEmail,
    /// The id, the username or the e-mail address is another user's already.
    Taken,
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for CreateUserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadUsername => f.write_str("the username is empty or too long, or has a control character"),
            Self::BadEmail => f.write_str("the e-mail address is not one"),
            Self::Taken => f.write_str("the id, username or e-mail address is another user's"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CreateUserError {}

impl From<StoreError> for CreateUserError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Store {
    /// Creates a user with its login names, all in one transaction or nothing. Returns the user's id.
    ///
    /// # Errors
    /// If a name is malformed or taken, or the store fails.
    pub async fn create_user(&self, mut user: UserRecord) -> Result<u64, CreateUserError> {
        let names = login_names(&user)?;
        if user.id == 0 {
            user.id = self.take_user_ids(1).await?;
        } else {
            self.raise_user_id(user.id).await?;
        }
        let writes = self.writes(&user, &names)?;
        if self.transact(writes).await? { Ok(user.id) } else { Err(CreateUserError::Taken) }
    }

    /// Does all of these writes or none; once more where another transaction is at the same items. `false` if a
    /// condition refuses them.
    pub(super) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<bool, StoreError> {
        let transact = || self.client.transact_write_items().set_transact_items(Some(writes.clone())).send();
        let mut outcome = transact().await;
        if outcome.as_ref().is_err_and(|error| cancelled_for(error, "TransactionConflict")) {
            outcome = transact().await;
        }
        match outcome {
            Ok(_) => Ok(true),
            Err(error) if cancelled_for(&error, "ConditionalCheckFailed") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What creates this user, each on condition that nothing is there: the user, then the names.
    pub(super) fn writes(
        &self,
        user: &UserRecord,
        names: &[(LoginName, LoginKind)],
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut item: Item = serde_dynamo::to_item(user)
            .map_err(|_| StoreError::Rejected { cause: "the user cannot be stored as an item".to_owned() })?;
        item.extend(key(user_pk(user.id), "USER"));
        let mut writes = vec![self.put_new(item)?];
        for (name, kind) in names.iter().filter_map(|(name, kind)| Some((name.as_key()?, kind))) {
            writes.push(self.put_new(Self::login_item(name, *kind, user))?);
        }
        if let Some(source_id) = &user.source_id {
            writes.push(self.put_new(Self::source_item(source_id, user.id))?);
        }
        // An earlier version may have given the name to somebody in another form.
        for former in names.iter().flat_map(|(name, _)| name.former_keys()) {
            writes.push(self.nothing_there(login_pk(former))?);
        }
        Ok(writes)
    }

    /// The item that leads from a source id to a user.
    pub(super) fn source_item(source_id: &str, user_id: u64) -> Item {
        let mut item = source_key(source_id, user_id);
        item.insert("user_id".to_owned(), number(user_id));
        item
    }

    pub(super) fn nothing_there(&self, pk: String) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key(pk, "LOGIN")))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| StoreError::Rejected { cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Takes this many ids, and returns the last of them.
    pub(super) async fn take_user_ids(&self, count: u64) -> Result<u64, StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key("COUNTER".to_owned(), "USER")))
            .update_expression("ADD last_id :count")
            .condition_expression("attribute_not_exists(last_id) OR last_id <= :most")
            .expression_attribute_values(":count", number(count))
            .expression_attribute_values(":most", number(MAX_ID.saturating_sub(count)))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await;
        let output = match outcome {
            Err(error) if is_condition(&error) => {
                let cause = format!("the highest user id that there can be, {MAX_ID}, is taken: choose ids");
                return Err(StoreError::Rejected { cause });
            }
            outcome => outcome?,
        };
        let last = output.attributes.as_ref().and_then(|item| item.get("last_id")?.as_n().ok()?.parse().ok());
        last.filter(|last| *last >= count)
            .ok_or_else(|| StoreError::Unreadable { what: "the counter of user ids".to_owned() })
    }

    /// Keeps the counter at or above an id that was chosen, so that it is not handed out again.
    pub(super) async fn raise_user_id(&self, id: u64) -> Result<(), StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key("COUNTER".to_owned(), "USER")))
            .update_expression("SET last_id = :id")
            .condition_expression("attribute_not_exists(last_id) OR last_id < :id")
            .expression_attribute_values(":id", number(id))
            .send()
            .await;
        condition_failed(outcome).map(|_| ())
    }

    /// The item that leads from a login name to a user.
    pub(super) fn login_item(name: &str, kind: LoginKind, user: &UserRecord) -> Item {
        let mut item = key(login_pk(name), "LOGIN");
        item.insert("user_id".to_owned(), number(user.id));
        item.insert("kind".to_owned(), text(kind.as_str()));
        if let (LoginKind::OtherUsername, Some(username)) = (kind, LoginName::new(&user.username).as_key()) {
            item.insert("counts_as".to_owned(), text(username));
        }
        item
    }

    pub(super) fn put_new(&self, item: Item) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(|error| StoreError::Rejected { cause: error.to_string() })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The longest source id, in bytes: DynamoDB's keys end at 2,048.
pub const MAX_SOURCE_ID_BYTES: usize = 1024;

/// The key of what leads from a source id to a user. Two products may have numbered their users alike, so one source id
/// may lead to several.
pub(super) fn source_key(source_id: &str, user_id: u64) -> Item {
    key(source_pk(source_id), &user_id.to_string())
}

/// The partition key of a source id. A UUID is one whether or not it is written with hyphens: databases without a type for
/// it keep its digits alone.
fn source_pk(source_id: &str) -> String {
    format!("SOURCE#{}", same_uuid(source_id))
}

/// A UUID without hyphens and in small letters (RFC 9562, section 4); any other source id as it is.
pub(super) fn same_uuid(source_id: &str) -> String {
    const DIGITS: usize = 32;
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let has_hyphens = source_id.len() == DIGITS + HYPHENS.len()
        && HYPHENS.iter().all(|at| source_id.as_bytes().get(*at) == Some(&b'-'));
    let digits = if has_hyphens { source_id.replace('-', "") } else { source_id.to_owned() };
    let is_uuid = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_uuid { digits.to_ascii_lowercase() } else { source_id.to_owned() }
}

impl Store {
    /// The ids of the users who had this id in the product that they were imported from.
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
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&source_pk(source_id)))
            .consistent_read(true);
        let mut pages = query.into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(item) = pages.try_next().await? {
            let id = item.get("user_id").and_then(|id| id.as_n().ok()?.parse().ok());
            ids.push(id.ok_or_else(|| StoreError::Unreadable { what: "source id".to_owned() })?);
        }
        Ok(ids)
    }
}

impl LoginKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::OtherUsername => "other_username",
            Self::Email => "email",
            Self::Both => "both",
        }
    }
}

/// The names under which this user is to be found, and what each is.
///
/// # Errors
/// If one cannot be a name.
pub fn login_names(user: &UserRecord) -> Result<Vec<(LoginName, LoginKind)>, CreateUserError> {
    let mut names: Vec<(LoginName, LoginKind)> = Vec::new();
    let others = user.other_usernames.iter().map(|username| (username, LoginKind::OtherUsername));
    for (username, kind) in std::iter::once((&user.username, LoginKind::Username)).chain(others) {
        let username = LoginName::new(username);
        if !username.as_key().is_some_and(is_username) {
            return Err(CreateUserError::BadUsername);
        }
        if names.iter().all(|(name, _)| *name != username) {
            names.push((username, kind));
        }
    }
    let email = LoginName::new(&user.email);
    match email.as_key() {
        Some("") => return Ok(names),
        Some(address) if is_email(address) => {}
        Some(_) | None => return Err(CreateUserError::BadEmail),
    }
    match names.iter_mut().find(|(name, _)| *name == email) {
        Some((_, kind)) => *kind = LoginKind::Both,
        None => names.push((email, LoginKind::Email)),
    }
    Ok(names)
}

fn is_username(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// No more than this can be known of an address without writing to it.
fn is_email(address: &str) -> bool {
    let parts =
        address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    parts && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Whether a transaction was cancelled for this reason.
fn cancelled_for<R>(
    error: &aws_sdk_dynamodb::error::SdkError<
        aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
        R,
    >,
    reason: &str,
) -> bool {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|r| r.code() == Some(reason))
        }
        _ => false,
    }
}
