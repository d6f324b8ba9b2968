//! A user between the row and the table: parsed, then checked.

use postern::password::{FastDigest, HashAlgorithm, Imported};
use postern::store::operator::{Conflict, NewUser, UniqueField, UserRecord};

use super::hashes::Hashes;
use super::reason::Reason;
use super::unusable_password::UnusablePassword;
use super::warning::Warning;

/// A user as the row describes it. Its password hash is as the product wrote it.
pub struct ParsedUser {
    /// The user.
    pub user: UserRecord,
    /// Why the password of the row cannot be used, if the product's format shows it.
    pub no_password: Option<UnusablePassword>,
    /// The warnings for the operator.
    pub warnings: Vec<Warning>,
}

impl ParsedUser {
    pub(super) fn new(user: UserRecord) -> Self {
        Self { user, no_password: None, warnings: Vec::new() }
    }

    /// The same user without an id. The id of the row becomes the source id.
    pub(super) fn with_new_id(mut self) -> Self {
        if self.user.id != 0 {
            self.user.source_id = Some(self.user.id.to_string());
            self.user.id = 0;
            // A recovery code is stored as a digest of the code and the id.
            if !self.user.recovery_codes.is_empty() {
                self.user.recovery_codes.clear();
                self.warnings.push(Warning::NoRecoveryCodes);
            }
        }
        self
    }

    /// Checks the names, and turns the password hash into a form that can be stored.
    ///
    /// # Errors
    /// If a name cannot be a login name. If the password cannot be used, and such rows are to be rejected.
    pub(super) fn check(self, hashes: &Hashes) -> Result<CheckedUser, Reason> {
        let Self { mut user, no_password, mut warnings } = self;
        let read = match (no_password, user.password_hash.take()) {
            (Some(why), _) => Err(why),
            (None, None) => Ok(None),
            (None, Some(hash)) => hashes.read(&hash).map(Some).map_err(UnusablePassword::Hash),
        };
        let (stored, fast, algorithm) = match read {
            Ok(None) => (None, None, None),
            Ok(Some(Imported::Stored(stored, algorithm))) => (Some(stored), None, Some(algorithm)),
            Ok(Some(Imported::Fast(fast))) => {
                let algorithm = fast.algorithm();
                (None, Some(fast), Some(algorithm))
            }
            Err(why) if hashes.reject_unusable() => return Err(why.into()),
            Err(why) => {
                warnings.push(Warning::NoPassword(why));
                (None, None, None)
            }
        };
        if algorithm == Some(HashAlgorithm::BcryptSignExtended) {
            warnings.push(Warning::MaybeLossyHash);
        }
        user.password_hash = stored;
        Ok(CheckedUser { new_user: NewUser::new(user)?, fast, algorithm, warnings })
    }
}

/// A user whose names can be login names, and whose password hash can be stored, perhaps under a layer.
pub(super) struct CheckedUser {
    pub(super) new_user: NewUser,
    /// A digest that is fast to guess. `new_user` has no password until a layer of Argon2id is made over it.
    pub(super) fast: Option<FastDigest>,
    pub(super) algorithm: Option<HashAlgorithm>,
    pub(super) warnings: Vec<Warning>,
}

impl CheckedUser {
    pub(super) fn without_email(mut self) -> Self {
        self.new_user = self.new_user.without_email();
        self.warnings.push(Warning::EmailDropped);
        self
    }

    /// The reason to reject this user, who conflicts with others.
    pub(super) fn taken(&self, taken: Vec<Conflict>) -> Reason {
        let user = self.new_user.user();
        Reason::Taken { id: user.id, names: [user.username.clone(), user.email.clone()], taken }
    }

    /// The id and names, which only one user can have.
    pub(super) fn unique(&self) -> Vec<(UniqueField, String)> {
        let id = self.new_user.user().id;
        let names = self.new_user.names().map(|(name, what)| (what, name.to_owned()));
        (id != 0).then(|| (UniqueField::Id, id.to_string())).into_iter().chain(names).collect()
    }
}
