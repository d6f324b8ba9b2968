//! Sessions: what lets a client come back without a password.
//!
//! A session token is the user's id, the session's family and a secret. It appears once; the table keeps only
//! the SHA-256 of the secret, under a key made from the family, so neither the table alone nor a list of its
//! keys is worth anything to a thief.
//!
//! **Rotation.** A refresh replaces the secret by its successor, HMAC-SHA-256 of the secret under a nonce that is
//! stored with the session. The previous secret gets the same successor again within the [`GRACE`]: another tab, or a
//! client that lost the reply and asks again at once. A secret that is itself younger than the grace is kept.
//!
//! **Late answers.** A client that lost the reply may ask again much later. So the previous secret gets the same
//! successor after the grace too, while nobody has presented that successor, for [`RefreshPolicy::lost_reply`] at most.
//! The session gives such a late answer once, and the next one only after [`CLEAN_ROTATIONS`]: a lost reply is rare,
//! and of two holders of one token one is late in every generation.
//!
//! Any other secret of the family was used before, by a thief or after one, and ends the family (RFC 9700 §4.14.2).

use std::time::Duration;

use ring::{digest, hmac};
use serde::{Deserialize, Deserializer};

use crate::ambient::{Timestamp, hex, random};
use crate::config::{ConfigError, Environment};

/// How long a replay of a rotated token is answered as if it came first: two tabs refresh at once.
pub const GRACE: Duration = Duration::from_secs(30);

/// How many rotations follow a late answer before the session gives another.
pub const CLEAN_ROTATIONS: u64 = 3;

/// The longest time after a rotation for a late answer.
pub const MAX_LOST_REPLY: Duration = Duration::from_secs(24 * 3600);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH: usize = 11;
const FAMILY_LENGTH: usize = 10;
const SECRET_LENGTH: usize = 43;
const HEX_SECRET_LENGTH: usize = 32;

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
            HEX_SECRET_LENGTH => hex(derived.as_ref()).chars().take(HEX_SECRET_LENGTH).collect(),
            _ => base62(derived.as_ref(), SECRET_LENGTH),
        };
        Self { secret, ..self.clone() }
    }
}

/// How one kind of session is refreshed.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// The kind: the contract that began the session.
    pub kind: &'static str,
    /// How long the session lasts without use after a refresh.
    pub idle: Duration,
    /// How long after a rotation the previous token still gets its successor, while nobody has presented that. No
    /// longer than the [`GRACE`]: no late answers.
    pub lost_reply: Duration,
}

/// How long a client may take to ask again for a refresh whose reply was lost: `SESSION_LOST_REPLY_SECONDS` (24 hours,
/// which is the most; 30 seconds are the least and mean no late answers).
///
/// # Errors
/// If it is malformed or out of bounds.
pub fn lost_reply(env: &Environment) -> Result<Duration, ConfigError> {
    let (least, most) = (GRACE.as_secs(), MAX_LOST_REPLY.as_secs());
    env.number("SESSION_LOST_REPLY_SECONDS", most, least, most).map(Duration::from_secs)
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
    base62(&random::<32>(), SECRET_LENGTH)
}

/// A secret of 128 bits, as 32 hexadecimal digits.
pub fn hex_secret() -> String {
    hex(&random::<16>())
}

