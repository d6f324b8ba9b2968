//! Session tokens. A token holds the user's id, the session's family and a secret.
//!
//! A token appears only in the reply that issues it. The table stores the SHA-256 of the secret, under a key
//! with the SHA-256 of the family. So neither the table nor a list of its keys gives an attacker a token.

use std::fmt;
use std::ops::Deref;

use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::random::random;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH: usize = 11;
pub(super) const FAMILY_LENGTH: usize = 10;
const BASE62_SECRET_LENGTH: usize = 43;
const HEX_SECRET_LENGTH: usize = 32;

/// The token of a session. It authenticates its holder as the user, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken {
    /// The id of the session's user.
    pub user_id: u64,
    /// The family: 10 characters of base62 that identify one of the user's sessions. It stays the same over
    /// all rotations.
    pub family: String,
    /// The secret.
    pub secret: SessionSecret,
}

/// The secret of a session token, in one of two forms. `Debug` shows only the form. The text is wiped when it
/// is dropped.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionSecret {
    /// 256 bits as 43 characters out of `0-9A-Za-z`.
    Base62(Zeroizing<String>),
    /// 128 bits as 32 hexadecimal digits.
    Hex(Zeroizing<String>),
}

/// SHA-256 of a secret, in hexadecimal: what the table stores. `Debug` does not show it. It is wiped when it
/// is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(Zeroizing<String>);

impl SessionToken {
    /// Returns the token as 64 characters out of `0-9A-Za-z`, if its secret is in base62.
    pub fn to_plain(&self) -> String {
        [base62(&self.user_id.to_be_bytes(), ID_LENGTH).as_str(), &self.family, &self.secret].concat()
    }

    /// Reads what [`SessionToken::to_plain`] writes. Returns `None` for any other text.
    pub fn from_plain(text: &str) -> Option<Self> {
        if text.len() != ID_LENGTH + FAMILY_LENGTH + BASE62_SECRET_LENGTH {
            return None;
        }
        let digits = text.bytes().map(|byte| BASE62.iter().position(|digit| *digit == byte));
        let digits = digits.collect::<Option<Vec<_>>>()?;
        let user_id = digits
            .get(..ID_LENGTH)?
            .iter()
            .try_fold(0_u64, |id, digit| id.checked_mul(62)?.checked_add(*digit as u64))?;
        let (family, secret) = text.get(ID_LENGTH..)?.split_at_checked(FAMILY_LENGTH)?;
        Some(Self { user_id, family: family.to_owned(), secret: SessionSecret::base62(secret) })
    }

    /// Returns the id of the session of this token, as [`Session::id`](super::Session::id). The id identifies
    /// the session, and does not authenticate anyone.
    pub fn session_id(&self) -> String {
        sha256(&self.family)
    }

    /// Returns the token that follows this one in a rotation with this nonce. Its secret has the same form.
    /// An attacker who reads the table cannot derive it without this token.
    pub(crate) fn successor(&self, nonce: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let derived = hmac::sign(&key, format!("postern refresh{nonce}").as_bytes());
        let secret = match self.secret {
            SessionSecret::Base62(_) => SessionSecret::base62(base62(derived.as_ref(), BASE62_SECRET_LENGTH)),
            SessionSecret::Hex(_) => {
                let mut digits = hex::encode(derived.as_ref());
                digits.truncate(HEX_SECRET_LENGTH);
                SessionSecret::hex(digits)
            }
        };
        Self { secret, ..self.clone() }
    }
}

impl SessionSecret {
    /// Makes a secret in base62 from its text.
    pub fn base62(text: impl Into<String>) -> Self {
        Self::Base62(Zeroizing::new(text.into()))
    }

    /// Makes a secret in hexadecimal from its text.
    pub fn hex(text: impl Into<String>) -> Self {
        Self::Hex(Zeroizing::new(text.into()))
    }

    /// Makes a random secret in base62.
    pub fn random_base62() -> Self {
        Self::base62(base62(&random::<32>(), BASE62_SECRET_LENGTH))
    }

    /// Makes a random secret in hexadecimal.
    pub fn random_hex() -> Self {
        Self::hex(hex::encode(random::<16>()))
    }

    /// Returns the hash of this secret, which the table stores.
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(self)
    }
}

impl Deref for SessionSecret {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Base62(text) | Self::Hex(text) => text,
        }
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base62(_) => "SessionSecret::Base62(…)",
            Self::Hex(_) => "SessionSecret::Hex(…)",
        })
    }
}

impl SecretHash {
    /// Hashes a secret.
    pub fn of(secret: &str) -> Self {
        Self(Zeroizing::new(sha256(secret)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// Returns the last `length` digits in base 62 of a big-endian number.
pub(super) fn base62(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut digits: Vec<char> = (0..length)
        .map(|_| {
            let rest = number.iter_mut().fold(0, |rest, byte| {
                let dividend = rest << 8 | usize::from(*byte);
                *byte = (dividend / 62) as u8;
                dividend % 62
            });
            char::from(BASE62[rest])
        })
        .collect();
    digits.reverse();
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests;
