//! Session tokens: the user's id, the session's family and a secret.
//!
//! A token appears once. The table keeps only the SHA-256 of the secret, under a key made from the family, so neither the
//! table nor a list of its keys is worth anything to a thief.

use ring::{digest, hmac};

use crate::random::random;

pub(super) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ID_LENGTH: usize = 11;

pub(super) const FAMILY_LENGTH: usize = 10;

const SECRET_LENGTH: usize = 43;

const HEX_SECRET_LENGTH: usize = 32;

/// What proves a session. It has no `Debug`: whoever sees it is signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken {
    /// Whose session it is.
    pub user_id: u64,
    /// Which of the user's sessions it is: 10 characters of base62.
    pub family: String,
    /// What proves it.
    pub secret: String,
}

impl SessionToken {
    /// The token as one word of 64 characters out of `0-9A-Za-z` (with a [`plain_secret`]).
    pub fn to_plain(&self) -> String {
        [base62(&self.user_id.to_be_bytes(), ID_LENGTH).as_str(), &self.family, &self.secret].concat()
    }

    /// The token that this word is, or `None` where it is none.
    pub fn from_plain(word: &str) -> Option<Self> {
        if word.len() != ID_LENGTH + FAMILY_LENGTH + SECRET_LENGTH {
            return None;
        }
        let digits = word.bytes().map(|byte| BASE62.iter().position(|digit| *digit == byte));
        let digits = digits.collect::<Option<Vec<_>>>()?;
        let user_id = digits
            .get(..ID_LENGTH)?
            .iter()
            .try_fold(0_u64, |id, digit| id.checked_mul(62)?.checked_add(*digit as u64))?;
        let (family, secret) = word.get(ID_LENGTH..)?.split_at_checked(FAMILY_LENGTH)?;
        Some(Self { user_id, family: family.to_owned(), secret: secret.to_owned() })
    }

    /// Which session it proves, as [`Session::id`]. Unlike the family, it is good for nothing else than to name it.
    pub fn session_id(&self) -> String {
        sha256(&self.family)
    }

    /// The token that follows this one in a rotation with this nonce, of the same form. Nobody derives it without
    /// this token, whatever the table holds.
    pub(crate) fn successor(&self, nonce: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let derived = hmac::sign(&key, format!("postern refresh{nonce}").as_bytes());
        let secret = match self.secret.len() {
            HEX_SECRET_LENGTH => hex::encode(derived.as_ref()).chars().take(HEX_SECRET_LENGTH).collect(),
            _ => base62(derived.as_ref(), SECRET_LENGTH),
        };
        Self { secret, ..self.clone() }
    }
}

/// A secret of 256 bits, as 43 characters out of `0-9A-Za-z`.
pub fn plain_secret() -> String {
    base62(&random::<32>(), SECRET_LENGTH)
}

/// A secret of 128 bits, as 32 hexadecimal digits.
pub fn hex_secret() -> String {
    hex::encode(&random::<16>())
}

/// SHA-256 in hexadecimal, as families and secrets are stored.
pub(crate) fn sha256(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// The last `length` digits in base 62 of a number, of which these are the bytes, the highest first.
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
