//! A session that begins with a sign-in.

use std::time::Duration;

use super::rotation::GRACE;
use super::token::{FAMILY_LENGTH, SessionToken, base62};
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};
use crate::random::random;

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
