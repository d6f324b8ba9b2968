//! The identity of a user: login names, and the user itself.

mod login_name;
pub(crate) mod user;

pub use self::login_name::{LoginName, MAX_LOGIN_NAME_BYTES};
pub use self::user::{Status, UnreadableAttributes, User};
pub(crate) use self::user::{UserRecord, VERSION};
