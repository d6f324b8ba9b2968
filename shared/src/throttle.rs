//! Throttling: how many attempts are admitted, as pure functions of a counter and the time.
//!
//! Two axes. **A login name**, whether it exists or not, has five free failures; then it must wait 1 s, 2 s,
//! 4 s and so on up to 15 minutes between attempts; after 33 failures in a row it is shut until an operator
//! opens it. A user has at most three names (username, e-mail, id), so at most 99 guesses in a row, below the
//! 100 of NIST SP 800-63B-4 §3.2.2; so no setting can raise the 33. **An address** (IPv4, or IPv6 /64) has a number
//! of failures per window.
//!
//! An attempt is charged before anything is hashed, and one that is refused is not counted: nobody lengthens
//! another's wait by asking. The counters live in the table; [`crate::store`] enforces with one conditional write
//! what [`Policy::name`] and [`Policy::address`] say here, and a test holds the two against each other.

use std::net::IpAddr;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};

/// How many attempts are admitted. The defaults are [`Policy::DEFAULT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Failures of a login name that cost no waiting, `THROTTLE_FREE_FAILURES`.
    pub free_failures: u32,
    /// Failures in a row that shut a login name, `THROTTLE_LOCK_AFTER`.
    pub lock_after: u32,
    /// The longest wait between two attempts by one login name, `THROTTLE_MAX_WAIT_SECONDS`.
    pub longest_wait: Duration,
    /// Failures admitted from one address per window, `THROTTLE_ADDRESS_LIMIT`.
    pub address_limit: u32,
    /// How long the failures of an address are counted together, `THROTTLE_ADDRESS_WINDOW_SECONDS`.
    pub address_window: Duration,
}

/// A login name's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Failures in a row, attempts under way included.
    pub failures: u32,
    /// When the last of them was charged.
    pub charged_at: Timestamp,
}

impl Policy {
    /// The settings of an environment that sets none.
    pub const DEFAULT: Self = Self {
        free_failures: 5,
        lock_after: 33,
        longest_wait: Duration::from_secs(15 * 60),
        address_limit: 30,
        address_window: Duration::from_secs(5 * 60),
    };

    /// Reads the settings.
    ///
    /// # Errors
    /// On the first that is malformed or out of bounds.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        const DAY: u64 = 24 * 3600;
        let default = Self::DEFAULT;
        let seconds =
            |name, default: Duration| env.number(name, default.as_secs(), 1, DAY).map(Duration::from_secs);
        let lock_after = env.number("THROTTLE_LOCK_AFTER", default.lock_after, 1, default.lock_after)?;
        let free_failures =
            env.number("THROTTLE_FREE_FAILURES", default.free_failures, 1, default.lock_after)?;
        Ok(Self {
            // A name may be shut before it ever waits.
            free_failures: free_failures.min(lock_after),
            lock_after,
            longest_wait: seconds("THROTTLE_MAX_WAIT_SECONDS", default.longest_wait)?,
            address_limit: env.number("THROTTLE_ADDRESS_LIMIT", default.address_limit, 1, 1_000_000)?,
            address_window: seconds("THROTTLE_ADDRESS_WINDOW_SECONDS", default.address_window)?,
        })
    }

    /// Whether an attempt by a login name with this counter is admitted now.
    ///
    /// # Errors
    /// With the time until one is. A name that is shut names the longest wait, and so does not tell that waiting
    /// will not help.
    pub fn name(&self, counter: Attempts, now: Timestamp) -> Result<(), Duration> {
        if counter.failures >= self.lock_after {
            return Err(self.longest_wait);
        }
        // Of these not even another function's clock, ahead of ours, makes a wait.
        if counter.failures < self.free_failures {
            return Ok(());
        }
        let wait = counter.charged_at.plus(self.wait(counter.failures)).since(now);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// How long a login name must wait after its last attempt, having failed this often in a row.
    ///
    /// Nothing below the free failures; from there 1 s, doubling, up to the longest wait.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(rung) = failures.checked_sub(self.free_failures) else { return Duration::ZERO };
        let seconds = 1_u64.checked_shl(rung).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(self.longest_wait)
    }

    /// The rungs of the ladder: each number of failures whose wait is shorter than the longest, with it.
    pub(crate) fn rungs(&self) -> impl Iterator<Item = (u32, Duration)> {
        (self.free_failures..self.lock_after)
            .map(|failures| (failures, self.wait(failures)))
            .take_while(|(_, wait)| *wait < self.longest_wait)
    }

    /// Whether an attempt from an address with this many failures in the present window is admitted.
    ///
    /// # Errors
    /// With the time until the next window.
    pub fn address(&self, failures: u32, now: Timestamp) -> Result<(), Duration> {
        if failures < self.address_limit { Ok(()) } else { Err(self.window(now).1) }
    }

    /// The window in which `now` lies, and how long it still lasts.
    pub(crate) const fn window(&self, now: Timestamp) -> (u64, Duration) {
        let length = self.address_window.as_millis() as u64;
        let window = now.millis() / length;
        (window, Duration::from_millis((window + 1) * length - now.millis()))
    }
}

