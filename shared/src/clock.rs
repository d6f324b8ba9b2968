//! Moments in time, and the only function that reads the machine's clock.
//!
//! All other code takes the time as an argument, so that tests can choose it. Clippy's `disallowed-methods`
//! enforces this.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// A moment, in milliseconds since the Unix epoch (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Makes a moment from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, rounded down: a JWT's NumericDate (RFC 7519 §2).
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// Returns the moment that is later than this one by `duration`.
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as u64))
    }

    /// Returns the moment that is earlier than this one by `duration`, and not before the epoch.
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_millis() as u64))
    }

    /// Returns the time from `earlier` until this moment. Returns zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment in ISO 8601, in UTC with milliseconds, as JavaScript's `toISOString` does.
    ///
    /// Returns `None` if the moment is after the year 9999.
    pub fn iso8601(self) -> Option<String> {
        self.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        ))
    }

    /// Returns the moment in ISO 8601, in UTC with microseconds, as PHP's Carbon does. The last three digits
    /// are zeros.
    ///
    /// Returns `None` if the moment is after the year 9999.
    pub fn iso8601_micros(self) -> Option<String> {
        self.format(format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        ))
    }

    fn format(self, format: &[BorrowedFormatItem<'_>]) -> Option<String> {
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(format).ok()
    }
}

/// Reads the machine's clock. A clock that is before 1970 reads as 1970, so no expiry check overflows.
#[expect(clippy::disallowed_methods, reason = "the one source of time")]
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(elapsed.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_written_as_javascript_writes_it() {
        assert_eq!(Timestamp(1_668_881_722_642).iso8601().unwrap(), "2022-11-19T18:15:22.642Z");
        assert_eq!(Timestamp(0).iso8601().unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(u64::MAX).iso8601(), None);
    }

    #[test]
    fn timestamp_is_written_as_carbon_writes_it() {
        assert_eq!(Timestamp(1_569_432_996_042).iso8601_micros().unwrap(), "2019-09-25T17:36:36.042000Z");
        assert_eq!(Timestamp(u64::MAX).iso8601_micros(), None);
    }
}
