//! Where the attempts by a login name are counted.
//!
//! The counters of a user's names are a part of the user's item, so that the charge returns the user, and the
//! write that records a sign-in clears them. A name that no user has is counted in an item of its own. So is
//! an id, because nobody knows before the charge whether there is a user with this id.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::update::Update;
use super::{Item, LoginKind, key, number, text, user_pk};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::throttle::{Attempts, Backoff};

/// How long the counter of a name that no user has is kept after its last charge.
pub(super) const NAME_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The `charged_by` of a counter whose last charge was taken back or cleared.
pub(super) const NOBODY: &str = "-";

/// Where the attempts by a login name are counted.
#[derive(Clone, Debug)]
pub(crate) enum NameCounter {
    /// In an item of its own: the counter of a name that no user has, or of an id.
    Name(LoginName),
    /// In the item of the user with this id.
    User(u64, UserCounter),
}

/// One of the counters in a user's item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserCounter {
    /// It counts the attempts by all usernames of the user, so that a second one does not give a second set
    /// of guesses.
    Username,
    /// It counts the attempts by the e-mail address, if that is not the username.
    Email,
    /// It counts the attempts by any of these names from an address at which the user is known.
    KnownAddresses,
}

/// The names of a counter's attributes.
pub(super) struct Attributes {
    /// The failures in a row, attempts under way included.
    pub(super) failures: &'static str,
    /// When the last of them was charged, in milliseconds.
    pub(super) charged_at: &'static str,
    /// The attempt id of the last of them.
    pub(super) charged_by: &'static str,
}

/// The attributes of a counter that is an item of its own.
pub(super) const OF_ITEM: Attributes =
    Attributes { failures: "failures", charged_at: "charged_at", charged_by: "charged_by" };

impl LoginKind {
    /// Returns the counter of the user that counts the attempts by a name of this kind.
    pub(crate) const fn counter(self) -> UserCounter {
        match self {
            Self::Username | Self::OtherUsername | Self::Both => UserCounter::Username,
            Self::Email => UserCounter::Email,
        }
    }
}

impl UserCounter {
    pub(super) const fn attributes(self) -> Attributes {
        match self {
            Self::Username => Attributes {
                failures: "username_failures",
                charged_at: "username_charged_at",
                charged_by: "username_charged_by",
            },
            Self::Email => Attributes {
                failures: "email_failures",
                charged_at: "email_charged_at",
                charged_by: "email_charged_by",
            },
            Self::KnownAddresses => Attributes {
                failures: "known_failures",
                charged_at: "known_charged_at",
                charged_by: "known_charged_by",
            },
        }
    }
}

impl NameCounter {
    pub(super) fn key(&self) -> Item {
        match self {
            Self::Name(name) => key(format!("NAME#{}", name.digest()), "ATTEMPTS"),
            Self::User(id, _) => key(user_pk(*id), "USER"),
        }
    }

    pub(super) const fn attributes(&self) -> Attributes {
        match self {
            Self::Name(_) => OF_ITEM,
            Self::User(_, counter) => counter.attributes(),
        }
    }

    /// Returns the update that charges an attempt.
    pub(super) fn charging(&self, backoff: &Backoff, attempt_id: &str, now: Timestamp) -> Update {
        let update = charging(self.key(), &self.attributes(), backoff, attempt_id, now);
        match self {
            Self::Name(_) => update.set("expires_at", number(now.plus(NAME_KEPT).secs())),
            // A user never gets `expires_at`: DynamoDB would delete the user then.
            Self::User(..) => update.when("attribute_exists(pk)"),
        }
    }
}

/// Returns the update that charges an attempt to this counter.
pub(super) fn charging(
    key: Item,
    attributes: &Attributes,
    backoff: &Backoff,
    attempt_id: &str,
    now: Timestamp,
) -> Update {
    let Attributes { failures, charged_at, charged_by } = attributes;
    let mut update = Update::of(key)
        .add(failures, number(1))
        .set(charged_by, text(attempt_id))
        .set(charged_at, number(now.millis()))
        .value(":zero", number(0))
        .value(":free", number(backoff.free))
        .value(":limit", number(backoff.lock_after))
        .value(":before_longest", number(now.minus(backoff.longest_wait).millis()))
        .returning(ReturnValue::AllNew)
        .returning_refused();
    let mut admitted = format!("{failures} < :free");
    for (count, wait) in backoff.shorter_waits() {
        admitted += &format!(" OR {failures} <= :n{count} AND {charged_at} <= :t{count}");
        update = update
            .value(format!(":n{count}"), number(count))
            .value(format!(":t{count}"), number(now.minus(wait).millis()));
    }
    admitted += &format!(" OR {failures} < :limit AND {charged_at} <= :before_longest");
    update.when(format!(
        "attribute_not_exists({failures}) \
         OR {charged_by} <> :{charged_by} AND {failures} >= :zero AND ({admitted})"
    ))
}

/// Returns the update that clears the failures of a login name.
pub(super) fn clearing(counter: &NameCounter) -> Update {
    let Attributes { failures, charged_by, .. } = counter.attributes();
    let update = Update::of(counter.key());
    match counter {
        NameCounter::Name(_) => update.set(failures, number(0)).set(charged_by, text(NOBODY)),
        NameCounter::User(_, counter) => without(update, *counter),
    }
}

/// Adds to an update of a user that a counter of the user is cleared.
pub(super) fn without(update: Update, counter: UserCounter) -> Update {
    let Attributes { failures, charged_at, charged_by } = counter.attributes();
    update.remove(failures).remove(charged_at).remove(charged_by)
}

/// Reads a counter. One that cannot be read counts as full, and an error is logged.
pub(super) fn counter(item: &Item, attributes: &Attributes, now: Timestamp) -> Attempts {
    let failures = integer(item, attributes.failures).and_then(|failures| failures.try_into().ok());
    Attempts {
        failures: failures.unwrap_or_else(|| {
            tracing::error!("a counter of attempts cannot be read; its name or address is refused");
            u32::MAX
        }),
        charged_at: Timestamp::from_millis(integer(item, attributes.charged_at).unwrap_or(now.millis())),
    }
}

/// Reads how many attempts from an address a name refused. A number that cannot be read counts as full.
pub(super) fn refused(item: &Item) -> u32 {
    if !item.contains_key("refused") {
        return 0;
    }
    integer(item, "refused").and_then(|refused| refused.try_into().ok()).unwrap_or(u32::MAX)
}

fn integer(item: &Item, name: &str) -> Option<u64> {
    match item.get(name)? {
        AttributeValue::N(digits) => digits.parse().ok(),
        _ => None,
    }
}
