//! The addresses from which a user signed in, as the item of a login name keeps them.
//!
//! Attempts from a known address have a counter of their own. So failures from other addresses make only
//! other addresses wait, and the user can still sign in from where the user usually does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The most addresses of one login name.
const MAX_ADDRESSES: usize = 5;
/// How many days after a sign-in its address is known.
const KNOWN_DAYS: u64 = 90;
/// After how many days a sign-in from a known address is written again. It saves a write for most sign-ins.
const WRITTEN_AGAIN_AFTER_DAYS: u64 = 7;

/// The addresses from which a user signed in lately by one login name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownAddresses {
    /// The user's epoch at the last sign-in. In another epoch, no address is known: whoever signed in before
    /// may have been a thief.
    pub(crate) epoch: u64,
    /// The last day of a sign-in from each address, in days since 1970. The key is
    /// [`RecoveryKey::digest_address`](crate::second_factor::RecoveryKey::digest_address).
    days: BTreeMap<String, u64>,
}

impl KnownAddresses {
    /// Returns whether the address with this digest is known, unless the user's epoch has changed.
    pub(crate) fn contains(&self, digest: &str, now: Timestamp) -> bool {
        self.days.get(digest).is_some_and(|day| is_known(*day, now))
    }

    /// Returns the digests of the addresses that are known in this epoch of the user.
    pub fn digests(&self, epoch: u64, now: Timestamp) -> impl Iterator<Item = &str> {
        let known = self.days.iter().filter(move |(_, day)| self.epoch == epoch && is_known(**day, now));
        known.map(|(digest, _)| digest.as_str())
    }

    /// Returns the addresses after a sign-in from this address in this epoch. Returns `None` if the sign-in
    /// need not be written.
    pub(crate) fn after_sign_in(&self, digest: &str, epoch: u64, now: Timestamp) -> Option<Self> {
        let today = day(now);
        let mut days = if self.epoch == epoch { self.days.clone() } else { BTreeMap::new() };
        if days.get(digest).is_some_and(|day| today <= day.saturating_add(WRITTEN_AGAIN_AFTER_DAYS)) {
            return None;
        }
        days.retain(|_, day| is_known(*day, now));
        days.insert(digest.to_owned(), today);
        while days.len() > MAX_ADDRESSES {
            let others = days.iter().filter(|(other, _)| *other != digest);
            let oldest = others.min_by_key(|(_, day)| **day).map(|(other, _)| other.clone())?;
            days.remove(&oldest);
        }
        Some(Self { epoch, days })
    }
}

fn is_known(day_of_sign_in: u64, now: Timestamp) -> bool {
    day(now) <= day_of_sign_in.saturating_add(KNOWN_DAYS)
}

fn day(now: Timestamp) -> u64 {
    now.secs() / (24 * 3600)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn in_days(days: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(days * 24 * 3600))
    }

    fn known(addresses: &[&str]) -> KnownAddresses {
        addresses.iter().fold(KnownAddresses::default(), |known, address| {
            known.after_sign_in(address, 7, NOW).unwrap_or(known)
        })
    }

    fn count(known: &KnownAddresses, epoch: u64, now: Timestamp) -> usize {
        known.digests(epoch, now).count()
    }

    #[test]
    fn address_is_known_for_ninety_days_after_a_sign_in() {
        let known = known(&["home"]);
        assert!(known.contains("home", NOW) && known.contains("home", in_days(90)));
        assert!(!known.contains("home", in_days(91)) && !known.contains("elsewhere", NOW));
        // The clock of another function may be behind by a midnight.
        assert!(known.contains("home", NOW.minus(Duration::from_secs(24 * 3600))));
        assert_eq!([0, 90, 91].map(|days| count(&known, 7, in_days(days))), [1, 1, 0]);
        assert!(!KnownAddresses::default().contains("home", NOW));
    }

    #[test]
    fn sign_in_from_a_known_address_is_written_after_a_week() {
        let known = known(&["home"]);
        assert_eq!([0, 7].map(|days| known.after_sign_in("home", 7, in_days(days))), [None, None]);
        let again = known.after_sign_in("home", 7, in_days(8)).unwrap();
        assert!(again.contains("home", in_days(98)) && count(&again, 7, in_days(8)) == 1);
    }

    #[test]
    fn sixth_address_replaces_the_one_that_signed_in_longest_ago() {
        let mut addresses = known(&["a"]);
        for (day, address) in [(8, "b"), (9, "c"), (10, "a"), (11, "d"), (12, "e")] {
            addresses = addresses.after_sign_in(address, 7, in_days(day)).unwrap();
        }
        let sixth = addresses.after_sign_in("f", 7, in_days(13)).unwrap();
        let known: Vec<&str> = sixth.days.keys().map(String::as_str).collect();
        assert_eq!(known, ["a", "c", "d", "e", "f"]);
        // On one day, the address that signs in now is never the one that goes.
        let many = self::known(&["1", "2", "3", "4", "5", "0"]);
        assert!(many.days.len() == MAX_ADDRESSES && many.contains("0", NOW));
    }

    #[test]
    fn new_epoch_forgets_every_address_but_the_one_of_the_sign_in() {
        let known = known(&["home", "office"]);
        assert_eq!([7, 8].map(|epoch| count(&known, epoch, NOW)), [2, 0]);
        let after = known.after_sign_in("home", 8, NOW).unwrap();
        assert_eq!((after.epoch, count(&after, 8, NOW)), (8, 1));
        assert!(after.contains("home", NOW) && !after.contains("office", NOW));
    }

    #[test]
    fn addresses_that_are_not_known_any_more_are_dropped_when_one_is_written() {
        let after = known(&["home", "office"]).after_sign_in("hotel", 7, in_days(91)).unwrap();
        assert_eq!(after.days.len(), 1);
    }
}
