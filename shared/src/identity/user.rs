//! A user, in two types: [`UserRecord`] as the table stores it, and [`User`] as a contract may see it.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::second_factor::{Mfa, SecretText};
use crate::session::SecretHash;

/// The version of the user item that this code writes. An item of a newer version is refused.
pub(crate) const VERSION: u32 = 1;

/// The data of a user that a contract may see. It has no password hash, no TOTP secret and no recovery code.
#[derive(Clone, Debug)]
pub struct User {
    /// The user's id, above zero.
    pub id: u64,
    /// The username as it was registered.
    pub username: String,
    /// The e-mail address as it was registered. Empty if the user has none.
    pub email: String,
    /// Whether the user may sign in.
    pub status: Status,
    /// Whether the user has to change the password before signing in.
    pub must_change_password: bool,
    /// Whether MFA is on.
    pub mfa_enabled: bool,
    /// The number of changes that ended every session of the user.
    pub epoch: u64,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the item was last written.
    pub updated_at: Timestamp,
    /// When the user last signed in.
    pub last_sign_in: Option<Timestamp>,
    /// The attributes of each contract, under its name. See [`User::attributes`].
    attributes: Map<String, Value>,
}

/// All data that the table stores of a user, with its secrets. It has no `Debug`, and no contract sees it.
#[derive(Clone, Serialize, Deserialize)]
pub struct UserRecord {
    /// The version of this item's layout.
    pub version: u32,
    /// The user's id, above zero. For a user to be created, 0 stands for the next free id.
    pub id: u64,
    /// The username as it was registered.
    pub username: String,
    /// The usernames of other products whose users were joined to this one. Each is a login name too.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "serde_dynamo::string_set::serialize"
    )]
    pub other_usernames: BTreeSet<String>,
    /// The e-mail address as it was registered. Empty if the user has none.
    pub email: String,
    /// The password's hash. A user without one cannot sign in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Whether the user may sign in.
    pub status: Status,
    /// Whether the user has to change the password before signing in.
    #[serde(default)]
    pub must_change_password: bool,
    /// The second factor. `None` if MFA is off.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub mfa: Option<Mfa>,
    /// The unused recovery codes, each as [`RecoveryKey::digest`](crate::second_factor::RecoveryKey::digest).
    /// They are not a part of `mfa`, since DynamoDB deletes only from sets at the top level.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "serde_dynamo::string_set::serialize"
    )]
    pub recovery_codes: BTreeSet<String>,
    /// The TOTP secret that the user is about to confirm, in base32. It has no effect until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_mfa_secret: Option<SecretText>,
    /// The hash of the token with which the user began MFA. Only this token confirms the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_mfa_token: Option<SecretHash>,
    /// The number of changes that ended every session: changes of the password, of MFA or of the status.
    pub epoch: u64,
    /// When `epoch` was last raised. At first, when the user was created or imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_ended_at: Option<Timestamp>,
    /// The hash of the one token that stayed valid when the epoch was raised: the JWT with which the user
    /// switched MFA on or off. The reply of that contract has no member for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_token: Option<SecretHash>,
    /// The user's id in the product that the user was imported from, if the user has another id here. The
    /// item `SOURCE#<source id>` holds the user's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the item was last written.
    pub updated_at: Timestamp,
    /// When the user last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<Timestamp>,
    /// The attributes of each contract, under the contract's name.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The user may sign in.
    Active,
    /// The user may not sign in until the account is activated.
    NotActivated,
    /// The user may not sign in: the account is disabled.
    Disabled,
    /// The user may not sign in. Contracts answer as for a disabled user. Only an operator sees the
    /// difference.
    Blocked,
}

/// The stored attributes of a user do not have the form that the contract expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored attributes of a user are not of the contract's form")]
pub struct UnreadableAttributes;

impl User {
    /// Returns the attributes that one contract keeps with this user, in that contract's own type. Returns
    /// the type's defaults if the user has none.
    ///
    /// # Errors
    /// If the stored attributes do not fit the type.
    pub fn attributes<T: DeserializeOwned + Default>(
        &self,
        contract: &str,
    ) -> Result<T, UnreadableAttributes> {
        let Some(stored) = self.attributes.get(contract) else { return Ok(T::default()) };
        let mut stored = stored.as_object().ok_or(UnreadableAttributes)?.clone();
        // Imported users have many nulls. A null counts as a missing member.
        stored.retain(|_, value| !value.is_null());
        T::deserialize(Value::Object(stored)).map_err(|_| UnreadableAttributes)
    }
}

impl UserRecord {
    /// Makes an active user with this username and no other data, created at this moment. The id is 0, for
    /// the next free id.
    pub fn new(username: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            version: VERSION,
            id: 0,
            username: username.into(),
            other_usernames: BTreeSet::new(),
            email: String::new(),
            password_hash: None,
            status: Status::Active,
            must_change_password: false,
            mfa: None,
            recovery_codes: BTreeSet::new(),
            pending_mfa_secret: None,
            pending_mfa_token: None,
            epoch: 0,
            sessions_ended_at: None,
            kept_token: None,
            source_id: None,
            created_at,
            updated_at: created_at,
            last_sign_in: None,
            attributes: Map::new(),
        }
    }

    /// Returns the names of the user, which are no passwords: the usernames and the e-mail address.
    pub fn names(&self) -> Vec<&str> {
        let names = [&self.username, &self.email].into_iter().chain(&self.other_usernames);
        names.map(String::as_str).collect()
    }

    /// Makes such a user who may get the id of an earlier user: one who was deleted, or one who was created after
    /// the backup from which the table was restored. No token of the earlier user is valid. That user never had
    /// this epoch. A token without an epoch, which another backend signed, has to be issued after `now`.
    pub fn without_earlier_tokens(
        username: impl Into<String>,
        created_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        Self { epoch: now.secs(), sessions_ended_at: Some(now), ..Self::new(username, created_at) }
    }
}

impl From<&UserRecord> for User {
    fn from(record: &UserRecord) -> Self {
        Self {
            id: record.id,
            username: record.username.clone(),
            email: record.email.clone(),
            status: record.status,
            must_change_password: record.must_change_password,
            mfa_enabled: record.mfa.is_some(),
            epoch: record.epoch,
            created_at: record.created_at,
            updated_at: record.updated_at,
            last_sign_in: record.last_sign_in,
            attributes: record.attributes.clone(),
        }
    }
}

/// Reads an attribute that must hold a value if it is present. A null must not mean that MFA is off.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
