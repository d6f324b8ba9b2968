//! Sessions: what lets a client come back without a password.
//!
//! A session token is the user's id, the session's family and a secret. It appears once; the table keeps only
//! the SHA-256 of the secret, under a key made from the family, so neither the table alone nor a list of its
//! keys is worth anything to a thief.

use std::time::Duration;

use ring::digest;

use crate::ambient::{Timestamp, hex, random};
use crate::config::{ConfigError, Environment};

/// How long a replay of a rotated token is answered as if it came first: two tabs refresh at once.
pub const GRACE: Duration = Duration::from_secs(30);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH: usize = 11;
const FAMILY_LENGTH: usize = 10;
const SECRET_LENGTH: usize = 43;

/// A session that a contract wants with its sign-in.
pub struct SessionRequest {
    /// What kind of session it is, so that one contract's token is not another's.
    pub kind: &'static str,
    /// What the client calls its device.
    pub device: Option<String>,
    /// The token's secret: [`plain_secret`], or [`hex_secret`] where the contract wants hexadecimal.
    pub secret: String,
    /// The session ends when it was not used for this long.
    pub idle: Duration,
    /// The session ends after this long, used or not.
    pub absolute: Duration,
}

/// The token of a new session. It has no `Debug`: whoever sees it is signed in.
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
        let mut id = [b'0'; ID_LENGTH];
        let mut rest = self.user_id;
        for digit in id.iter_mut().rev() {
            *digit = BASE62[(rest % 62) as usize];
            rest /= 62;
        }
        let id: String = id.into_iter().map(char::from).collect();
        [id.as_str(), &self.family, &self.secret].concat()
    }
}

/// How long sessions last without use, and at all: `SESSION_IDLE_SECONDS` (30 days) and
/// `SESSION_ABSOLUTE_SECONDS` (365 days).
///
/// # Errors
/// If one of them is malformed.
pub fn lifetimes(env: &Environment) -> Result<(Duration, Duration), ConfigError> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let idle = env.seconds("SESSION_IDLE_SECONDS", DAY * 30)?;
    let absolute = env.seconds("SESSION_ABSOLUTE_SECONDS", DAY * 365)?;
    Ok((idle, absolute))
}

/// A secret of 256 bits, as 43 characters out of `0-9A-Za-z`.
pub fn plain_secret() -> String {
    base62(SECRET_LENGTH)
}

/// A secret of 128 bits, as 32 hexadecimal digits.
pub fn hex_secret() -> String {
    hex(&random::<16>())
}

/// A session as it is stored.
pub(crate) struct NewSession {
    pub(crate) token: SessionToken,
    pub(crate) kind: &'static str,
    pub(crate) device: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    /// One grace before its creation, so that the first refresh rotates.
    pub(crate) rotated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl NewSession {
    pub(crate) fn begin(request: SessionRequest, user_id: u64, epoch: u64, now: Timestamp) -> Self {
        let ends_at = now.plus(request.absolute);
        Self {
            token: SessionToken { user_id, family: base62(FAMILY_LENGTH), secret: request.secret },
            kind: request.kind,
            device: request.device,
            epoch,
            created_at: now,
            rotated_at: now.minus(GRACE),
            expires_at: now.plus(request.idle).min(ends_at),
            ends_at,
        }
    }
}

/// SHA-256 in hexadecimal, as families and secrets are stored.
pub(crate) fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Random characters of base62, all equally likely: bytes that do not divide evenly are thrown away.
fn base62(length: usize) -> String {
    const EVEN: u8 = 248;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let digits = random::<64>().into_iter().filter(|byte| *byte < EVEN);
        text.extend(digits.map(|byte| char::from(BASE62[usize::from(byte % 62)])).take(length - text.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(user_id: u64) -> SessionToken {
        SessionToken { user_id, family: base62(FAMILY_LENGTH), secret: plain_secret() }
    }

    #[test]
    fn a_plain_token_is_64_characters_of_base62() {
        for user_id in [1, 33, u64::MAX] {
            let plain = token(user_id).to_plain();
            assert_eq!(plain.len(), 64);
            assert!(plain.bytes().all(|b| b.is_ascii_alphanumeric()));
        }
        assert!(token(61).to_plain().starts_with("0000000000z"));
        assert!(token(62).to_plain().starts_with("00000000010"));
        assert_ne!(token(1).to_plain(), token(1).to_plain());
    }

    #[test]
    fn every_character_comes_up() {
        let text = base62(20_000);
        assert!(BASE62.iter().all(|c| text.contains(char::from(*c))));
    }

    #[test]
    fn no_session_outlives_its_absolute_end() {
        let now = Timestamp::from_millis(1_000_000);
        let request = SessionRequest {
            kind: "test",
            device: None,
            secret: hex_secret(),
            idle: Duration::from_secs(20),
            absolute: Duration::from_secs(10),
        };
        let session = NewSession::begin(request, 1, 0, now);
        assert_eq!(session.expires_at, session.ends_at);
        assert_eq!(session.ends_at, now.plus(Duration::from_secs(10)));
        assert_eq!(session.token.secret.len(), 32);
    }
}
