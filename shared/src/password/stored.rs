//! A stored hash, with or without a pepper: its form, and its verification.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Cost;
use super::hash::Hash;
use super::layered::FastKind;
use super::limits::{MAX_STORED_BYTES, UnusableHash};
use super::pepper::{self, PepperId, Peppering, Peppers};

/// The algorithm of a stored password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Argon2id (RFC 9106), which new passwords get.
    Argon2id,
    /// Argon2i.
    Argon2i,
    /// bcrypt.
    Bcrypt,
    /// bcrypt of the password followed by a suffix.
    BcryptWithSuffix,
    /// bcrypt of the password's SHA-256 in hexadecimal.
    BcryptSha256,
    /// bcrypt of another digest of the password, or of a digest in base 64.
    BcryptDigest,
    /// bcrypt as WordPress 6.8 uses it.
    WordPress,
    /// bcrypt of an early crypt_blowfish, with its fault.
    BcryptSignExtended,
    /// yescrypt.
    Yescrypt,
    /// Firebase's scrypt.
    Firebase,
    /// A digest that is fast to guess, under a layer of Argon2id.
    Layered(FastKind),
    /// PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1,
    /// PBKDF2 with HMAC-SHA-256.
    Pbkdf2Sha256,
    /// PBKDF2 with HMAC-SHA-512.
    Pbkdf2Sha512,
    /// scrypt (RFC 7914).
    Scrypt,
    /// phpass, the portable hash of older PHP applications.
    Phpass,
    /// A hash of a password that was combined with a pepper.
    Peppered,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Layered(kind) => return write!(f, "layered_{kind}"),
            Self::BcryptDigest => "bcrypt_digest",
            Self::WordPress => "wordpress",
            Self::BcryptSignExtended => "bcrypt_2x",
            Self::Yescrypt => "yescrypt",
            Self::Firebase => "firebase_scrypt",
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Bcrypt => "bcrypt",
            Self::BcryptWithSuffix => "bcrypt_suffix",
            Self::BcryptSha256 => "bcrypt_sha256",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
            Self::Pbkdf2Sha512 => "pbkdf2_sha512",
            Self::Scrypt => "scrypt",
            Self::Phpass => "phpass",
            Self::Peppered => "peppered",
        })
    }
}

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
