//! The counters in the table, with any content, compared with the pure functions of the throttle policy.

use std::cell::RefCell;
use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::LoginName;
use postern::throttle::{AddressAttempts, Admission, Attempts, Policy};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::support::raw::{self, Attribute, Counter, Item};
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, unlimited};

/// The settings, as numbers from which every policy can be made.
#[derive(Clone, Debug)]
struct Settings {
    free: u32,
    lock_after: u32,
    longest: u64,
    limit: u32,
    window: u64,
}

/// Where attempts are counted: the contract, the name as it is typed, and the name as it is looked up.
const PLACES: [[&str; 3]; 4] = [
    // An unknown name, and an id: items of their own.
    ["account", "Nobody", "nobody"],
    ["mfa", "1", "1"],
    // The two counters of a user.
    ["account", "JohnDoe", "johndoe"],
    ["email", "johndoe@Example.com", "johndoe@example.com"],
];

/// The content of the two counters, in terms of the boundaries that it is close to.
#[derive(Clone, Debug)]
struct Counters {
    /// Where the attempt is counted by its name.
    place: [&'static str; 3],
    /// Missing, or a number, or a number above the free failures or above the failures that lock, less two.
    name: Option<(u8, u32)>,
    /// Missing, or how long ago: the wait at the name's count, at another count, the longest or none, and this many
    /// milliseconds more.
    charged: Option<(u8, i64)>,
    /// Missing, or a number, or a number above the limit, less two.
    address: Option<(bool, u32)>,
    /// Missing, or a number around ten times the limit of the address.
    refused: Option<u32>,
    /// How far into its day the attempt is made.
    millis: u64,
}

fn settings() -> impl Strategy<Value = Settings> {
    let longest = prop_oneof![1..20_u64, 60..86_401_u64];
    let window = prop_oneof![1..20_u64, 60..86_401_u64];
    (2..Policy::DEFAULT.lock_after + 1, 0..32_u32, longest, 1..40_u32, window).prop_map(
        |(lock_after, free, longest, limit, window)| Settings {
            free: 1 + free % (lock_after - 1),
            lock_after,
            longest,
            limit,
            window,
        },
    )
}

fn counters() -> impl Strategy<Value = Counters> {
    let name = prop_oneof![
        1 => Just(None),
        9 => (0..5_u8, 0..5_u32).prop_map(Some),
        3 => (Just(9_u8), prop_oneof![0..40_u32, Just(u32::MAX)]).prop_map(Some),
    ];
    let more = prop_oneof![Just(-1_i64), Just(0), Just(1), -100_000..100_000_i64];
    let charged = prop_oneof![1 => Just(None), 9 => (0..5_u8, more).prop_map(Some)];
    let address = prop_oneof![
        1 => Just(None),
        3 => (Just(false), 0..40_u32).prop_map(Some),
        1 => (Just(true), 0..5_u32).prop_map(Some),
    ];
    let refused = prop_oneof![3 => Just(None), 1 => (0..4_u32).prop_map(Some)];
    (select(PLACES.to_vec()), name, charged, address, refused, 0..86_400_000_u64).prop_map(
        |(place, name, charged, address, refused, millis)| Counters {
            place,
            name,
            charged,
            address,
            refused,
            millis,
        },
    )
}

/// The store decides by a condition that writes the policy a second time, for each count of failures.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn table_admits_exactly_what_the_policy_admits() {
    let deployment = RefCell::new(Deployment::start().await);
    let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&(settings(), vec(counters(), 6)), |(settings, cases)| {
                let mut deployment = deployment.borrow_mut();
                runtime.block_on(async {
                    let Settings { free, lock_after, longest, limit, window } = settings;
                    deployment
                        .restart(|env| {
                            env.with("THROTTLE_FREE_FAILURES", free.to_string())
                                .with("THROTTLE_LOCK_AFTER", lock_after.to_string())
                                .with("THROTTLE_MAX_WAIT_SECONDS", longest.to_string())
                                .with("THROTTLE_ADDRESS_LIMIT", limit.to_string())
                                .with("THROTTLE_ADDRESS_WINDOW_SECONDS", window.to_string())
                        })
                        .await;
                    for case in cases {
                        agrees(&deployment, &settings, &case).await;
                    }
                });
                Ok(())
            })
            .unwrap();
    });
}

