//! The ids and names of the rows that were read. Only one user can have each.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use postern::store::operator::{Conflict, UniqueField};

use super::imported_user::CheckedUser;

/// The ids and names of the rows that were read. Each is kept as 64 bits, so that a million users fit into
/// memory.
#[derive(Default)]
pub(super) struct Seen {
    /// The keys of rows whose users are in the table, or would be if this were no dry run.
    pub(super) taken: HashSet<u64>,
    /// The keys of rows in batches. These rows may still be rejected.
    pub(super) pending: HashSet<u64>,
    /// Names that users in the table have, with the ids of those users.
    held: HashMap<u64, u64>,
    state: RandomState,
}

impl Seen {
    /// Whether a row in a batch has the id or a name of this user.
    pub(super) fn is_pending(&self, user: &CheckedUser) -> bool {
        self.keys(user).iter().any(|key| self.pending.contains(key))
    }

    /// Notes that a user in the table has this name, so that another row with it is rejected at once.
    pub(super) fn hold(&mut self, what: UniqueField, which: &str, by: u64) {
        if what != UniqueField::Id {
            self.held.insert(self.key(what, which), by);
        }
    }

    /// Returns the names of this user that other users in the table are known to have. For a row without an
    /// id, only the table can show whether it is the same user.
    pub(super) fn held_by_others(&self, user: &CheckedUser) -> Vec<Conflict> {
        let id = user.new_user.user().id;
        let holder = |what, which: &str| self.held.get(&self.key(what, which)).copied();
        let names = user.unique().into_iter().filter(|(what, _)| *what != UniqueField::Id && id != 0);
        let taken = names.filter_map(|(what, which)| Some(Conflict { what, by: holder(what, &which)? }));
        taken.filter(|taken| taken.by != id).collect()
    }

    /// Returns the id or name of this user that an earlier row has too.
    pub(super) fn duplicate(&self, user: &CheckedUser) -> Option<(UniqueField, String)> {
        user.unique().into_iter().find(|(what, which)| self.taken.contains(&self.key(*what, which)))
    }

    /// Returns the keys of a user's id and names.
    pub(super) fn keys(&self, user: &CheckedUser) -> Vec<u64> {
        user.unique().iter().map(|(what, which)| self.key(*what, which)).collect()
    }

    /// Returns the key of an id or name. A username and an e-mail address are both login names, and share
    /// their keys.
    pub(super) fn key(&self, what: UniqueField, which: &str) -> u64 {
        self.state.hash_one((what == UniqueField::Id, which))
    }
}