/// The caller's address as it is counted: an IPv6 customer has a whole /64, so that is one address.
///
/// What is no address counts as one, so that a proxy which hides addresses does not switch the limit off.
pub fn address_key(source_ip: &str) -> String {
    match source_ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy::DEFAULT;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_ladder() {
        let seconds = |failures| POLICY.wait(failures).as_secs();
        assert_eq!((0..5).map(seconds).collect::<Vec<_>>(), [0; 5]);
        assert_eq!(
            (5..17).map(seconds).collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        );
        assert_eq!(seconds(u32::MAX), 900);
        assert_eq!(POLICY.rungs().map(|(f, _)| f).collect::<Vec<_>>(), (5..=14).collect::<Vec<_>>());
    }

    #[test]
    fn each_rung_opens_at_its_millisecond_and_not_before() {
        let charged_at = at(1_000_000);
        for failures in 0..33 {
            let counter = Attempts { failures, charged_at };
            let opens = charged_at.plus(POLICY.wait(failures));
            assert_eq!(POLICY.name(counter, opens), Ok(()), "{failures}");
            assert_eq!(POLICY.name(counter, at(u64::MAX)), Ok(()), "{failures}");
            if failures >= 5 {
                let early = opens.minus(Duration::from_millis(1));
                assert_eq!(POLICY.name(counter, early), Err(Duration::from_millis(1)), "{failures}");
                assert_eq!(POLICY.name(counter, charged_at), Err(POLICY.wait(failures)), "{failures}");
            }
        }
        for failures in [33, 34, u32::MAX] {
            let counter = Attempts { failures, charged_at: at(0) };
            assert_eq!(POLICY.name(counter, at(u64::MAX)), Err(Duration::from_secs(900)), "{failures}");
        }
    }

    /// Another function's clock may be ahead of ours: that is a longer wait, and no overflow.
    #[test]
    fn a_charge_from_the_future_is_waited_for() {
        let counter = Attempts { failures: 5, charged_at: at(2_000) };
        assert_eq!(POLICY.name(counter, at(0)), Err(Duration::from_millis(3_000)));
        let counter = Attempts { failures: 4, charged_at: at(2_000) };
        assert_eq!(POLICY.name(counter, at(0)), Ok(()));
        let counter = Attempts { failures: 5, charged_at: at(u64::MAX) };
        assert!(POLICY.name(counter, at(0)).is_err());
    }

    #[test]
    fn an_address_has_its_limit_per_window() {
        let start = at(300_000);
        assert_eq!(POLICY.address(29, start), Ok(()));
        assert_eq!(POLICY.address(30, start), Err(Duration::from_secs(300)));
        assert_eq!(POLICY.address(30, at(599_999)), Err(Duration::from_millis(1)));
        assert_eq!(POLICY.window(at(299_999)).0, 0);
        assert_eq!(POLICY.window(start).0, 1);
        assert_eq!(POLICY.window(at(600_000)).0, 2);
    }

    #[test]
    fn settings_are_read_and_bounded() {
        let read = |settings: &[(&str, &str)]| Policy::from_env(&Environment::of(settings.iter().copied()));
        assert_eq!(read(&[]), Ok(POLICY));
        let set = [
            ("THROTTLE_FREE_FAILURES", "2"),
            ("THROTTLE_LOCK_AFTER", "10"),
            ("THROTTLE_MAX_WAIT_SECONDS", "3"),
            ("THROTTLE_ADDRESS_LIMIT", "7"),
            ("THROTTLE_ADDRESS_WINDOW_SECONDS", "60"),
        ];
        let policy = read(&set).unwrap();
        assert_eq!((0..6).map(|f| policy.wait(f).as_secs()).collect::<Vec<_>>(), [0, 0, 1, 2, 3, 3]);
        assert_eq!(policy.rungs().collect::<Vec<_>>().len(), 2);
        assert_eq!(
            policy.name(Attempts { failures: 10, charged_at: at(0) }, at(u64::MAX)),
            Err(policy.longest_wait)
        );
        assert_eq!((policy.address_limit, policy.address_window), (7, Duration::from_secs(60)));
        let policy = read(&[("THROTTLE_LOCK_AFTER", "3")]).unwrap();
        let after = |failures| policy.name(Attempts { failures, charged_at: at(0) }, at(0));
        assert_eq!([2, 3].map(after), [Ok(()), Err(Duration::from_secs(900))]);
        assert_eq!((policy.free_failures, policy.rungs().count()), (3, 0));
        for (name, value) in [
            ("THROTTLE_FREE_FAILURES", "0"),
            ("THROTTLE_FREE_FAILURES", "34"),
            ("THROTTLE_FREE_FAILURES", "many"),
            ("THROTTLE_LOCK_AFTER", "0"),
            ("THROTTLE_LOCK_AFTER", "34"),
            ("THROTTLE_MAX_WAIT_SECONDS", "0"),
            ("THROTTLE_MAX_WAIT_SECONDS", "86401"),
            ("THROTTLE_ADDRESS_LIMIT", "0"),
            ("THROTTLE_ADDRESS_LIMIT", "-1"),
            ("THROTTLE_ADDRESS_WINDOW_SECONDS", "0"),
        ] {
            assert_eq!(read(&[(name, value)]).unwrap_err().variable, name, "{value}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(address_key("192.0.2.7"), "192.0.2.7");
        assert_eq!(address_key("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(address_key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(address_key("2001:db8:1:2::9"), "2001:db8:1:2::/64");
        assert_eq!(address_key("2001:db8::1"), "2001:db8:0:0::/64");
        assert_eq!(address_key(""), "unknown");
    }
}
