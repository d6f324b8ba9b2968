//! The DynamoDB table. Writes have conditions.
//!
//! Only this module uses the SDK for DynamoDB, with a client from `aws.rs`. The reads of a sign-in are
//! strongly consistent, so a changed password counts at once. If a condition refuses a write, that is an
//! outcome and no error. Every other failure is a [`StoreError`].

mod attempts;
mod counter;
mod dynamodb;
mod error;
mod login;
mod mail;
mod mail_limit;
#[cfg(feature = "operator")]
pub mod operator;
mod reset_code;
mod session;
mod update;
mod user;

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::types::AttributeValue;

pub(crate) use self::attempts::UserCharge;
pub(crate) use self::counter::{NameCounter, UserCounter};
pub(crate) use self::dynamodb::DynamoDb;
pub use self::error::{StoreCause, StoreError};
#[cfg(fuzzing)]
pub(crate) use self::login::decode_login;
pub use self::login::{Login, LoginKind};
pub(crate) use self::mail::MailLease;
pub(crate) use self::reset_code::CodeTry;
pub use self::reset_code::StoredCode;
#[cfg(fuzzing)]
pub(crate) use self::session::decode_session;
pub(crate) use self::session::{LateAnswerWrite, Rotation};
pub use self::update::Written;
pub(crate) use self::user::{Change, MfaConfirmation, SignInRecord};
#[cfg(feature = "operator")]
pub use crate::aws::RetryTransactionConflicts;
use crate::identity::{UserRecord, VERSION};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One DynamoDB table, with the requests that a function may send.
#[derive(Clone)]
pub struct Store {
    dynamodb: DynamoDb,
    table: String,
}

impl Store {
    /// Makes a store of the table with this name.
    pub(crate) fn new(dynamodb: impl Into<DynamoDb>, table: impl Into<String>) -> Self {
        Self { dynamodb: dynamodb.into(), table: table.into() }
    }

    /// Returns a store of the same table that signs its requests with these credentials.
    pub(crate) fn with_credentials(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        Self::new(self.dynamodb.with_credentials(access_key_id, secret_access_key), &self.table)
    }

    /// Reads a user who does not exist: no user has id 0. It opens the connection, and takes as long as any other
    /// read.
    ///
    /// # Errors
    /// If the table does not exist, may not be read, or cannot be reached.
    pub(crate) async fn read_no_user(&self) -> Result<(), StoreError> {
        self.get(key(user_pk(0), "USER")).await.map(|_| ())
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a user that cannot be read.
    pub(crate) async fn user(&self, id: u64) -> Result<Option<UserRecord>, StoreError> {
        let item = self.get(key(user_pk(id), "USER")).await?;
        item.map(|item| decode_user(id, item)).transpose()
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let input = GetItemInput::builder().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(self.dynamodb.get_item(input).await?.item)
    }
}

/// Decodes the item of the user with this id. serde's error is not passed on, since it quotes the item.
pub(crate) fn decode_user(id: u64, item: Item) -> Result<UserRecord, StoreError> {
    let user: UserRecord =
        serde_dynamo::from_item(item).map_err(|_| StoreError::unreadable(format!("user {id}")))?;
    if user.version > VERSION || user.id != id {
        return Err(StoreError::unreadable(format!("user {id}, of version {}", user.version)));
    }
    Ok(user)
}

fn user_pk(id: u64) -> String {
    format!("USER#{id}")
}

fn key(pk: String, sk: &str) -> Item {
    Item::from([("pk".to_owned(), AttributeValue::S(pk)), ("sk".to_owned(), text(sk))])
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
