//! A user, as the table holds one.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::second_factor::Mfa;

/// The version of the user item that this code writes. It refuses to guess at what a newer one means.
pub(crate) const VERSION: u32 = 1;

/// Everything about a user. It has no `Debug`: it holds the password hash and the MFA secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    /// The version of this item's layout.
    pub version: u32,
    /// The user's id, above zero.
    pub id: u64,
    /// The username as it was registered.
    pub username: String,
    /// The usernames of other products whose users were joined to this one; each is a login name too.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "serde_dynamo::string_set::serialize"
    )]
    pub other_usernames: BTreeSet<String>,
    /// The e-mail address as it was registered; empty where there is none.
    pub email: String,
    /// The password's hash; a user without one cannot sign in by password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<String>,
    /// Whether the user may sign in.
    pub status: Status,
    /// The user has to change the password before signing in.
    #[serde(default)]
    pub must_change_password: bool,
    /// The second factor, if it is on.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub mfa: Option<Mfa>,
    /// The recovery codes that are left, each as [`RecoveryKey::digest`](crate::second_factor::RecoveryKey::digest). Beside
    /// `mfa` and not in it, since DynamoDB takes from sets at the top level only.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        serialize_with = "serde_dynamo::string_set::serialize"
    )]
    pub recovery_codes: BTreeSet<String>,
    /// The TOTP secret that the user is about to confirm, in base32. It counts for nothing until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_mfa_secret: Option<String>,
    /// Counts the changes that end every session: of the password, of MFA, of the status.
    pub epoch: u64,
    /// When `epoch` was last raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_ended_at: Option<Timestamp>,
    /// SHA-256 of the one token that was not ended then, in hexadecimal: that with which the user switched MFA on or
    /// off, since its contract has no way to hand out another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_token: Option<String>,
    /// The user's id in the product that the user was imported from, where another was given here. The item
    /// `SOURCE#<source id>` leads from it to the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the item was last written.
    pub updated_at: Timestamp,
    /// When the user last signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in: Option<Timestamp>,
    /// What only one contract shows, under that contract's name.
    #[serde(default)]
    pub attributes: Map<String, Value>,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Active,
    /// Not yet: someone has to confirm the account first.
    NotActivated,
    /// No: switched off.
    Disabled,
    /// No: shut out. Told apart from disabled by nobody but the operator.
    Blocked,
}

/// A contract's attributes are not of the form that it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableAttributes;

impl User {
    /// The attributes that one contract keeps with this user, in that contract's own type; its defaults where
    /// the user has none.
    ///
    /// # Errors
    /// If what is stored does not fit the type.
    pub fn attributes<T: DeserializeOwned + Default>(
        &self,
        contract: &str,
    ) -> Result<T, UnreadableAttributes> {
        let Some(stored) = self.attributes.get(contract) else { return Ok(T::default()) };
        let mut stored = stored.as_object().ok_or(UnreadableAttributes)?.clone();
        // Imported users have many: what is null is what the user lacks.
        stored.retain(|_, value| !value.is_null());
        T::deserialize(Value::Object(stored)).map_err(|_| UnreadableAttributes)
    }
}

/// A member that is there must be one: null is no way to say that MFA is off.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
