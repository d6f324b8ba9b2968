//! The login names of a user, and their counters of attempts.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{CreateUserError, Operator};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::store::counter::{Attributes, NAME_KEPT, NOBODY, NameCounter, UserCounter, clearing, counter};
use crate::store::update::{Update, Updated};
use crate::store::{LoginKind, StoreError, number, text};
use crate::throttle::{Attempts, Policy};

impl Operator {
    /// Returns the counter of a login name, whether the name has a user or not. Returns `None` if nothing is
    /// counted.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub async fn attempts(&self, name: &LoginName, now: Timestamp) -> Result<Option<Attempts>, StoreError> {
        let of = self.name_counter(name).await?;
        self.counted(&of, now).await
    }

    /// Unlocks a login name and clears its failures, whether the name has a user or not. Returns the counter
    /// as it was, or `None` if nothing was counted.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub async fn unlock_name(
        &self,
        name: &LoginName,
        now: Timestamp,
    ) -> Result<Option<Attempts>, StoreError> {
        // A user's name may have failures of its own: those from before it had a user, or from an earlier
        // version of Postern. `postern table upgrade` must not bring them back.
        let of_name = self.clear(&NameCounter::Name(name.clone()), now).await?;
        match self.name_counter(name).await? {
            NameCounter::Name(_) => Ok(of_name),
            of_user @ NameCounter::User(..) => Ok(self.clear(&of_user, now).await?.or(of_name)),
        }
    }

    /// Returns the counter of a user's known addresses. Returns `None` if nothing is counted.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn attempts_at_known_addresses(
        &self,
        user_id: u64,
        now: Timestamp,
    ) -> Result<Option<Attempts>, StoreError> {
        self.counted(&NameCounter::User(user_id, UserCounter::KnownAddresses), now).await
    }

    /// Unlocks a user's known addresses and clears their failures. Returns the counter as it was, or `None` if
    /// nothing was counted.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn unlock_known_addresses(
        &self,
        user_id: u64,
        now: Timestamp,
    ) -> Result<Option<Attempts>, StoreError> {
        self.clear(&NameCounter::User(user_id, UserCounter::KnownAddresses), now).await
    }

    async fn counted(&self, of: &NameCounter, now: Timestamp) -> Result<Option<Attempts>, StoreError> {
        let item = self.store.get(of.key()).await?;
        let item = item.filter(|item| item.contains_key(of.attributes().failures));
        Ok(item.map(|item| counter(&item, &of.attributes(), now)))
    }

    async fn clear(&self, of: &NameCounter, now: Timestamp) -> Result<Option<Attempts>, StoreError> {
        let update = clearing(of)
            .when(format!("attribute_exists({})", of.attributes().failures))
            .returning(ReturnValue::AllOld);
        match self.store.update(update).await? {
            Updated::Done(item) => Ok(Some(counter(&item, &of.attributes(), now))),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Locks a login name, as too many failures in a row do.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub async fn lock_name(&self, name: &LoginName, now: Timestamp) -> Result<(), StoreError> {
        let of = self.name_counter(name).await?;
        let Attributes { failures, charged_at, charged_by } = of.attributes();
        let update = Update::of(of.key())
            .set(failures, number(Policy::DEFAULT.lock_after))
            .set(charged_at, number(now.millis()))
            .set(charged_by, text(NOBODY));
        let update = match of {
            NameCounter::Name(_) => update.set("expires_at", number(now.plus(NAME_KEPT).secs())),
            NameCounter::User(..) => update.when("attribute_exists(pk)"),
        };
        self.store.update(update).await.map(|_| ())
    }

    /// Returns where attempts by a login name are counted.
    async fn name_counter(&self, name: &LoginName) -> Result<NameCounter, StoreError> {
        Ok(match self.login(name).await? {
            Some(login) => NameCounter::User(login.user_id, login.kind.counter()),
            None => NameCounter::Name(name.clone()),
        })
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
