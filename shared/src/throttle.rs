//! Throttling: how many attempts are admitted, as pure functions of a counter and the time.
//!
//! Two axes. **A login name**, whether it exists or not, has five free failures; then it must wait 1 s, 2 s,
//! 4 s and so on up to 15 minutes between attempts; after 33 failures in a row it is shut until an operator
//! opens it. A user has at most three names (username, e-mail, id), so at most 99 guesses in a row, below the
//! 100 of NIST SP 800-63B-4 §3.2.2. **An address** (IPv4, or IPv6 /64) has a number of failures per window.
//!
//! The counters live in the table: see [`crate::store`] for the conditional writes that enforce this.

use std::net::IpAddr;
use std::time::Duration;

use crate::ambient::Timestamp;

/// Failures of a login name that cost no waiting.
pub const FREE_FAILURES: u32 = 5;
/// Failures in a row that shut a login name.
pub const SHUT_AFTER: u32 = 33;
/// The longest wait between two attempts by one login name.
pub const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// How long the failures of an address are counted together.
pub const ADDRESS_WINDOW: Duration = Duration::from_secs(5 * 60);

/// How long a login name must wait after its last attempt, having failed this often in a row.
///
/// Nothing below [`FREE_FAILURES`]; from there 1 s, doubling, until [`LONGEST_WAIT`].
pub const fn wait(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None => Duration::ZERO,
        Some(rung) if rung < LONGEST_WAIT.as_secs().ilog2() + 1 => Duration::from_secs(1 << rung),
        Some(_) => LONGEST_WAIT,
    }
}

/// The rungs of the ladder: each number of failures whose wait is shorter than [`LONGEST_WAIT`], with it.
pub fn rungs() -> impl Iterator<Item = (u32, Duration)> {
    (FREE_FAILURES..SHUT_AFTER)
        .map(|failures| (failures, wait(failures)))
        .take_while(|(_, w)| *w < LONGEST_WAIT)
}

/// How long until a login name that was refused is admitted again. A name that is shut names the longest
/// wait, and so does not tell that waiting will not help.
pub fn retry_after(failures: u32, charged_at: Timestamp, now: Timestamp) -> Duration {
    if failures >= SHUT_AFTER {
        return LONGEST_WAIT;
    }
    charged_at.plus(wait(failures)).since(now)
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

/// The window in which `now` lies, and how long it still lasts.
pub const fn address_window(now: Timestamp) -> (u64, Duration) {
    let length = ADDRESS_WINDOW.as_millis() as u64;
    let window = now.millis() / length;
    (window, Duration::from_millis((window + 1) * length - now.millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder() {
        let seconds = |failures| wait(failures).as_secs();
        assert_eq!((0..5).map(seconds).collect::<Vec<_>>(), [0; 5]);
        assert_eq!(
            (5..17).map(seconds).collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        );
        assert_eq!(seconds(u32::MAX), 900);
        assert_eq!(rungs().map(|(f, _)| f).collect::<Vec<_>>(), (5..=14).collect::<Vec<_>>());
    }

    #[test]
    fn retry_after_counts_from_the_last_attempt() {
        let at = Timestamp::from_millis;
        assert_eq!(retry_after(5, at(10_000), at(10_000)), Duration::from_millis(1000));
        assert_eq!(retry_after(5, at(10_000), at(10_999)), Duration::from_millis(1));
        assert_eq!(retry_after(5, at(10_000), at(11_000)), Duration::ZERO);
        assert_eq!(retry_after(33, at(0), at(u64::MAX)), LONGEST_WAIT);
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

    #[test]
    fn windows() {
        assert_eq!(address_window(Timestamp::from_millis(0)), (0, ADDRESS_WINDOW));
        assert_eq!(address_window(Timestamp::from_millis(299_999)), (0, Duration::from_millis(1)));
        assert_eq!(address_window(Timestamp::from_millis(300_000)), (1, ADDRESS_WINDOW));
    }
}
