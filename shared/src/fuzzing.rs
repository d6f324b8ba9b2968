//! What the targets in `fuzz/` call and nobody else may: the decoders that this crate keeps to itself.

use crate::identity::UserRecord;
use crate::password;
use crate::session::Session;
use crate::store::{Item, Login, StoreError, decode_login, decode_session, decode_user};

/// An item in DynamoDB's JSON, as the store gets it.
pub fn item(json: &[u8]) -> Option<Item> {
    serde_json::from_slice::<serde_dynamo::Item>(json).ok().map(Into::into)
}

/// What the store makes of a login name's item.
pub fn login(item: Item) -> Result<Login, StoreError> {
    decode_login(item)
}

/// What the store makes of the item of the user with this id.
pub fn user(id: u64, item: Item) -> Result<UserRecord, StoreError> {
    decode_user(id, item)
}

/// What the store makes of a session's item.
pub fn session(item: Item) -> Result<Session, StoreError> {
    decode_session(item)
}

/// A user as an item of the table.
pub fn user_item(user: &UserRecord) -> Option<Item> {
    serde_dynamo::to_item(user).ok()
}

/// What a stored password hash costs, in KiB filled by Argon2, if it may; one that costs little is run too.
pub fn password_hash(stored: &str, password: &str) -> Option<u32> {
    password::run_if_cheap(stored, password)
}