async fn agrees(deployment: &Deployment, settings: &Settings, case: &Counters) {
    let policy = Policy {
        free_failures: settings.free,
        lock_after: settings.lock_after,
        longest_wait: Duration::from_secs(settings.longest),
        address_limit: settings.limit,
        address_window: Duration::from_secs(settings.window),
    };
    let now = Timestamp::from_millis(1_700_006_400_000 + case.millis);
    deployment.set_time(now);
    let failures = case.name.map(|(from, number)| match from {
        0 | 1 => (settings.free + number).saturating_sub(2),
        2 | 3 => (settings.lock_after + number).saturating_sub(2),
        4 => settings.free + number,
        _ => number,
    });
    let charged_at = case.charged.map(|(from, more)| {
        let wait = match from {
            0 | 1 => policy.backoff().wait(failures.unwrap_or(0)),
            2 => policy.backoff().wait(settings.free + 3),
            3 => policy.longest_wait,
            _ => Duration::ZERO,
        };
        Timestamp::from_millis((now.millis() as i64 - wait.as_millis() as i64 - more) as u64)
    });
    let from_address = case.address.map(|(near, number)| match near {
        true => (settings.limit + number).saturating_sub(2),
        false => number,
    });
    // An address without failures in this window has no refused attempts either.
    let refused = case.refused.filter(|_| from_address.is_some()).map(|near| settings.limit * 10 + near - 2);
    let [contract, typed, name] = case.place;
    let name = raw::name_counter(deployment, name).await;
    let address = raw::address_counter(deployment, settings.window);
    put(deployment, &name, failures, charged_at.map(|at| at.millis())).await;
    put(deployment, &address, from_address, None).await;
    if let Some(refused) = refused {
        let mut item = address.item(deployment).await.unwrap();
        item.insert("refused".to_owned(), raw::number(refused));
        address.put(deployment, item).await;
    }

    // A counter without a time was charged now. A counter without a number has no failures.
    let counter = failures.map(|failures| Attempts { failures, charged_at: charged_at.unwrap_or(now) });
    let of_address = AddressAttempts { failures: from_address.unwrap_or(0), refused: refused.unwrap_or(0) };
    let admission = match policy.address(of_address, now) {
        Admission::Admitted => {
            counter.map_or(Admission::Admitted, |counter| policy.backoff().admit(counter, now))
        }
        refused @ Admission::Refused(_) => refused,
    };
    let reply = deployment.password(contract, typed, "wrong").await;
    let of = format!("{settings:?} {case:?}: {failures:?} at {charged_at:?}, {from_address:?} at {now:?}");
    let counted = match admission {
        Admission::Admitted => {
            assert_refusal(contract, Refused::Wrong, &reply, &of);
            1
        }
        Admission::Refused(wait) => {
            let seconds = (wait.as_millis() as u64).div_ceil(1000);
            assert_refusal(contract, Refused::Throttled(seconds), &reply, &of);
            0
        }
    };
    let by_name =
        of_address.failures < settings.limit && of_address.refused < settings.limit * 10 && counted == 0;
    let stored = address.item(deployment).await.and_then(|item| item.get("refused").cloned());
    let expected = refused.or(by_name.then_some(0)).map(|refused| raw::number(refused + u32::from(by_name)));
    assert_eq!(stored, expected, "refused attempts of {of}");
    for (counter, before) in [(&name, failures), (&address, from_address)] {
        let expected = i64::from(before.unwrap_or(0)) + counted;
        assert_eq!(raw::failures(deployment, counter).await, expected, "{counter:?} of {of}");
    }
}

/// A counter as the store writes it, with the given parts.
async fn put(deployment: &Deployment, counter: &Counter, failures: Option<u32>, charged_at: Option<u64>) {
    let mut item = Item::from([("charged_by".to_owned(), raw::text("-"))]);
    item.extend(failures.map(|failures| ("failures".to_owned(), raw::number(failures))));
    item.extend(charged_at.map(|at| ("charged_at".to_owned(), raw::number(at))));
    counter.put(deployment, item).await;
}

