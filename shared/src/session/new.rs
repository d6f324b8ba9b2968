//! New sessions. A session begins with a sign-in.

use std::time::Duration;

use super::rotation::GRACE;
use super::token::{FAMILY_LENGTH, SessionSecret, SessionToken, base62};
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};
use crate::random::random;

/// The session that a contract asks for with a sign-in.
pub struct SessionRequest {
    /// The kind of session: the name of the contract. So no contract accepts the session token of another.
    pub kind: &'static str,
    /// The name of the device, as the client sends it.
    pub device: Option<String>,
    /// The token's secret.
    pub secret: SessionSecret,
    /// The session ends after this long without use.
    pub idle: Duration,
    /// The session ends after this long in any case.
    pub absolute: Duration,
}

/// A session that begins now.
pub struct NewSession {
    /// The token of the session.
    pub token: SessionToken,
    pub(crate) kind: &'static str,
    pub(crate) device: Option<String>,
    pub(crate) epoch: u64,
    pub(crate) created_at: Timestamp,
    /// One [`GRACE`] before `created_at`, so that the first refresh rotates.
    pub(crate) rotated_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) ends_at: Timestamp,
}

impl NewSession {
    /// Makes a session with a random family for the user with this id and epoch.
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

/// Reads the two lifetimes of sessions: without use (`SESSION_IDLE_SECONDS`, 30 days by default), and in any
/// case (`SESSION_ABSOLUTE_SECONDS`, 365 days by default).
///
/// # Errors
/// If a variable is malformed or out of bounds.
pub fn lifetimes(env: &Environment) -> Result<(Duration, Duration), ConfigError> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let idle = env.seconds("SESSION_IDLE_SECONDS", DAY * 30)?;
    let absolute = env.seconds("SESSION_ABSOLUTE_SECONDS", DAY * 365)?;
    Ok((idle, absolute))
}
