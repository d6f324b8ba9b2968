//! Throttling: how many attempts are admitted, as pure functions of a counter and the time.
//!
//! An attempt has two counters of three kinds. **A login name**, whether it exists or not, has five free
//! failures. Then it must wait 1 s, 2 s, 4 s and so on up to 15 minutes between attempts. After 25 failures in
//! a row it is locked until an operator unlocks it, or its user resets the password. **The known addresses** of
//! a user, from which the user signed in lately ([`KnownAddresses`]), have one counter with the same waits, and
//! 24 failures. An attempt from there counts there instead, so failures from other addresses do not lock the
//! user out at home. A user has at most three names (username, e-mail, id), so at most 3 × 25 + 24 = 99 guesses
//! in a row are possible. NIST SP 800-63B-4 §3.2.2 allows 100. So no setting can raise the 25.
//! **An address** (IPv4, or IPv6 /64) has a number of failures per window. Successes may use up to a third of
//! them. It also has ten times as many attempts that a name refused.
//!
//! Two more counters bound the mails with a reset code: [`MAIL_BACKOFF`] for each login name, and
//! [`MAILS_PER_ADDRESS`] for each address.
//!
//! An attempt is charged before anything is hashed. A refused attempt does not count for the name, so an
//! attacker cannot lengthen a user's wait by trying. The counters are in the table: [`crate::store`] enforces with one
//! conditional write what [`Backoff::admit`] and [`Policy::address`] compute here, and a test compares the two.

mod known_addresses;

use std::net::IpAddr;
use std::time::Duration;

pub use self::known_addresses::KnownAddresses;
use crate::clock::Timestamp;
use crate::environment::{ConfigError, Environment};

/// The most failures in a row from the known addresses of a user. Those of three names are added.
const KNOWN_LOCK_AFTER: u32 = 24;

/// The key of what is not an address.
const UNKNOWN_ADDRESS: &str = "unknown";

/// The settings of the throttle. The defaults are [`Policy::DEFAULT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The number of failures of a login name before it must wait, `THROTTLE_FREE_FAILURES`.
    pub free_failures: u32,
    /// The failures in a row that lock a login name, `THROTTLE_LOCK_AFTER`.
    pub lock_after: u32,
    /// The longest wait between two attempts by one login name, `THROTTLE_MAX_WAIT_SECONDS`.
    pub longest_wait: Duration,
    /// The charges that are admitted from one address per window, `THROTTLE_ADDRESS_LIMIT`: failures, and
    /// successes up to a third.
    pub address_limit: u32,
    /// The length of a window of an address, `THROTTLE_ADDRESS_WINDOW_SECONDS`.
    pub address_window: Duration,
}

/// How the waits between attempts grow with the failures that one counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The number of failures that no wait follows.
    pub free: u32,
    /// The first wait. Each further failure doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The failures after which no attempt is admitted. [`u32::MAX`] stands for no such number.
    pub lock_after: u32,
}

/// The backoff of the mails with a reset code, for each login name, whether it exists or not. So nobody is flooded
/// with mail, and the tries of six digits stay few. It never locks: a lock would keep a user from the mail.
pub const MAIL_BACKOFF: Backoff = Backoff {
    free: 3,
    first_wait: Duration::from_secs(15 * 60),
    longest_wait: Duration::from_secs(24 * 3600),
    lock_after: u32::MAX,
};

/// How many mails with a reset code one address may ask for in each [`MAIL_WINDOW`].
pub const MAILS_PER_ADDRESS: u32 = 20;

/// The length of a window of [`MAILS_PER_ADDRESS`].
pub const MAIL_WINDOW: Duration = Duration::from_secs(3600);

/// The counter of a login name, or of a user's known addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The failures in a row, attempts under way included.
    pub failures: u32,
    /// When the last of them was charged.
    pub charged_at: Timestamp,
}

/// The counter of an address in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressAttempts {
    /// The failures, attempts under way and some successes included.
    pub failures: u32,
    /// The attempts that a name refused.
    pub refused: u32,
}

/// Whether an attempt is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    /// The attempt is counted and may go on.
    Admitted,
    /// The attempt is not counted. The next one is admitted after this time.
    Refused(Duration),
}

impl Policy {
    /// The settings if the environment sets none.
    pub const DEFAULT: Self = Self {
        free_failures: 5,
        lock_after: 25,
        longest_wait: Duration::from_secs(15 * 60),
        address_limit: 30,
        address_window: Duration::from_secs(5 * 60),
    };