/// A counter that cannot be read counts as full: the attempt is throttled in the contract's words, nothing is hashed,
/// and the counter stays as it is. A counter without a time was charged just now.
#[tokio::test]
async fn name_with_a_malformed_counter_is_not_admitted() {
    let deployment = unlimited().await;
    let now = deployment.now();
    let long_ago = raw::number(now.minus(LONGEST_WAIT).millis());
    for (failures, charged_at, wait) in [
        (raw::text("0"), Some(long_ago.clone()), 900),
        (raw::text("LEAKED"), None, 900),
        (Attribute::Bool(true), Some(long_ago.clone()), 900),
        (Attribute::Null(true), Some(long_ago.clone()), 900),
        (raw::number(-1), Some(long_ago.clone()), 900),
        (raw::number(-1_000_000), None, 900),
        (raw::number("1e30"), Some(long_ago.clone()), 900),
        (raw::number(7), None, 4),
        (raw::number(7), Some(raw::text("0")), 4),
        (raw::number(7), Some(Attribute::Null(true)), 4),
    ] {
        for contract in PASSWORD_ROUTES {
            let name = name_at(contract, "johndoe");
            let counter = raw::name_counter(&deployment, &name).await;
            let mut item = Item::from([("failures".to_owned(), failures.clone())]);
            item.insert("charged_by".to_owned(), raw::text("-"));
            item.extend(charged_at.clone().map(|at| ("charged_at".to_owned(), at)));
            counter.put(&deployment, item).await;
            let before = counter.item(&deployment).await;
            let hashes = deployment.app.passwords().verifications();
            let reply = deployment.password(contract, &name, "SecurePass123!").await;
            let of = format!("{failures:?} charged at {charged_at:?}");
            assert_refusal(contract, Refused::Throttled(wait), &reply, &of);
            assert_eq!(deployment.app.passwords().verifications(), hashes, "{of}");
            assert_eq!(counter.item(&deployment).await, before, "{of}");
            // The other counter is not changed.
            assert_eq!(raw::failures(&deployment, &raw::address_counter(&deployment, 300)).await, 0, "{of}");
        }
    }
}

#[tokio::test]
async fn address_with_a_malformed_counter_is_not_admitted() {
    let deployment = Deployment::start().await;
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    let counter = raw::address_counter(&deployment, 300);
    for failures in [raw::text("0"), Attribute::Bool(true), Attribute::Null(true), raw::number(-1)] {
        let mut item = Item::from([("failures".to_owned(), failures.clone())]);
        item.insert("charged_by".to_owned(), raw::text("-"));
        counter.put(&deployment, item).await;
        for contract in PASSWORD_ROUTES {
            let hashes = deployment.app.passwords().verifications();
            let reply = deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
            assert_refusal(contract, Refused::Throttled(180), &reply, &format!("{failures:?}"));
            assert_eq!(deployment.app.passwords().verifications(), hashes, "{failures:?}");
        }
    }
}

/// A counter without failures has none, whatever else it holds.
#[tokio::test]
async fn counter_of_no_failures_admits_like_a_new_one() {
    let deployment = unlimited().await;
    for (contract, name) in PASSWORD_ROUTES.map(|contract| (contract, name_at(contract, "johndoe"))) {
        raw::forget_addresses(&deployment, &name).await;
        let counter = raw::name_counter(&deployment, &name).await;
        for counter in [&counter, &raw::address_counter(&deployment, 300)] {
            let item = Item::from([("charged_at".to_owned(), raw::text("LEAKED"))]);
            counter.put(&deployment, item).await;
        }
        assert_refusal(
            contract,
            Refused::Wrong,
            &deployment.password(contract, &name, "wrong").await,
            "a new counter",
        );
        assert_eq!(raw::failures(&deployment, &counter).await, 1, "{contract}");
        assert_eq!(
            raw::failures(&deployment, &raw::address_counter(&deployment, 300)).await,
            1,
            "{contract}"
        );
        assert_eq!(deployment.password(contract, &name, "SecurePass123!").await.status, 200, "{contract}");
        assert_eq!(raw::failures(&deployment, &counter).await, 0, "{contract}");
    }
}

/// DynamoDB deletes an item when its `expires_at` has passed. A counter of a user must not give the user one.
#[tokio::test]
async fn no_attempt_gives_a_user_an_expiry() {
    let deployment = unlimited().await;
    for contract in PASSWORD_ROUTES {
        // A charge that stays, one that is taken back, a sign-in, and a lock.
        for (name, password) in
            [("johndoe", "wrong"), ("blocked", "Password1234!"), ("johndoe", "SecurePass123!")]
        {
            deployment.password(contract, &name_at(contract, name), password).await;
        }
        let name = LoginName::new(&name_at(contract, "jimmy"));
        deployment.store.lock_name(&name, deployment.now()).await.unwrap();
        deployment.password(contract, &name_at(contract, "jimmy"), "wrong").await;
    }
    for item in raw::all(&deployment).await {
        let is_user = item["sk"] == raw::text("USER");
        assert!(!(is_user && item.contains_key("expires_at")), "{item:?}");
    }
    let item = raw::item(&deployment, "USER#1", "USER").await.unwrap();
    assert_eq!(item, raw::user(&deployment, 1).await, "a sign-in leaves nothing of the counter");
}
