//! The table: a few verbs, each one request with a condition, over the AWS SDK.
//!
//! Only this and `aws.rs`, which makes the client, know the SDK for DynamoDB. Reads are strongly consistent, since a user who just changed
//! the password must not meet the old one. A condition that fails is an answer; everything else that goes wrong
//! is a [`StoreError`].

mod admin;
mod attempts;
mod changes;
mod create;
mod delete;
mod error;
mod import;
mod join;
mod scan;
mod sessions;
mod table;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

pub use self::attempts::Charge;
pub(crate) use self::changes::{Change, MfaConfirmation, SignInRecord};
pub use self::create::{CreateUserError, MAX_ID, MAX_SOURCE_ID_BYTES, UserRecord, login_names};
pub use self::error::StoreError;
pub use self::import::{Availability, Conflict, MAX_BATCH, MAX_ITEMS, NewUser, Outcome, UniqueField};
pub use self::join::{Joined, OtherUsername, PasswordOf};
pub use self::scan::{Cursor, MAX_READ, UserIds};
#[cfg(fuzzing)]
pub(crate) use self::sessions::decode_session;
pub(crate) use self::sessions::{LateAnswerWrite, Rotation};
use crate::aws::Aws;
pub use crate::aws::Conflicts;
use crate::config::Config;
use crate::environment::{ConfigError, Environment};
use crate::identity::LoginName;
use crate::identity::{User, VERSION};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One DynamoDB table.
#[derive(Clone)]
pub struct Store {
    client: Client,
    table: String,
}

/// What a login name leads to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// The user's id.
    pub user_id: u64,
    /// What the name is to that user.
    pub kind: LoginKind,
    /// The normalised name under which attempts by this one are counted. `None` for the name itself.
    #[serde(default)]
    pub counts_as: Option<String>,
}

/// What a login name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// A username.
    Username,
    /// The username of another product, whose user was joined to this one. Attempts count under the username, so that a
    /// further name is no further set of guesses.
    OtherUsername,
    /// An e-mail address.
    Email,
    /// Both: the user's name is the address.
    Both,
}

impl Store {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The table that the environment names.
    ///
    /// # Errors
    /// If a variable is missing or malformed.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let config = Config::from_env(env)?;
        let aws = Aws::in_region(env, &config.region)?;
        Ok(Self::new(aws.dynamodb(config.dynamodb_endpoint.as_deref()), config.table))
    }

    /// Opens the connection, and shows that the table is there and may be read.
    ///
    /// # Errors
    /// If it is not, or the store does not answer.
    pub async fn warm_up(&self) -> Result<(), StoreError> {
        self.get(key(user_pk(0), "USER")).await.map(|_| ())
    }

    /// Whose this login name is.
    ///
    /// # Errors
    /// If the store fails, or holds what cannot be read.
    pub async fn login(&self, name: &LoginName) -> Result<Option<Login>, StoreError> {
        // A name that is too long for a key is nobody's; it is looked up all the same, where nobody ever is.
        let Some(present) = name.as_key() else { return self.warm_up().await.map(|()| None) };
        let read = async |name: &str| self.get(key(login_pk(name), "LOGIN")).await;
        let mut former = name.former_keys();
        // There are two at most. All are read, whatever is found.
        let (login, first, second) = match (former.next(), former.next()) {
            (None, _) => (read(present).await?, None, None),
            (Some(first), None) => {
                let (login, first) = tokio::try_join!(read(present), read(first))?;
                (login, first, None)
            }
            (Some(first), Some(second)) => tokio::try_join!(read(present), read(first), read(second))?,
        };
        login.or(first).or(second).map(decode_login).transpose()
    }

    /// The user with this id. Nobody has id 0, so that is what to ask for when there is no one to ask for.
    ///
    /// # Errors
    /// If the store fails, or holds what cannot be read.
    pub async fn user(&self, id: u64) -> Result<Option<User>, StoreError> {
        self.get(key(user_pk(id), "USER")).await?.map(|item| decode_user(id, item)).transpose()
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await?;
        Ok(output.item)
    }
}

/// A login name's item. What serde says of an item quotes it, so it is not passed on.
pub(crate) fn decode_login(item: Item) -> Result<Login, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError::Unreadable { what: "login name".to_owned() })
}

/// The item of the user with this id. What serde says of it is not passed on here either.
pub(crate) fn decode_user(id: u64, item: Item) -> Result<User, StoreError> {
    let unreadable = |_| StoreError::Unreadable { what: format!("user {id}") };
    let user: User = serde_dynamo::from_item(item).map_err(unreadable)?;
    if user.version > VERSION || user.id != id {
        return Err(StoreError::Unreadable { what: format!("user {id}, of version {}", user.version) });
    }
    Ok(user)
}

fn user_pk(id: u64) -> String {
    format!("USER#{id}")
}

fn login_pk(name: &str) -> String {
    format!("LOGIN#{name}")
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
