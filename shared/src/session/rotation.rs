//! Stored sessions, and the verdict on a token that a client presents for a refresh.
//!
//! **Rotation.** A refresh replaces the secret by its successor. That is the HMAC-SHA-256 of a nonce, with
//! the secret as the key. The session stores the nonce. Within the [`GRACE`] the previous secret gets the
//! same successor again. This is for another tab, or for a client that lost the reply and asks again at once.
//! A secret that is younger than the grace stays as it is.
//!
//! **Late answers.** A client that lost the reply may ask again much later. So the previous secret gets the
//! same successor after the grace too, for [`RefreshPolicy::lost_reply`] at most, unless a client has
//! presented that successor. After one late answer, the session gives the next one only after
//! [`CLEAN_ROTATIONS`]. Lost replies are rare. If two clients hold one token, one of them is late in every
//! generation.
//!
//! **Reuse.** Any other secret of the family was used before. So an attacker may hold a token of it, and the
//! family ends (RFC 9700 §4.14.2).

use std::time::Duration;

use ring::digest;
use serde::{Deserialize, Deserializer};

use super::token::{SecretHash, SessionSecret};
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};

/// How long after a rotation the previous token gets the same successor, any number of times.
pub const GRACE: Duration = Duration::from_secs(30);

/// The number of rotations between two late answers of a session.
pub const CLEAN_ROTATIONS: u64 = 3;

/// The longest time between a rotation and a late answer.
pub const MAX_LOST_REPLY: Duration = Duration::from_secs(24 * 3600);

/// The rules for refreshing one kind of session.
#[derive(Clone, Copy, Debug)]
pub struct RefreshPolicy {
    /// The kind: the contract that began the session.
    pub kind: &'static str,
    /// How long the session lasts without use after a refresh.
    pub idle: Duration,
    /// How long after a rotation the previous token gets a late answer. If this is not above [`GRACE`], there
    /// are no late answers.
    pub lost_reply: Duration,
}

/// Reads how long after a lost reply a client may ask again: `SESSION_LOST_REPLY_SECONDS`, 24 hours by
/// default and at most. The minimum of 30 seconds switches late answers off.
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
    /// The id of the session: SHA-256 of the family, in hexadecimal.
    #[serde(rename = "sk")]
    pub id: String,
    /// The kind: the contract that began the session.
    pub kind: String,
    /// The name that the client gave its device.
    pub device: Option<String>,
    /// The user's epoch when the session began. The session ends when the user's epoch is raised.
    pub epoch: u64,
    /// When the session began.
    pub created_at: Timestamp,
    /// When the secret was last replaced. One [`GRACE`] before `created_at` if it never was.
    pub rotated_at: Timestamp,
    /// When a session whose secret stays the same was last used. A new session was never used, and an
    /// earlier version of Postern did not store it.
    last_used: Option<Timestamp>,
    /// When the session ends if it is not used before, in whole seconds.
    #[serde(deserialize_with = "seconds")]
    pub expires_at: Timestamp,
    /// When the session ends in any case, in whole seconds.
    #[serde(deserialize_with = "seconds")]
    pub ends_at: Timestamp,
    current_hash: SecretHash,
    previous_hash: Option<SecretHash>,
    derived_with: Option<String>,
    /// The number of rotations. A session of an earlier version of Postern counts from its next rotation.
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

/// The verdict on a token that a client presented for a refresh and that did not rotate its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict<'a> {
    /// The session has another kind, or has ended.
    Ended,
    /// The token is the current one and younger than the grace, so it stays.
    Keep {
        /// Whether an earlier request has recorded that a client presented it.
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
    /// Returns whether the session can be used: it has not ended, and its epoch is the user's current one,
    /// which is given.
    pub fn is_alive(&self, epoch: u64, now: Timestamp) -> bool {
        self.epoch == epoch && !self.has_ended(now)
    }

    /// Returns when a session whose secret stays the same was last used, or when it began if no use is stored.
    pub fn last_used(&self) -> Timestamp {
        self.last_used.unwrap_or(self.created_at)
    }

    /// Returns the number of the session, for a contract whose ids are integers: the first 52 bits of SHA-256
    /// of the id. A counter would show how many sessions there are. JavaScript clients hold integers exactly
    /// below 2^53 only.
    ///
    /// Among 1,000 sessions of a user, two have the same number with a probability of 1 in 9 billion.
    pub fn number(&self) -> u64 {
        let digest = digest::digest(&digest::SHA256, self.id.as_bytes());
        digest.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)) >> 12
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        // The times are compared in whole seconds, as they are stored and as the conditional writes compare
        // them.
        self.expires_at.secs() <= now.secs() || self.ends_at.secs() <= now.secs()
    }

    /// Decides on a secret that a client presented and that did not rotate the session.
    ///
    /// If the token is older than the grace, the store's conditional write rotates exactly those sessions for
    /// which this method would return [`Verdict::Keep`].
    pub(crate) fn judge(
        &self,
        policy: &RefreshPolicy,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Verdict<'_> {
        if self.kind != policy.kind || self.has_ended(now) {
            return Verdict::Ended;
        }
        // A caller cannot choose these hashes, so the time of the comparison shows nothing of use.
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
        // The successor is unused, so the reply was lost. Supabase's GoTrue answers here without further
        // checks. But then an attacker and the user could both refresh forever, each of them late in turn.
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

    /// Returns the generation of the session, for a conditional write.
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

/// Returns whether a text has the form of a [`Session::id`]. A token that another backend signed may hold any
/// text, even one that DynamoDB does not accept as a key.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 2 * digest::SHA256_OUTPUT_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    u64::deserialize(deserializer).map(|seconds| Timestamp::from_millis(seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests;