    /// Reads the settings.
    ///
    /// # Errors
    /// If a variable is malformed or out of bounds: the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        const DAY: u64 = 24 * 3600;
        let default = Self::DEFAULT;
        let seconds =
            |name, default: Duration| env.number(name, default.as_secs(), 1, DAY).map(Duration::from_secs);
        let lock_after = env.number("THROTTLE_LOCK_AFTER", default.lock_after, 1, default.lock_after)?;
        let free_failures =
            env.number("THROTTLE_FREE_FAILURES", default.free_failures, 1, default.lock_after)?;
        Ok(Self {
            // A name may be locked before it ever waits.
            free_failures: free_failures.min(lock_after),
            lock_after,
            longest_wait: seconds("THROTTLE_MAX_WAIT_SECONDS", default.longest_wait)?,
            address_limit: env.number("THROTTLE_ADDRESS_LIMIT", default.address_limit, 1, 1_000_000)?,
            address_window: seconds("THROTTLE_ADDRESS_WINDOW_SECONDS", default.address_window)?,
        })
    }

    /// Returns the backoff of a login name: after the free failures come waits of 1 s, 2 s, 4 s and so on.
    pub const fn backoff(&self) -> Backoff {
        Backoff {
            free: self.free_failures,
            first_wait: Duration::from_secs(1),
            longest_wait: self.longest_wait,
            lock_after: self.lock_after,
        }
    }

    /// Returns the backoff of a user's known addresses. It is that of a login name with at most 24 failures.
    pub const fn known_addresses_backoff(&self) -> Backoff {
        let backoff = self.backoff();
        let lock_after =
            if backoff.lock_after < KNOWN_LOCK_AFTER { backoff.lock_after } else { KNOWN_LOCK_AFTER };
        let free = if backoff.free < lock_after { backoff.free } else { lock_after };
        Backoff { free, lock_after, ..backoff }
    }

    /// Decides on an attempt from an address with this counter in the current window. The wait of a refusal
    /// ends with the window.
    pub fn address(&self, counter: AddressAttempts, now: Timestamp) -> Admission {
        if counter.failures < self.address_limit && counter.refused < self.refused_limit() {
            Admission::Admitted
        } else {
            Admission::Refused(self.window(now).1)
        }
    }

    /// Returns how many attempts from an address a name may refuse per window. An office with one locked name
    /// is far below it, and a flood of attempts at a locked name ends.
    pub(crate) const fn refused_limit(&self) -> u32 {
        self.address_limit.saturating_mul(10)
    }

    /// Returns whether a success gets its charge of the address back, by the failures in the window when it was
    /// charged, its own included. The charge stays up to a third of the limit, which saves a write. So at least
    /// two thirds of the limit are left for failures.
    pub(crate) const fn refunds_success(&self, failures: u32) -> bool {
        failures > self.address_limit / 3
    }

    /// Returns the window that contains `now`, and how long it still lasts.
    pub(crate) const fn window(&self, now: Timestamp) -> (u64, Duration) {
        window(self.address_window, now)
    }
}

impl Backoff {
    /// Decides on an attempt at this counter.
    ///
    /// The reply at a locked counter shows the longest wait. So it does not show that the counter is locked.
    pub fn admit(&self, counter: Attempts, now: Timestamp) -> Admission {
        if counter.failures >= self.lock_after {
            return Admission::Refused(self.longest_wait);
        }
        // The clock of another function may be ahead of this one. A free failure must not wait because of it.
        if counter.failures < self.free {
            return Admission::Admitted;
        }
        let wait = counter.charged_at.plus(self.wait(counter.failures)).since(now);
        if wait.is_zero() { Admission::Admitted } else { Admission::Refused(wait) }
    }

    /// Returns the wait after this many failures in a row. It is zero below the free failures.
    pub fn wait(&self, failures: u32) -> Duration {
        let Some(rung) = failures.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(rung).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }

    /// Returns each number of failures that has a wait below the longest one, with that wait.
    pub(crate) fn shorter_waits(&self) -> impl Iterator<Item = (u32, Duration)> {
        (self.free..self.lock_after)
            .map(|failures| (failures, self.wait(failures)))
            .take_while(|(_, wait)| *wait < self.longest_wait)
    }
}

/// Returns which window of this length contains `now`, and how long it still lasts.
pub(crate) const fn window(length: Duration, now: Timestamp) -> (u64, Duration) {
    let length = length.as_millis() as u64;
    let window = now.millis() / length;
    (window, Duration::from_millis((window + 1) * length - now.millis()))
}

/// Returns the key under which a caller's address is counted. An IPv6 customer has a whole /64, so a /64
/// counts as one address.
///
/// Any text that is not an address counts as one and the same address. So a proxy that hides addresses does
/// not switch the limit off.
pub fn address_key(source_ip: &str) -> String {
    match source_ip.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(IpAddr::V4(v4)) => v4.to_string(),
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => UNKNOWN_ADDRESS.to_owned(),
    }
}

/// Returns whether a user can be known at the address with this key. All callers behind a proxy that hides
/// addresses have the same key, so nobody is known there.
pub(crate) fn can_be_known(address_key: &str) -> bool {
    address_key != UNKNOWN_ADDRESS
}

#[cfg(test)]
mod tests;
