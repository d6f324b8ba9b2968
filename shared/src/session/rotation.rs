//! Sessions as they are stored, and what becomes of a token that is presented to be refreshed.
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

use ring::digest;
use serde::{Deserialize, Deserializer};

use super::token::sha256;
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};

/// How long a replay of a rotated token is answered as if it came first: two tabs refresh at once.
pub const GRACE: Duration = Duration::from_secs(30);

/// How many rotations follow a late answer before the session gives another.
pub const CLEAN_ROTATIONS: u64 = 3;

/// The longest time after a rotation for a late answer.
pub const MAX_LOST_REPLY: Duration = Duration::from_secs(24 * 3600);

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

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests;
