//! Who a user is: login names, and what is stored of a user.

mod login_name;
mod user;

pub use self::login_name::{LoginName, MAX_LOGIN_NAME_BYTES};
pub(crate) use self::user::VERSION;
pub use self::user::{Status, UnreadableAttributes, User};
