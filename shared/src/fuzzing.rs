//! The private decoders of this crate, for the targets in `fuzz/` only.

pub use crate::identity::user::UserRecord;
use crate::password;
use crate::session::Session;
use crate::store::{Item, Login, StoreError, decode_login, decode_session, decode_user};

/// Reads an item in DynamoDB's JSON.
pub fn item(json: &[u8]) -> Option<Item> {
    serde_json::from_slice::<serde_dynamo::Item>(json).ok().map(Into::into)
}

/// Decodes the item of a login name, as the store does.
pub fn login(item: Item) -> Result<Login, StoreError> {
    decode_login(item)
}

/// Decodes the item of the user with this id, as the store does.
pub fn user(id: u64, item: Item) -> Result<UserRecord, StoreError> {
    decode_user(id, item)
}

/// Decodes the item of a session, as the store does.
pub fn session(item: Item) -> Result<Session, StoreError> {
    decode_session(item)
}

/// Encodes a user as an item of the table.
pub fn user_item(user: &UserRecord) -> Option<Item> {
    serde_dynamo::to_item(user).ok()
}

/// Returns what a password hash costs, in blocks of Argon2, if it may be used. Runs it if it costs little.
pub fn password_hash(stored: &str, password: &str) -> Option<u32> {
    password::run_if_cheap(stored, password)
}