/// A session that begins.
pub struct NewSession {
    /// What proves it.
    pub token: SessionToken,
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
    /// One of a random family, for the user of this id and this epoch.
    pub fn begin(request: SessionRequest, user_id: u64, epoch: u64, now: Timestamp) -> Self {
        let ends_at = now.plus(request.absolute);
        let family = base62(&random::<16>(), FAMILY_LENGTH);
        Self {
            token: SessionToken { user_id, family, secret: request.secret },
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

/// A session as it is stored.
#[derive(Clone, Deserialize)]
pub struct Session {
    /// Which of the user's sessions it is: SHA-256 of the family, in hexadecimal.
    #[serde(rename = "sk")]
    pub id: String,
    /// What kind of session it is: the contract that began it.
    pub kind: String,
    /// What the client calls its device.
    pub device: Option<String>,
    /// The user's epoch when it began; it ends when the user's has moved on.
    pub epoch: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When its secret was last replaced; one [`GRACE`] before it began where it never was.
    pub rotated_at: Timestamp,
    /// When it ends if it is not used before. To the second.
    #[serde(deserialize_with = "seconds")]
    pub expires_at: Timestamp,
    /// When it ends. To the second.
    #[serde(deserialize_with = "seconds")]
    pub ends_at: Timestamp,
    current_hash: String,
    previous_hash: Option<String>,
    derived_with: Option<String>,
    /// How many rotations there were. Sessions of an earlier version begin to count with their next one.
    #[serde(default)]
    rotations: u64,
    /// Whether the present secret was presented while it was kept.
    #[serde(default)]
    presented: bool,
    late_answer: Option<LateAnswer>,
}

/// The last late answer of a session.
#[derive(Clone, Copy, Deserialize)]
struct LateAnswer {
    /// How many rotations there were by then.
    rotations: u64,
    at: Timestamp,
}

/// What becomes of a token that was presented to be refreshed, when the session was not rotated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// The session is of another kind, or is over.
    Over,
    /// The token is the present one, and younger than the grace: it stays.
    Keep {
        /// Whether the session knows already that it was presented.
        known: bool,
    },
    /// The token was rotated within the grace, with this nonce: its successor is given again.
    GiveAgain(&'a str),
    /// The token was rotated before the grace, and its successor is given late.
    GiveLate {
        /// The nonce of the rotation.
        nonce: &'a str,
        /// Whether this answer was given before, within the grace.
        again: bool,
    },
    /// The token was used before: the family ends.
    Reused,
}

impl Session {
    /// Whether it can still be used: neither idle for too long, nor older than a session gets, nor ended by the
    /// user, whose present epoch this is.
    pub fn is_alive(&self, epoch: u64, now: Timestamp) -> bool {
        self.epoch == epoch && !self.is_over(now)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        // In whole seconds, as they are stored and as the conditional writes compare them.
        self.expires_at.secs() <= now.secs() || self.ends_at.secs() <= now.secs()
    }

    /// What becomes of a secret that was presented, when no rotation took place.
    ///
    /// The store's conditional write rotates exactly where this would say [`Verdict::Keep`] but for the token's age.
    pub(crate) fn judge(&self, policy: &RefreshPolicy, secret: &str, now: Timestamp) -> Verdict<'_> {
        if self.kind != policy.kind || self.is_over(now) {
            return Verdict::Over;
        }
        // Hashes of secrets that nobody can steer: how long their comparison takes tells nothing.
        let presented = sha256(secret);
        if presented == self.current_hash {
            return Verdict::Keep { known: self.presented };
        }
        let Some(nonce) = self.derived_with.as_deref().filter(|_| self.previous_hash == Some(presented))
        else {
            return Verdict::Reused;
        };
        if self.rotated_at.plus(GRACE) > now {
            return Verdict::GiveAgain(nonce);
        }
        // GoTrue stops here: the successor is unused, so its reply was lost. A thief and the user could then refresh
        // side by side for good, each of them late in turn.
        if self.presented || self.rotated_at.plus(policy.lost_reply) <= now {
            return Verdict::Reused;
        }
        match self.late_answer {
            Some(late) if late.rotations == self.rotations && late.at.plus(GRACE) > now => {
                Verdict::GiveLate { nonce, again: true }
            }
            Some(late) if self.rotations < late.rotations.saturating_add(CLEAN_ROTATIONS) => Verdict::Reused,
            _ => Verdict::GiveLate { nonce, again: false },
        }
    }

    /// What tells this state of the session from all others, for a conditional write.
    pub(crate) fn generation(&self) -> Generation<'_> {
        Generation { current_hash: &self.current_hash, rotations: self.rotations }
    }
}

/// A generation of a session: the secret that it has, and how many it had.
#[derive(Clone, Copy)]
pub(crate) struct Generation<'a> {
    pub(crate) current_hash: &'a str,
    pub(crate) rotations: u64,
}

/// Whether this has the form of a [`Session::id`]. What others mint may name anything, even what is no key of the table.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 2 * digest::SHA256_OUTPUT_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// SHA-256 in hexadecimal, as families and secrets are stored.
pub(crate) fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// The last `length` digits in base 62 of a number, of which these are the bytes, the highest first.
fn base62(number: &[u8], length: usize) -> String {
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

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests;
