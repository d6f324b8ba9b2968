//! The attributes that this contract keeps with a user, and the account that it shows.

use postern::Refusal;
use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::identity::{Status, User};
use serde::{Deserialize, Serialize};

/// The attributes of a user. The defaults are those of a user who has none.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    bio: String,
    consent: i64,
    control: i64,
    github: String,
    img: String,
    imperial: bool,
    initial: Option<String>,
    language: String,
    newsletter: bool,
    patron: i64,
    pub(super) role: String,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            bio: String::new(),
            consent: 0,
            control: 0,
            github: String::new(),
            img: String::new(),
            imperial: false,
            initial: None,
            language: "en".to_owned(),
            newsletter: false,
            patron: 0,
            role: "user".to_owned(),
        }
    }
}

/// The account, with the members that the contract's page shows.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Account<'a> {
    id: u64,
    bio: &'a str,
    consent: i64,
    control: i64,
    created_at: String,
    email: &'a str,
    github: &'a str,
    img: &'a str,
    imperial: bool,
    initial: &'a str,
    language: &'a str,
    last_sign_in: Option<String>,
    mfa_enabled: bool,
    newsletter: bool,
    patron: i64,
    role: &'a str,
    status: i8,
    updated_at: String,
    username: &'a str,
    lusername: String,
}

/// Returns the account of a user.
///
/// # Errors
/// If a time of the user is after the year 9999.
pub(super) fn account<'a>(user: &'a User, attributes: &'a Attributes) -> Result<Account<'a>, Refusal> {
    let iso = |moment: Timestamp| moment.iso8601().ok_or(Refusal::Fault);
    Ok(Account {
        id: user.id,
        bio: &attributes.bio,
        consent: attributes.consent,
        control: attributes.control,
        created_at: iso(user.created_at)?,
        email: &user.email,
        github: &attributes.github,
        img: &attributes.img,
        imperial: attributes.imperial,
        initial: attributes.initial.as_deref().unwrap_or(&user.email),
        language: &attributes.language,
        last_sign_in: user.last_sign_in.map(iso).transpose()?,
        mfa_enabled: user.mfa_enabled,
        newsletter: attributes.newsletter,
        patron: attributes.patron,
        role: &attributes.role,
        status: status(user.status),
        updated_at: iso(user.updated_at)?,
        username: &user.username,
        lusername: LoginName::new(&user.username).as_key().unwrap_or_default().to_owned(),
    })
}

/// Returns the number of a status on the contract's page.
pub(super) const fn status(status: Status) -> i8 {
    match status {
        Status::Active => 1,
        Status::NotActivated => 0,
        Status::Disabled => -1,
        Status::Blocked => -2,
    }
}
