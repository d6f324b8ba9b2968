//! Why the password of a row cannot be used.

use postern::password::UnusableHash;
use thiserror::Error;

/// Why the password of a row cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusablePassword {
    /// Its hash cannot be verified here.
    #[error("{0}")]
    Hash(UnusableHash),
    /// It is not a bcrypt hash, which DatePoll wrote.
    #[error("the password is no bcrypt hash; the product let everybody in here")]
    NotBcrypt,
    /// It is not of the kinds that FreeSewing wrote.
    #[error("`password` must be an object of type v2 or v3")]
    NotFreeSewing,
    /// Its hash was hashed again, and no password fits it.
    #[error("the password was hashed twice, and no password fits it")]
    HashedTwice,
}

impl UnusablePassword {
    /// The kind of the reason, for the counts of the summary.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Hash(UnusableHash::TooExpensive) => "hash too expensive",
            Self::Hash(UnusableHash::Unknown) => "hash of an unknown form",
            Self::Hash(UnusableHash::NotWithPepper) => "hash not taken with a pepper",
            Self::Hash(UnusableHash::Malformed) | Self::NotBcrypt | Self::NotFreeSewing => "unusable hash",
            Self::HashedTwice => "hashed twice",
        }
    }
}
