//! The requests that only an operator may send. Functions are built without this module, so they cannot use
//! them.

mod audit;
mod change;
mod create;
mod create_users;
mod delete;
mod join;
mod login_names;
mod new_user;
mod scan;
mod sessions;
mod skipped;
mod table;
mod upgrade;
mod user;

use aws_sdk_dynamodb::Client;

pub use self::audit::{ChangeStage, EventKey, OperatorEvent, OperatorEvents};
pub use self::change::{ChangeOutcome, UserChange};
pub use self::create::{CreateUserError, MAX_ID, MAX_SOURCE_ID_BYTES};
pub use self::create_users::{CreateOutcome, MAX_BATCH, MAX_ITEMS};
pub use self::join::{Joined, OtherUsername, PasswordOf};
pub use self::login_names::login_names;
pub use self::new_user::{Availability, Conflict, NewUser, UniqueField};
pub use self::scan::{Cursor, MAX_READ, UserFilter, UserIds};
pub use self::skipped::Skipped;
pub use self::upgrade::MovedCounters;
use super::{Login, Store, StoreError, StoredCode};
use crate::aws::Aws;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::environment::Environment;
use crate::error::StartError;
use crate::identity::LoginName;
pub use crate::identity::user::UserRecord;
use crate::mail::{MailKind, MailMessage};
use crate::password_reset::CodeOwner;
use crate::session::NewSession;

/// The table, with the requests that only an operator may send.
#[derive(Clone)]
pub struct Operator {
    store: Store,
    client: Client,
}

impl Operator {
    /// Makes an operator's store of the table with this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { store: Store::new(client.clone(), table), client }
    }

    /// Makes an operator's store of the table that the environment names.
    ///
    /// # Errors
    /// If a variable is missing or malformed, or TLS cannot be set up.
    pub fn from_env(env: &Environment) -> Result<Self, StartError> {
        let config = Config::from_env(env)?;
        let aws = Aws::in_region(env, &config.region)?;
        Ok(Self::new(aws.dynamodb_client(config.dynamodb_endpoint.as_deref()), config.table))
    }

    /// Returns the user of this login name.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub async fn login(&self, name: &LoginName) -> Result<Option<Login>, StoreError> {
        self.store.login(name).await
    }

    /// Returns the user with this id.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a user that cannot be read.
    pub async fn user(&self, id: u64) -> Result<Option<UserRecord>, StoreError> {
        self.store.user(id).await
    }

    /// Puts a code that resets a password in place of the earlier one of the same owner and contract.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn put_reset_code(
        &self,
        owner: &CodeOwner,
        contract: &str,
        code: &StoredCode,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        // Every request of the user is later, and every code that is there counts as expired.
        let asked_at = Timestamp::from_millis(0);
        let message = MailMessage::new(contract, MailKind::ResetCode, owner.clone(), asked_at);
        let now = Timestamp::from_millis(u64::MAX);
        self.store.put_reset_code(&message, code, expires_at, now).await.map(|_| ())
    }

    /// Clears the count of the mails with a reset code that were asked for by the user with this id.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn clear_mails(&self, user_id: u64, contract: &str) -> Result<(), StoreError> {
        self.store.clear_mail(&CodeOwner::User(user_id), contract).await
    }

    /// Puts a new session. A session of the same family stays as it is.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn put_session(&self, session: &NewSession) -> Result<(), StoreError> {
        self.store.put_session(session).await
    }
}
