//! The login names of a user, and their counters of attempts.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{CreateUserError, Operator};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::store::attempts::{NAME_KEPT, NOBODY, clearing, counter, name_key};
use crate::store::update::Updated;
use crate::store::{LoginKind, StoreError, number, text};
use crate::throttle::{Attempts, Policy};

impl Operator {
    /// Returns the counter of a login name, whether the name has a user or not. Returns `None` if nothing was
    /// ever counted.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn attempts(&self, name: &LoginName, now: Timestamp) -> Result<Option<Attempts>, StoreError> {
        Ok(self.store.get(name_key(name)).await?.map(|item| counter(&item, now)))
    }

    /// Unlocks a login name and clears its failures, whether the name has a user or not. Returns the counter
    /// as it was, or `None` if nothing was ever counted.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn unlock_name(
        &self,
        name: &LoginName,
        now: Timestamp,
    ) -> Result<Option<Attempts>, StoreError> {
        let update = clearing(name).when("attribute_exists(failures)").returning(ReturnValue::AllOld);
        match self.store.update(update).await? {
            Updated::Done(item) => Ok(Some(counter(&item, now))),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Locks a login name until an operator unlocks it, as too many failures in a row do.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn lock_name(&self, name: &LoginName, now: Timestamp) -> Result<(), StoreError> {
        let mut item = name_key(name);
        item.insert("failures".to_owned(), number(Policy::DEFAULT.lock_after));
        item.insert("charged_at".to_owned(), number(now.millis()));
        item.insert("charged_by".to_owned(), text(NOBODY));
        item.insert("expires_at".to_owned(), number(now.plus(NAME_KEPT).secs()));
        let store = &self.store;
        self.client.put_item().table_name(&store.table).set_item(Some(item)).send().await?;
        Ok(())
    }
}

impl LoginKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::OtherUsername => "other_username",
            Self::Email => "email",
            Self::Both => "both",
        }
    }
}

/// Returns the login names of this user, and the kind of each.
///
/// # Errors
/// If a name is malformed or too long.
pub fn login_names(user: &UserRecord) -> Result<Vec<(LoginName, LoginKind)>, CreateUserError> {
    let mut names: Vec<(LoginName, LoginKind)> = Vec::new();
    let others = user.other_usernames.iter().map(|username| (username, LoginKind::OtherUsername));
    for (username, kind) in std::iter::once((&user.username, LoginKind::Username)).chain(others) {
        let username = LoginName::new(username);
        if !username.as_key().is_some_and(is_username) {
            return Err(CreateUserError::BadUsername);
        }
        if names.iter().all(|(name, _)| *name != username) {
            names.push((username, kind));
        }
    }
    let email = LoginName::new(&user.email);
    match email.as_key() {
        Some("") => return Ok(names),
        Some(address) if is_email(address) => {}
        Some(_) | None => return Err(CreateUserError::BadEmail),
    }
    match names.iter_mut().find(|(name, _)| *name == email) {
        Some((_, kind)) => *kind = LoginKind::Both,
        None => names.push((email, LoginKind::Email)),
    }
    Ok(names)
}

fn is_username(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(char::is_control)
}

/// Returns whether this can be an e-mail address. Only a message to it could verify it.
fn is_email(address: &str) -> bool {
    let parts =
        address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    parts && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}
