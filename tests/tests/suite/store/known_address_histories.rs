//! Random histories of attempts at one user from several addresses: each attempt is counted where its address and
//! name say, also if the answers to writes are lost. Whatever strangers do, the owner at a known address is admitted.

use std::collections::BTreeMap;
use std::time::Duration;

use postern::clock::Timestamp;
use postern::store::Written;
use postern::throttle::{Admission, Attempts, Backoff, Policy};
use postern_tests::deployment::Deployment;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::support::proxy::{Fate, Proxy};
use crate::support::raw;
use crate::support::sign_in::{KNOW_ADDRESS, from};
use crate::support::words::{Refused, assert_refusal};

const PASSWORD: &str = "SecurePass123!";
const DAY: u64 = 24 * 3600;

/// The settings: few failures lock a counter.
const POLICY: Policy =
    Policy { free_failures: 2, lock_after: 6, longest_wait: Duration::from_secs(4), ..Policy::DEFAULT };

/// The contract, a name that johndoe signs in by there, and the counter of the name.
const PLACES: [(&str, &str, Place); 5] = [
    ("account", "johndoe", Place::Username),
    ("mfa", "johndoe", Place::Username),
    ("email", "johndoe@example.com", Place::Email),
    ("mfa", "johndoe@example.com", Place::Email),
    ("mfa", "1", Place::Id),
];

/// Fewer than are known at most. The last is not an address, so nobody is known there.
const ADDRESSES: [&str; 4] = ["198.51.100.7", "2001:db8::1", "203.0.113.9", "hidden"];
const HIDDEN: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Username,
    Email,
    Id,
    /// The known addresses.
    Known,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// As many wrong passwords, each after the longest wait.
    Guesses { at: usize, from: usize, count: u32 },
    /// One attempt with this password.
    Attempt { at: usize, from: usize, is_right: bool },
    /// An operator ends all sessions.
    EndSessions,
    /// This many milliseconds pass.
    Wait(u64),
}

/// What the table holds, as the rules say.
#[derive(Clone, Debug, Default)]
struct Model {
    counters: BTreeMap<Place, Attempts>,
    /// The day of the last sign-in that was written, by the place of the name and the address.
    days: BTreeMap<(Place, usize), u64>,
    /// The guesses that were admitted since the last success.
    guesses: u32,
}

impl Model {
    fn place(&self, place: Place, from: usize, now: Timestamp) -> Place {
        let is_known = |day: &u64| now.secs() / DAY <= day + 90;
        if self.days.get(&(place, from)).is_some_and(is_known) { Place::Known } else { place }
    }

    fn admit(&self, place: Place, now: Timestamp) -> Admission {
        let none = Attempts { failures: 0, charged_at: Timestamp::from_millis(0) };
        backoff(place).admit(self.counters.get(&place).copied().unwrap_or(none), now)
    }

    fn fail(&mut self, place: Place, now: Timestamp) {
        let failures = self.counters.get(&place).map_or(0, |counter| counter.failures);
        self.counters.insert(place, Attempts { failures: failures + 1, charged_at: now });
        self.guesses += 1;
    }

    fn succeed(&mut self, name: Place, from: usize, now: Timestamp) {
        self.counters.remove(&self.place(name, from, now));
        self.guesses = 0;
        let today = now.secs() / DAY;
        let is_recent = self.days.get(&(name, from)).is_some_and(|day| today <= day + 7);
        if name != Place::Id && from != HIDDEN && !is_recent {
            self.days.insert((name, from), today);
        }
    }
}

fn backoff(place: Place) -> Backoff {
    match place {
        Place::Known => POLICY.known_addresses_backoff(),
        Place::Username | Place::Email | Place::Id => POLICY.backoff(),
    }
}

fn events() -> impl Strategy<Value = Vec<(Event, bool)>> {
    let at = || 0..PLACES.len();
    let address = || 0..ADDRESSES.len();
    let event = prop_oneof![
        3 => (at(), address(), 1..9_u32).prop_map(|(at, from, count)| Event::Guesses { at, from, count }),
        3 => (at(), address()).prop_map(|(at, from)| Event::Attempt { at, from, is_right: false }),
        6 => (at(), address()).prop_map(|(at, from)| Event::Attempt { at, from, is_right: true }),
        1 => Just(Event::EndSessions),
        3 => prop_oneof![0..5000_u64, select(vec![6, 8, 50, 91]).prop_map(|days| days * DAY * 1000)]
            .prop_map(Event::Wait),
    ];
    // Most answers arrive.
    vec((event, prop::bool::weighted(0.3)), 20)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn random_histories_admit_the_owner_at_home_and_no_more_guesses_than_the_policy() {
    let settings = |env: postern::environment::Environment| {
        env.with("THROTTLE_FREE_FAILURES", "2")
            .with("THROTTLE_LOCK_AFTER", "6")
            .with("THROTTLE_MAX_WAIT_SECONDS", "4")
            .with("THROTTLE_ADDRESS_LIMIT", "1000000")
    };
    let (deployment, proxy) = Proxy::deployment(settings).await;
    let config = Config { cases: 10, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&events(), |history| {
                runtime.block_on(follow(&deployment, &proxy, &history));
                Ok(())
            })
            .unwrap();
    });
}

