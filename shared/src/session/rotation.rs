//! Sessions as they are stored, and what becomes of a token that is presented to be refreshed.
//!
//! **Rotation.** A refresh replaces the secret by its successor: HMAC-SHA-256 of the secret under a nonce that the session
//! stores. Within the [`GRACE`] the previous secret gets the same successor again, for another tab or for a client that
//! lost the reply and asks again at once. A secret that is younger than the grace stays as it is.
//!
//! **Late answers.** A client that lost the reply may ask again much later. So the previous secret gets the same successor
//! after the grace too, as long as nobody has presented that successor, and for [`RefreshPolicy::lost_reply`] at most. The
//! session gives one such late answer, and the next one only after [`CLEAN_ROTATIONS`]. Lost replies are rare; but if two
//! clients hold one token, one of them is late in every generation.
//!
//! Any other secret of the family was used before, by a thief or after one. It ends the family (RFC 9700 §4.14.2).

use std::time::Duration;

use ring::digest;
use serde::{Deserialize, Deserializer};

use super::token::{SecretHash, SessionSecret};
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};

/// How long after a rotation the previous token is answered as if it came first.
pub const GRACE: Duration = Duration::from_secs(30);

/// The number of rotations between two late answers of a session.
pub const CLEAN_ROTATIONS: u64 = 3;

/// The longest time between a rotation and a late answer.
pub const MAX_LOST_REPLY: Duration = Duration::from_secs(24 * 3600);

/// How one kind of session is refreshed.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// The kind: the contract that began the session.
    pub kind: &'static str,
    /// How long the session lasts without use after a refresh.
    pub idle: Duration,
    /// How long after a rotation the previous token gets a late answer. There is none if this is not above [`GRACE`].
    pub lost_reply: Duration,
}

/// Reads how long a client may take to ask again for a refresh whose reply was lost: `SESSION_LOST_REPLY_SECONDS`, 24 hours
/// by default and at most. 30 seconds, the minimum, mean no late answers.
///
/// # Errors
/// If the variable is malformed or out of bounds.
pub fn lost_reply(env: &Environment) -> Result<Duration, ConfigError> {
    let (least, most) = (GRACE.as_secs(), MAX_LOST_REPLY.as_secs());
    env.number("SESSION_LOST_REPLY_SECONDS", most, least, most).map(Duration::from_secs)
}

/// A session as it is stored. It has no `Debug`.
#[derive(Clone, Deserialize)]
pub struct Session {
    /// Which of the user's sessions it is: SHA-256 of the family, in hexadecimal.
    #[serde(rename = "sk")]
    pub id: String,
    /// What kind of session it is: the contract that began it.
    pub kind: String,
    /// The name that the client gave its device.
    pub device: Option<String>,
    /// The user's epoch when the session began. The session ends when the user's epoch is raised.
    pub epoch: u64,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the secret was last replaced. One [`GRACE`] before `created_at` if it never was.
    pub rotated_at: Timestamp,
    /// When the session ends unless it is used before, to the second.
    #[serde(deserialize_with = "seconds")]
    pub expires_at: Timestamp,
    /// When the session ends in any case, to the second.
    #[serde(deserialize_with = "seconds")]
    pub ends_at: Timestamp,
    current_hash: SecretHash,
    previous_hash: Option<SecretHash>,
    derived_with: Option<String>,
    /// The number of rotations. Sessions of an earlier version begin to count with their next one.
    #[serde(default)]
    rotations: u64,
    /// Whether a client presented the current secret while it was too young to rotate.
    #[serde(default)]
    presented: bool,
    late_answer: Option<LateAnswer>,
}

/// The last late answer of a session.
#[derive(Clone, Copy, Deserialize)]
struct LateAnswer {
    /// The number of rotations at that time.
    rotations: u64,
    at: Timestamp,
}

/// What becomes of a token that was presented to be refreshed and did not rotate its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// The session is of another kind, or has ended.
    Ended,
    /// The token is the current one and younger than the grace: it stays.
    Keep {
        /// Whether it is recorded already that a client presented it.
        recorded: bool,
    },
    /// The token was rotated within the grace, with this nonce: the client gets its successor again.
    GiveAgain(&'a str),
    /// The token was rotated before the grace: the client gets its successor late.
    GiveLate {
        /// The nonce of the rotation.
        nonce: &'a str,
        /// Whether this late answer was given before, within the grace.
        repeated: bool,
    },
    /// The token was used before: the family ends.
    Reused,
}

impl Session {
    /// Returns whether the session can be used: it is neither idle for too long, nor too old, nor of another epoch than
    /// the user's current one.
    pub fn is_alive(&self, epoch: u64, now: Timestamp) -> bool {
        self.epoch == epoch && !self.has_ended(now)
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        // In whole seconds, as they are stored and as the conditional writes compare them.
        self.expires_at.secs() <= now.secs() || self.ends_at.secs() <= now.secs()
    }

    /// Decides on a secret that was presented and rotated nothing.
    ///
    /// The store's conditional write rotates exactly the sessions for which this would return [`Verdict::Keep`] but for
    /// the token's age.
    pub(crate) fn judge(
        &self,
        policy: &RefreshPolicy,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Verdict<'_> {
        if self.kind != policy.kind || self.has_ended(now) {
            return Verdict::Ended;
        }
        // A caller cannot choose these hashes, so the time of the comparison tells nothing.
        let presented = secret.hash();
        if presented == self.current_hash {
            return Verdict::Keep { recorded: self.presented };
        }
        let Some(nonce) = self.derived_with.as_deref().filter(|_| self.previous_hash == Some(presented))
        else {
            return Verdict::Reused;
        };
        if self.rotated_at.plus(GRACE) > now {
            return Verdict::GiveAgain(nonce);
        }
        // GoTrue stops here: the successor is unused, so its reply was lost. Without the checks below, a thief and the
        // user could refresh side by side for good, each of them late in turn.
        if self.presented || self.rotated_at.plus(policy.lost_reply) <= now {
            return Verdict::Reused;
        }
        match self.late_answer {
            Some(late) if late.rotations == self.rotations && late.at.plus(GRACE) > now => {
                Verdict::GiveLate { nonce, repeated: true }
            }
            Some(late) if self.rotations < late.rotations.saturating_add(CLEAN_ROTATIONS) => Verdict::Reused,
            _ => Verdict::GiveLate { nonce, repeated: false },
        }
    }

    /// Returns what identifies this state of the session in a conditional write.
    pub(crate) fn generation(&self) -> Generation<'_> {
        Generation { current_hash: &self.current_hash, rotations: self.rotations }
    }
}

/// A generation of a session: its current secret, and the number of rotations before it.
#[derive(Clone, Copy)]
pub(crate) struct Generation<'a> {
    pub(crate) current_hash: &'a SecretHash,
    pub(crate) rotations: u64,
}

/// Returns whether this has the form of a [`Session::id`]. A token that another backend signed may hold any text, even
/// one that DynamoDB takes for no key.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 2 * digest::SHA256_OUTPUT_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests;
