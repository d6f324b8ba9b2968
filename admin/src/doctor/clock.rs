//! Compares this machine's clock with the clocks of DynamoDB and of the API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use postern::clock::Timestamp;

use crate::check::Check;

/// The largest harmless difference between two clocks. A TOTP code lasts 30 s, and a token of another machine
/// may be issued up to a minute in the future.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// Compares this machine's clock with that of another, `theirs`.
pub(super) fn clock(name: &'static str, whose: &str, ours: Timestamp, theirs: Timestamp) -> Check {
    let (skew, word) =
        if ours >= theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    let message = format!("this machine is {} s {word} {whose}", skew.as_secs());
    match skew > MAX_SKEW {
        false => Check::ok(name, message),
        true => Check::fail(
            name,
            format!(
                "{message}: times written from here are wrong, and AWS refuses requests from 5 minutes on; set the \
                 clock by NTP"
            ),
        ),
    }
}

/// Reads the header `Date` of a reply.
pub(super) fn date(header: &str) -> Option<Timestamp> {
    let date = DateTime::from_str(header, DateTimeFormat::HttpDate).ok()?;
    u64::try_from(date.to_millis().ok()?).ok().map(Timestamp::from_millis)
}

/// Records the `Date` of the last reply.
#[derive(Clone, Debug, Default)]
pub(super) struct DateSeen(Arc<Mutex<Option<Timestamp>>>);

impl DateSeen {
    /// Returns the date.
    pub(super) fn date(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateSeen {
    fn name(&self) -> &'static str {
        "the date of a reply"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let seen = context.response().headers().get("date").and_then(date);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::report;
    use crate::output::Exit;

    #[test]
    fn clock_may_differ_by_a_minute() {
        let theirs = Timestamp::from_millis(1_800_000_000_000);
        let minute = Duration::from_secs(60);
        let moment = Duration::from_millis(1);
        let exit = |ours| report(&[clock("clock", "DynamoDB", ours, theirs)]).exit;
        for ours in [theirs, theirs.plus(minute), theirs.minus(minute)] {
            assert_eq!(exit(ours), Exit::Done, "{ours:?}");
        }
        for ours in [theirs.plus(minute + moment), theirs.minus(minute + moment)] {
            assert_eq!(exit(ours), Exit::Failed, "{ours:?}");
        }
    }
}
