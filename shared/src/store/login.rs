//! Login names. Each is one item that holds the id of its user.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::update::{Update, Written};
use super::{Item, Store, StoreError, key};
use crate::identity::LoginName;
use crate::throttle::KnownAddresses;

/// The user of a login name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// The user's id.
    pub user_id: u64,
    /// The kind of name.
    pub kind: LoginKind,
    /// The addresses from which the user signed in by this name.
    #[serde(default)]
    pub known_addresses: KnownAddresses,
    /// The partition key of the item. It may be a form of the name that an earlier version stored.
    pub(crate) pk: String,
}

/// The kind of a login name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginKind {
    /// A username.
    Username,
    /// The username of another product, whose user was joined to this one.
    OtherUsername,
    /// An e-mail address.
    Email,
    /// A username that is also the user's e-mail address.
    Both,
}

impl Store {
    /// Returns the user of this login name.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub(crate) async fn login(&self, name: &LoginName) -> Result<Option<Login>, StoreError> {
        // A name that is too long for a key has no user. A read takes place in any case, so that the time is
        // the same.
        let Some(present) = name.as_key() else { return self.read_no_user().await.map(|()| None) };
        let read = async |name: &str| self.get(key(login_pk(name), "LOGIN")).await;
        let mut former = name.former_keys();
        // There are at most two former keys. All are read in any case, so that the number of reads shows
        // nothing.
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

    /// Writes the known addresses of the login name with this partition key. The write is refused if there is
    /// no such name. If two sign-ins write at once, the later one stays, and the other address becomes known
    /// at its next sign-in.
    pub(crate) async fn put_known_addresses(
        &self,
        pk: &str,
        known_addresses: &KnownAddresses,
    ) -> Result<Written, StoreError> {
        let value: AttributeValue =
            serde_dynamo::to_attribute_value(known_addresses).map_err(StoreError::unstorable)?;
        let update = Update::of(key(pk.to_owned(), "LOGIN"))
            .set("known_addresses", value)
            .when("attribute_exists(pk)");
        self.update(update).await.map(|updated| updated.written())
    }
}

/// Decodes the item of a login name.
pub(crate) fn decode_login(item: Item) -> Result<Login, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError::unreadable("login name"))
}

pub(super) fn login_pk(name: &str) -> String {
    format!("LOGIN#{name}")
}
