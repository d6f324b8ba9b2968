//! A hash as it is stored: how it is read, and whether a password is its own.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Cost;
use super::hash::Hash;
use super::layered::FastKind;
use super::limits::{MAX_STORED_BYTES, UnusableHash};
use super::pepper::{self, PepperId, Peppering, Peppers};

/// How a stored password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Argon2id (RFC 9106), which new passwords get.
    Argon2id,
    /// Argon2i.
    Argon2i,
    /// bcrypt.
    Bcrypt,
    /// bcrypt of the password with something at its end.
    BcryptWithSuffix,
    /// bcrypt of the password's SHA-256 in hexadecimal.
    BcryptSha256,
    /// bcrypt of another digest of the password, or of that in base 64.
    BcryptDigest,
    /// bcrypt as WordPress 6.8 uses it.
    WordPress,
    /// bcrypt of an early crypt_blowfish, with its fault.
    BcryptSignExtended,
    /// yescrypt.
    Yescrypt,
    /// Firebase's scrypt.
    Firebase,
    /// A digest that was fast to guess, under Argon2id.
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

/// How a password was hashed, where that can be verified here.
///
/// # Errors
/// With the reason why not.
pub fn algorithm_of(stored: &str) -> Result<Algorithm, UnusableHash> {
    stored.parse::<Stored>().map(|stored| stored.algorithm())
}

/// A stored hash within bounds.
pub(super) struct Stored {
    /// What the password is combined with before it is hashed.
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

    /// Whether this is the password. One with a NUL is none for a hash from elsewhere, where it would end the password or
    /// pad it: HMAC fills a key up with zeros, and bcrypt repeats it with a zero between, so others would fit too.
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

    /// Whether a new hash is better than this one. New hashes have no pepper.
    pub(super) fn is_outdated(&self, cost: &Cost) -> bool {
        self.peppering.is_some() || self.hash.is_outdated(cost)
    }

    /// Whether every byte of the password was looked at.
    pub(super) fn covers(&self, password: &str) -> bool {
        // bcrypt with a pepper has an HMAC of the whole password.
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
