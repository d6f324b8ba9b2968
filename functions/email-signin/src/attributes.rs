//! The attributes that this contract keeps with a user, and the members of a user that its replies show.

use postern::identity::User;
use serde::{Deserialize, Serialize};

/// The attributes of a user.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    first_name: String,
    last_name: String,
    number_phone: String,
    avatar: Option<String>,
}

/// The user, with the members that the contract's page shows.
#[derive(Serialize)]
pub(super) struct Account<'a> {
    id: u64,
    username: &'a str,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    number_phone: &'a str,
    avatar: Option<&'a str>,
}

/// Returns the members of a user that the contract's replies show.
pub(super) fn account<'a>(user: &'a User, attributes: &'a Attributes) -> Account<'a> {
    Account {
        id: user.id,
        username: &user.username,
        email: &user.email,
        first_name: &attributes.first_name,
        last_name: &attributes.last_name,
        number_phone: &attributes.number_phone,
        avatar: attributes.avatar.as_deref(),
    }
}
