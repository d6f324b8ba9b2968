//! The time, and the one place that asks the machine for it.
//!
//! Everything else takes the time as an argument, so that a policy can be tested at its boundaries. Clippy's
//! `disallowed-methods` keeps it so.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// A moment: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down: a JWT's NumericDate (RFC 7519 §2).
    pub const fn secs(self) -> u64 {
        self.0 / 1000
    }

    /// This moment, later by `duration`.
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_millis() as u64))
    }

    /// This moment, earlier by `duration`, but not before the epoch.
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_millis() as u64))
    }

    /// How long it is from `earlier` until this moment; zero where that lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// ISO 8601 in UTC with milliseconds, as JavaScript's `toISOString` writes it.
    ///
    /// `None` for a moment after the year 9999.
    pub fn iso8601(self) -> Option<String> {
        const FORMAT: &[BorrowedFormatItem<'_>] =
            format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?.format(FORMAT).ok()
    }
}

/// The machine's clock. A clock before 1970 reads as 1970, which every expiry check survives.
#[expect(clippy::disallowed_methods, reason = "the one source of time")]
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(elapsed.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso8601_is_what_javascript_writes() {
        assert_eq!(Timestamp(1_668_881_722_642).iso8601().unwrap(), "2022-11-19T18:15:22.642Z");
        assert_eq!(Timestamp(0).iso8601().unwrap(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(u64::MAX).iso8601(), None);
    }
}
