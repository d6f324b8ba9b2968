//! A user on the way from a row to the table.

use postern::identity::User;
use postern::password::{FastDigest, HashAlgorithm, Imported};
use postern::store::{Conflict, NewUser, UniqueField};

use super::hashes::Hashes;
use super::reason::{NoPassword, Note, Reason};

/// A user as a row has it, found good.
pub struct Draft {
    /// The user.
    pub user: User,
    /// Why the password that the row has cannot be used, where the product tells.
    pub no_password: Option<NoPassword>,
    /// What the operator should know.
    pub notes: Vec<Note>,
}

impl Draft {
    pub(super) fn new(user: User, notes: Vec<Note>) -> Self {
        Self { user, no_password: None, notes }
    }

    /// The same with a new id, and that of the row as its source id.
    pub(super) fn with_new_id(mut self) -> Self {
        if self.user.id != 0 {
            self.user.source_id = Some(self.user.id.to_string());
            self.user.id = 0;
            // They are stored as digests of the code and the id.
            if !self.user.recovery_codes.is_empty() {
                self.user.recovery_codes.clear();
                self.notes.push(Note::NoRecoveryCodes);
            }
        }
        self
    }

    /// The candidate, with the password's hash in a stored form or as a digest that gets a layer.
    pub(super) fn into_candidate(self, hashes: &Hashes) -> Result<Candidate, Reason> {
        let Self { mut user, no_password, mut notes } = self;
        let read = match (no_password, user.password_hash.take()) {
            (Some(why), _) => Err(why),
            (None, None) => Ok(None),
            (None, Some(hash)) => hashes.read(&hash).map(Some).map_err(NoPassword::Hash),
        };
        let (stored, fast, hash) = match read {
            Ok(None) => (None, None, None),
            Ok(Some(Imported::Stored(stored, algorithm))) => (Some(stored), None, Some(algorithm)),
            Ok(Some(Imported::Fast(fast))) => {
                let algorithm = fast.algorithm();
                (None, Some(fast), Some(algorithm))
            }
            Err(why) if hashes.reject_unusable() => return Err(Reason::NoPassword(why)),
            Err(why) => {
                notes.push(Note::NoPassword(why));
                (None, None, None)
            }
        };
        user.password_hash = stored;
        Ok(Candidate { new_user: NewUser::new(user)?, fast, hash, notes })
    }
}

/// What a row is.
pub enum Reading {
    /// A user.
    User(Box<Draft>),
    /// Something else, which a dump has among its users.
    Other,
}

impl Reading {
    pub(super) fn of(draft: Draft) -> Self {
        Self::User(Box::new(draft))
    }
}

/// A user of a row, with names that can be names.
pub(super) struct Candidate {
    pub(super) new_user: NewUser,
    /// What becomes the password's stored form by a layer of Argon2id, which the newcomer lacks until then.
    pub(super) fast: Option<FastDigest>,
    pub(super) hash: Option<HashAlgorithm>,
    pub(super) notes: Vec<Note>,
}

impl Candidate {
    pub(super) fn without_email(mut self) -> Self {
        self.new_user = self.new_user.without_email();
        self.notes.push(Note::EmailDropped);
        self
    }

    /// Why it is rejected.
    pub(super) fn taken(&self, taken: Vec<Conflict>) -> Reason {
        let user = self.new_user.user();
        Reason::Taken { id: user.id, names: [user.username.clone(), user.email.clone()], taken }
    }

    /// What there can be only one of.
    pub(super) fn unique(&self) -> Vec<(UniqueField, String)> {
        let id = self.new_user.user().id;
        let names = self.new_user.names().map(|(name, what)| (what, name.to_owned()));
        (id != 0).then(|| (UniqueField::Id, id.to_string())).into_iter().chain(names).collect()
    }
}