/// Follows a history from a user without failures and without known addresses.
async fn follow(deployment: &Deployment, proxy: &Proxy, history: &[(Event, bool)]) {
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    proxy.heal();
    let user = raw::user(deployment, 1).await;
    raw::put(deployment, "USER#1", "USER", user).await;
    raw::remove(deployment, &raw::own_counter("1").pk, "ATTEMPTS").await;
    for (_, name, _) in PLACES {
        raw::forget_addresses(deployment, name).await;
    }
    let mut model = Model::default();
    for (at, (event, is_lost)) in history.iter().enumerate() {
        let of = format!("event {at} of {history:?}");
        match is_lost {
            true => proxy.first(&WRITES, Fate::lose),
            false => proxy.heal(),
        }
        match *event {
            Event::EndSessions => {
                let ended = deployment.store.end_sessions(1, deployment.now()).await.unwrap();
                assert_eq!(ended, Written::Done);
                model.days.clear();
            }
            Event::Wait(millis) => deployment.advance(Duration::from_millis(millis)),
            Event::Attempt { at, from, is_right } => {
                attempt(deployment, &mut model, at, from, is_right, &of).await;
            }
            Event::Guesses { at, from, count } => {
                for _ in 0..count {
                    deployment.advance(POLICY.longest_wait);
                    attempt(deployment, &mut model, at, from, false, &of).await;
                }
            }
        }
        assert!(model.guesses <= 3 * POLICY.lock_after + POLICY.known_addresses_backoff().lock_after, "{of}");
    }
    proxy.heal();
    deployment.advance(POLICY.longest_wait);
    owner_is_admitted(deployment, &mut model, &format!("{history:?}")).await;
}

/// Every write of an attempt that may be repeated.
const WRITES: [&str; 6] = [
    "UpdateItem USER SET username_charged_by",
    "UpdateItem USER SET email_charged_by",
    "UpdateItem USER SET known_charged_by",
    "UpdateItem NAME SET charged_by",
    "UpdateItem USER SET last_sign_in",
    KNOW_ADDRESS,
];

/// Sends an attempt, and compares the reply and all counters with the model.
async fn attempt(
    deployment: &Deployment,
    model: &mut Model,
    at: usize,
    address: usize,
    is_right: bool,
    of: &str,
) {
    let (contract, name, name_place) = PLACES[at];
    let now = deployment.now();
    let place = model.place(name_place, address, now);
    let of = format!("{name} at {contract} from {}, counted at {place:?}: {of}", ADDRESSES[address]);
    let password = if is_right { PASSWORD } else { "wrong" };
    let reply = from(deployment, ADDRESSES[address], contract, name, password).await;
    match model.admit(place, now) {
        Admission::Refused(wait) => {
            let seconds = (wait.as_millis() as u64).div_ceil(1000);
            assert_refusal(contract, Refused::Throttled(seconds), &reply, &of);
        }
        Admission::Admitted if is_right => {
            assert_eq!(reply.status, 200, "{of}: {reply:?}");
            model.succeed(name_place, address, now);
        }
        Admission::Admitted => {
            assert_refusal(contract, Refused::Wrong, &reply, &of);
            model.fail(place, now);
        }
    }
    for place in [Place::Username, Place::Email, Place::Id, Place::Known] {
        let counter = match place {
            Place::Username => raw::name_counter(deployment, "johndoe").await,
            Place::Email => raw::name_counter(deployment, "johndoe@example.com").await,
            Place::Id => raw::own_counter("1"),
            Place::Known => raw::known_counter(1),
        };
        let expected = model.counters.get(&place).map_or(0, |counter| counter.failures);
        assert_eq!(raw::failures(deployment, &counter).await, i64::from(expected), "{place:?} after {of}");
    }
}

/// Lets strangers lock all names. The owner signs in from each address at which the owner is known, unless the owner
/// has locked the known addresses.
async fn owner_is_admitted(deployment: &Deployment, model: &mut Model, of: &str) {
    for at in [0, 2, 4] {
        for _ in 0..POLICY.lock_after {
            deployment.advance(POLICY.longest_wait);
            attempt(deployment, model, at, HIDDEN, false, of).await;
        }
    }
    let now = deployment.now();
    let owner_locked = model
        .counters
        .get(&Place::Known)
        .is_some_and(|counter| counter.failures >= POLICY.known_addresses_backoff().lock_after);
    for (contract, name, place) in PLACES {
        for (at, address) in ADDRESSES.into_iter().enumerate() {
            let is_known = model.place(place, at, now) == Place::Known;
            let status = from(deployment, address, contract, name, PASSWORD).await.status;
            let expected = if is_known && !owner_locked { 200 } else { 429 };
            assert_eq!(status, expected, "{name} at {contract} from {address} after {of}");
        }
    }
}
