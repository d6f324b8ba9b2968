//! Random histories of attempts by one name: the table counts what the throttle's rule says, wherever the
//! counter is, and also if the answers to writes are lost.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::throttle::{Admission, Attempts, Policy};
use postern_local::demo::TOTP_SECRET;
use postern_tests::deployment::{Deployment, credentials};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::mfa::PASSWORD;
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw::{self, Counter};
use crate::support::sign_in::{charge, refund};
use crate::support::signed_in::code;
use crate::support::words::{Refused, assert_refusal};

/// One event of a history.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A wrong password: its charge stays.
    Guess,
    /// The right password without a code: its charge is taken back.
    NoCode,
    /// A sign-in: it clears the failures.
    SignIn,
    /// An operator unlocks the name.
    Unlock,
    /// This many milliseconds pass.
    Wait(u64),
}

/// The settings: few failures lock the name.
const POLICY: Policy =
    Policy { free_failures: 2, lock_after: 7, longest_wait: Duration::from_secs(4), ..Policy::DEFAULT };

/// Where the user `guarded` is counted: the contract, and the name.
const PLACES: [[&str; 2]; 3] = [["account", "guarded"], ["email", "guarded@example.com"], ["mfa", "43"]];

/// The writes to the counter of a name, or to the user.
fn writes(contract: &str) -> Vec<&'static str> {
    match contract {
        "mfa" => vec![
            "UpdateItem NAME SET charged_by",
            "UpdateItem NAME SET charged_at",
            "UpdateItem NAME SET failures",
        ],
        _ => vec![charge(contract), refund(contract), "UpdateItem USER SET last_sign_in"],
    }
}

fn events() -> impl Strategy<Value = Vec<(Event, bool)>> {
    let event = prop_oneof![
        5 => Just(Event::Guess),
        2 => Just(Event::NoCode),
        1 => Just(Event::SignIn),
        1 => Just(Event::Unlock),
        4 => prop_oneof![Just(999), Just(1000), Just(2000), 0..5000_u64].prop_map(Event::Wait),
    ];
    // Most answers arrive.
    vec((event, prop::bool::weighted(0.3)), 24)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn random_histories_are_counted_as_the_policy_says_at_each_place() {
    let settings = |env: postern::environment::Environment| {
        env.with("THROTTLE_FREE_FAILURES", "2")
            .with("THROTTLE_LOCK_AFTER", "7")
            .with("THROTTLE_MAX_WAIT_SECONDS", "4")
            .with("THROTTLE_ADDRESS_LIMIT", "1000000")
    };
    let (deployment, proxy) = Proxy::deployment(settings).await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&events(), |history| {
                runtime.block_on(async {
                    for [contract, name] in PLACES {
                        follow(&deployment, &proxy, contract, name, &history).await;
                    }
                });
                Ok(())
            })
            .unwrap();
    });
}

/// Follows a history, and compares each reply and each count with the policy.
async fn follow(
    deployment: &Deployment,
    proxy: &Proxy,
    contract: &'static str,
    name: &str,
    history: &[(Event, bool)],
) {
    let counter: Counter = raw::name_counter(deployment, name).await;
    deployment.store.unlock_name(&LoginName::new(name), deployment.now()).await.unwrap();
    // The code of the last history is spent.
    deployment.advance(Duration::from_secs(60));
    let mut count = Attempts { failures: 0, charged_at: Timestamp::from_millis(0) };
    for (at, (event, is_lost)) in history.iter().enumerate() {
        let of = format!("{contract}: {event:?}, event {at} of {history:?}");
        match event {
            Event::Unlock => {
                deployment.store.unlock_name(&LoginName::new(name), deployment.now()).await.unwrap();
                count.failures = 0;
                continue;
            }
            Event::Wait(millis) => {
                deployment.advance(Duration::from_millis(*millis));
                continue;
            }
            // Each code can be used once.
            Event::SignIn => deployment.advance(Duration::from_secs(30)),
            Event::Guess | Event::NoCode => {}
        }
        let now = deployment.now();
        let mut body =
            credentials(contract, name, if matches!(event, Event::Guess) { "wrong" } else { PASSWORD });
        if matches!(event, Event::SignIn) {
            body["token"] = json!(code(deployment, TOTP_SECRET, 0));
        }
        match is_lost {
            true => proxy.first(&writes(contract), Fate::lose),
            false => proxy.heal(),
        }
        let reply = deployment.sign_in(contract, body).await;
        match (POLICY.backoff().admit(count, now), event) {
            (Admission::Refused(wait), _) => {
                let seconds = (wait.as_millis() as u64).div_ceil(1000);
                assert_refusal(contract, Refused::Throttled(seconds), &reply, &of);
            }
            (Admission::Admitted, Event::NoCode) => {
                assert_refusal(contract, Refused::MfaRequired, &reply, &of);
                count.charged_at = Timestamp::from_millis(0);
            }
            (Admission::Admitted, Event::SignIn) => {
                assert_eq!(reply.status, 200, "{of}: {reply:?}");
                count.failures = 0;
                // `known_address_histories` is about known addresses.
                raw::forget_addresses(deployment, name).await;
            }
            (Admission::Admitted, _) => {
                assert_refusal(contract, Refused::Wrong, &reply, &of);
                count = Attempts { failures: count.failures + 1, charged_at: now };
            }
        }
        assert_eq!(raw::failures(deployment, &counter).await, i64::from(count.failures), "{of}");
    }
}
