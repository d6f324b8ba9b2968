//! Users to be created, and whether their ids and names are free.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::create::normalised_uuid;
use super::{CreateUserError, Operator, login_names};
use crate::identity::{LoginName, UserRecord};
use crate::store::login::{decode_login, login_pk};
use crate::store::{Item, LoginKind, StoreError, decode_user, key, user_pk};

/// A user to be created, whose names are well-formed.
#[derive(Clone)]
pub struct NewUser {
    pub(super) user: UserRecord,
    pub(super) names: Vec<(LoginName, LoginKind)>,
    /// Whether the id was given, and not allocated here.
    pub(super) has_own_id: bool,
}

/// Whether a user can be created.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Availability {
    /// The id and the names are free.
    Free,
    /// The same user exists, with this id: it has the same login names, and the same id if one was given.
    Same(u64),
    /// The id or a name is another user's.
    Taken(Vec<Conflict>),
}

/// A unique field of a new user that is another user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The field.
    pub what: UniqueField,
    /// The id of the other user.
    pub by: u64,
}

/// A field that no two users share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// The id.
    Id,
    /// The username, which may be the e-mail address too.
    Username,
    /// The e-mail address.
    Email,
}

impl NewUser {
    /// Checks the names. Id 0 stands for the next free id, and an empty e-mail address for none.
    ///
    /// # Errors
    /// If a name is malformed or too long.
    pub fn new(user: UserRecord) -> Result<Self, CreateUserError> {
        Ok(Self { names: login_names(&user)?, has_own_id: user.id != 0, user })
    }

    /// Returns the user.
    pub fn user(&self) -> &UserRecord {
        &self.user
    }

    /// Returns the login names in the form in which they are looked up, and the field of each.
    pub fn names(&self) -> impl Iterator<Item = (&str, UniqueField)> {
        self.names.iter().filter_map(|(name, kind)| {
            let field = if *kind == LoginKind::Email { UniqueField::Email } else { UniqueField::Username };
            Some((name.as_key()?, field))
        })
    }

    /// Returns the user without an e-mail address. If the address is the username, it stays the username.
    #[must_use]
    pub fn without_email(mut self) -> Self {
        self.user.email.clear();
        self.names.retain(|(_, kind)| *kind != LoginKind::Email);
        for (_, kind) in &mut self.names {
            if *kind == LoginKind::Both {
                *kind = LoginKind::Username;
            }
        }
        self
    }

    /// Returns the user with this password hash.
    #[must_use]
    pub fn with_password_hash(mut self, password_hash: String) -> Self {
        self.user.password_hash = Some(password_hash);
        self
    }

    /// Returns the most items of a transaction that this user takes.
    pub fn items(&self) -> usize {
        let names = self.names.iter().map(|(name, _)| forms(name).count());
        1 + names.sum::<usize>() + usize::from(self.user.source_id.is_some())
    }

    fn keys(&self) -> impl Iterator<Item = (String, &'static str)> {
        let user = (self.user.id != 0).then(|| (user_pk(self.user.id), "USER"));
        let names = self.names.iter().flat_map(|(name, _)| forms(name));
        user.into_iter().chain(names.map(|name| (login_pk(name), "LOGIN")))
    }
}

impl Operator {
    /// Returns whether each of these users, at most [`MAX_BATCH`](super::MAX_BATCH), can be created. Writes
    /// nothing.
    ///
    /// # Errors
    /// If the table cannot be reached, or holds a login name that cannot be read.
    pub async fn availability_of(&self, new_users: &[&NewUser]) -> Result<Vec<Availability>, StoreError> {
        let keys: BTreeSet<_> = new_users.iter().flat_map(|new_user| new_user.keys()).collect();
        let found = self.items(keys.into_iter().map(|(pk, sk)| key(pk, sk)).collect()).await?;
        let found: HashMap<String, Item> =
            found.into_iter().filter_map(|item| Some((item.get("pk")?.as_s().ok()?.clone(), item))).collect();
        let mut holders: HashMap<&str, u64> = HashMap::new();
        for (name, _) in new_users.iter().flat_map(|new_user| &new_user.names) {
            let item = forms(name).find_map(|form| found.get(&login_pk(form)));
            if let (Some(item), Some(name)) = (item, name.as_key()) {
                holders.insert(name, decode_login(item.clone())?.user_id);
            }
        }
        let holder = |name: &str| holders.get(name).copied();
        // A new user without an id is compared with the existing user who has the username.
        let of_name = |new_user: &NewUser| new_user.names().next().and_then(|(name, _)| holder(name));
        let others: BTreeSet<u64> =
            new_users.iter().filter(|n| !n.has_own_id).filter_map(|n| of_name(n)).collect();
        let others: Vec<u64> = others.into_iter().collect();
        let others: BTreeMap<u64, UserRecord> = if others.is_empty() {
            BTreeMap::new()
        } else {
            // A user that cannot be read counts as another user, and so as a conflict.
            let read = self.users(&others).await?;
            read.into_iter().filter_map(|(id, user)| Some((id, user.ok()?))).collect()
        };
        let availability = |new_user: &&NewUser| {
            let id = new_user.user.id;
            let item = found.get(&user_pk(id));
            let same = if new_user.has_own_id {
                item.and_then(|item| decode_user(id, item.clone()).ok())
            } else {
                of_name(new_user).and_then(|by| others.get(&by)).cloned()
            };
            // Two people may have the same username in two products. Then their source ids differ.
            let source_id = new_user.user.source_id.as_deref().map(normalised_uuid);
            if let Some(user) = same
                && login_names(&user).is_ok_and(|names| has_all(&names, &new_user.names))
                && (source_id.is_none() || user.source_id.as_deref().map(normalised_uuid) == source_id)
            {
                return Availability::Same(user.id);
            }
            let id_taken = item.map(|_| Conflict { what: UniqueField::Id, by: id });
            let names_taken =
                new_user.names().filter_map(|(name, what)| Some(Conflict { what, by: holder(name)? }));
            let conflicts: Vec<Conflict> = id_taken.into_iter().chain(names_taken).collect();
            if conflicts.is_empty() { Availability::Free } else { Availability::Taken(conflicts) }
        };
        Ok(new_users.iter().map(availability).collect())
    }
}

/// Returns whether a user has all names of a new user. A user who was joined with one of another product has
/// more names.
fn has_all(names: &[(LoginName, LoginKind)], of_new_user: &[(LoginName, LoginKind)]) -> bool {
    let has_own = |kind| names.iter().any(|(_, own)| *own == kind);
    of_new_user.iter().all(|name| names.contains(name))
        // A user with an e-mail address and a new user without one are not the same.
        && (!has_own(LoginKind::Email) || of_new_user.iter().any(|(_, kind)| *kind == LoginKind::Email))
}

/// Returns the forms under which a name may be stored, the present one first.
pub(super) fn forms(name: &LoginName) -> impl Iterator<Item = &str> {
    name.as_key().into_iter().chain(name.former_keys())
}
