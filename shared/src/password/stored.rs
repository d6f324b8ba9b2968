//! A stored hash, with or without a pepper: its form, and its verification.

use std::str::FromStr;

use thiserror::Error;

use super::algorithm::Algorithm;
use super::cost::Cost;
use super::hash::Hash;
use super::limits::{MAX_STORED_BYTES, UnusableHash};
use super::pepper::{self, PepperId, Peppering, Peppers};

/// Returns the algorithm of a stored hash.
///
/// # Errors
/// If the hash is of no known kind, is malformed, costs too much, or is not accepted with its pepper.
pub fn algorithm_of(stored: &str) -> Result<Algorithm, UnusableHash> {
    stored.parse::<Stored>().map(|stored| stored.algorithm())
}

/// A stored hash whose cost is within the bounds.
pub(super) struct Stored {
    /// The pepper with which the password is combined before it is hashed.
    pub(super) peppering: Option<Peppering>,
    pub(super) hash: Hash,
}

/// Why a password cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum NotVerified {
    /// There is no memory for it.
    #[error("there is no memory for it")]
    NoMemory,
    /// The signing secret has no pepper with this id.
    #[error("the signing secret has no password pepper {0}")]
    NoPepper(PepperId),
}

impl Stored {
    pub(super) fn algorithm(&self) -> Algorithm {
        if self.peppering.is_some() { Algorithm::Peppered } else { self.hash.algorithm() }
    }

    /// Returns whether this is the password. For a legacy hash, a password with a NUL is always wrong. HMAC
    /// pads a key with zeros, and bcrypt repeats it with a zero in between, so several such passwords would
    /// have the same hash.
    pub(super) fn matches(&self, password: &str, peppers: &Peppers) -> Result<bool, NotVerified> {
        let is_argon2 = self.peppering.is_none() && matches!(self.hash, Hash::Argon2 { .. });
        let derives = match &self.peppering {
            None => self.hash.derives(password.as_bytes()),
            Some(peppering) => {
                let combined = peppers.combine(peppering, password.as_bytes());
                self.hash.derives(&combined.ok_or_else(|| NotVerified::NoPepper(peppering.id.clone()))?)
            }
        };
        Ok(derives.ok_or(NotVerified::NoMemory)? && (is_argon2 || !password.contains('\0')))
    }

    /// Returns whether a new hash is better than this one. New hashes have no pepper.
    pub(super) fn is_outdated(&self, cost: &Cost) -> bool {
        self.peppering.is_some() || self.hash.is_outdated(cost)
    }

    /// Returns whether the hash depends on every byte of the password.
    pub(super) fn covers(&self, password: &str) -> bool {
        // With a pepper, bcrypt hashes an HMAC of the whole password.
        self.peppering.is_some() || self.hash.covers(password)
    }
}

impl FromStr for Stored {
    type Err = UnusableHash;

    fn from_str(stored: &str) -> Result<Self, UnusableHash> {
        if stored.len() > MAX_STORED_BYTES {
            return Err(UnusableHash::Malformed);
        }
        let Some(rest) = stored.strip_prefix(pepper::PREFIX) else {
            return Ok(Self { peppering: None, hash: stored.parse()? });
        };
        let (peppering, hash) = Peppering::split(rest)?;
        let hash: Hash = hash.parse()?;
        if !hash.goes_with(peppering.how) {
            return Err(UnusableHash::NotWithPepper);
        }
        Ok(Self { peppering: Some(peppering), hash })
    }
}
