//! What the rows of a file have that there can be only one of.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use postern::store::{Conflict, UniqueField};

use super::Candidate;

/// Ids and names of the rows that were read, each as 64 bits: a million users are not to be kept in memory.
#[derive(Default)]
pub(super) struct Seen {
    /// Of rows whose users are in the table, or would be.
    pub(super) taken: HashSet<u64>,
    /// Of rows that are on their way, and may yet be rejected.
    pub(super) on_the_way: HashSet<u64>,
    /// Names that somebody in the table was found to have, and who.
    held: HashMap<u64, u64>,
    state: RandomState,
}

impl Seen {
    /// Whether a row that is on its way has something of this one.
    pub(super) fn is_open(&self, candidate: &Candidate) -> bool {
        self.keys(candidate).iter().any(|key| self.on_the_way.contains(key))
    }

    /// Keeps whose a name is, so that no other row with it waits to hear the same.
    pub(super) fn hold(&mut self, what: UniqueField, which: &str, by: u64) {
        if what != UniqueField::Id {
            self.held.insert(self.key(what, which), by);
        }
    }

    /// Which names of this row others in the table are known to have. Of a row without an id only the table can tell
    /// whether it is the same user.
    pub(super) fn held_by_others(&self, candidate: &Candidate) -> Vec<Conflict> {
        let id = candidate.new_user.user().id;
        let holder = |what, which: &str| self.held.get(&self.key(what, which)).copied();
        let names = candidate.unique().into_iter().filter(|(what, _)| *what != UniqueField::Id && id != 0);
        let taken = names.filter_map(|(what, which)| Some(Conflict { what, by: holder(what, &which)? }));
        taken.filter(|taken| taken.by != id).collect()
    }

    /// What of this row a user of an earlier one has.
    pub(super) fn first(&self, candidate: &Candidate) -> Option<(UniqueField, String)> {
        candidate.unique().into_iter().find(|(what, which)| self.taken.contains(&self.key(*what, which)))
    }

    pub(super) fn keys(&self, candidate: &Candidate) -> Vec<u64> {
        candidate.unique().iter().map(|(what, which)| self.key(*what, which)).collect()
    }

    /// Usernames and e-mail addresses are names alike: one user's is no other's.
    pub(super) fn key(&self, what: UniqueField, which: &str) -> u64 {
        self.state.hash_one((what == UniqueField::Id, which))
    }
}
