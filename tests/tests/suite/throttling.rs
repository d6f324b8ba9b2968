//! Throttling at the doors: free failures, the wait that doubles, the shut name, the address.

use std::sync::Arc;
use std::time::Duration;

use postern::ambient::Timestamp;
use postern_local::demo::SHUT_NAMES;
use postern_tests::stand::{PASSWORD_CONTRACTS, Reply, Stand, credentials, name_at};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::words::{Said, assert_said, unlimited};

#[tokio::test]
async fn five_failures_are_free_and_then_one_waits() {
    for contract in PASSWORD_CONTRACTS {
        let stand = unlimited().await;
        let name = name_at(contract, "johndoe");
        let fail = async |said| {
            let before = stand.app.passwords.verifications();
            let reply = stand.password(contract, &name, "wrong").await;
            assert_said(contract, said, &reply, "a wrong password");
            let hashes = if said == Said::Wrong { 1 } else { 0 };
            assert_eq!(stand.app.passwords.verifications() - before, hashes, "{contract} {said:?}");
        };
        for _ in 0..5 {
            fail(Said::Wrong).await;
        }
        // Attempts made while waiting are not counted, however many: the wait only shrinks.
        for _ in 0..20 {
            fail(Said::Throttled(1)).await;
        }
        stand.advance(Duration::from_millis(999));
        fail(Said::Throttled(1)).await;
        stand.advance(Duration::from_millis(1));
        fail(Said::Wrong).await;
        for wait in [2, 4] {
            fail(Said::Throttled(wait)).await;
            stand.advance(Duration::from_millis(1));
            fail(Said::Throttled(wait)).await;
            stand.advance(Duration::from_millis(wait * 1000 - 2));
            fail(Said::Throttled(1)).await;
            stand.advance(Duration::from_millis(1));
            fail(Said::Wrong).await;
        }
        stand.advance(Duration::from_secs(8));
        // Success clears: there are five free failures again.
        assert_eq!(stand.password(contract, &name, "SecurePass123!").await.status, 200, "{contract}");
        for _ in 0..5 {
            fail(Said::Wrong).await;
        }
        fail(Said::Throttled(1)).await;
    }
}

#[tokio::test]
async fn one_name_is_one_ladder_however_it_is_typed_and_at_every_door() {
    let stand = unlimited().await;
    for (contract, typed) in [
        ("account", "johndoe"),
        ("session", "JOHNDOE"),
        ("mfa", "  johndoe "),
        ("mfa", "ＪｏｈｎＤｏｅ"),
        ("account", "johndoe\n"),
    ] {
        let reply = stand.password(contract, typed, "wrong").await;
        assert_said(contract, Said::Wrong, &reply, typed);
    }
    for contract in ["account", "session", "mfa"] {
        let reply = stand.password(contract, "johndoe", "SecurePass123!").await;
        assert_said(contract, Said::Throttled(1), &reply, "johndoe");
    }
    // A lockout by a public username leaves the address and the id open.
    for (contract, name) in [("email", "johndoe@example.com"), ("mfa", "johndoe@example.com"), ("mfa", "1")] {
        assert_eq!(stand.password(contract, name, "SecurePass123!").await.status, 200, "{contract} {name}");
    }
}

/// The whole ladder up to the shut name, side by side: neither the replies nor the waits tell who exists.
#[tokio::test]
async fn unknown_names_climb_the_same_ladder_until_both_are_shut() {
    let stand = unlimited().await;
    for failures in 0_u32..33 {
        let wait = match failures {
            0..5 => 0,
            5..15 => 1 << (failures - 5),
            _ => 900,
        };
        for name in ["johndoe", "nobody"] {
            if wait > 0 {
                let reply = stand.password("account", name, "SecurePass123!").await;
                assert_said(
                    "account",
                    Said::Throttled(wait),
                    &reply,
                    &format!("{name}, {failures} failures"),
                );
            }
        }
        stand.advance(Duration::from_secs(wait));
        for name in ["johndoe", "nobody"] {
            let reply = stand.password("account", name, "wrong").await;
            assert_said("account", Said::Wrong, &reply, &format!("{name}, {failures} failures"));
        }
    }
    stand.advance(Duration::from_secs(30 * 24 * 3600));
    for name in ["johndoe", "nobody"] {
        let reply = stand.password("account", name, "SecurePass123!").await;
        assert_said("account", Said::Throttled(900), &reply, name);
    }
}

#[tokio::test]
async fn a_shut_name_is_refused_for_good_and_without_hashing() {
    let stand = unlimited().await;
    let before = stand.app.passwords.verifications();
    for contract in PASSWORD_CONTRACTS {
        let name = if contract == "email" { SHUT_NAMES[1] } else { SHUT_NAMES[0] };
        for _ in 0..3 {
            let reply = stand.password(contract, name, "whatever").await;
            assert_said(contract, Said::Throttled(900), &reply, name);
            stand.advance(Duration::from_secs(24 * 3600));
        }
    }
    assert_eq!(stand.app.passwords.verifications(), before);
}

/// An event from another address.
async fn from(stand: &Stand, address: &str, name: &str, password: &str) -> Reply {
    let body = credentials("account", name, password).to_string();
    let mut event = stand.event("account", Some(&body));
    event["requestContext"]["http"]["sourceIp"] = json!(address);
    // What a caller writes is not believed.
    event["headers"]["x-forwarded-for"] = json!("203.0.113.9");
    stand.invoke("account", event).await
}

#[tokio::test]
async fn an_address_has_so_many_failures_per_window_and_no_more() {
    let stand = Stand::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "3")).await;
    // Two minutes into a window of five.
    stand.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    let home = "192.0.2.1";
    for name in ["a", "b", "c"] {
        assert_said("account", Said::Wrong, &from(&stand, home, name, "wrong").await, name);
        // A success in between is given back.
        if name == "a" {
            for _ in 0..5 {
                assert_eq!(from(&stand, home, "johndoe", "SecurePass123!").await.status, 200);
            }
        }
    }
    let before = stand.app.passwords.verifications();
    let reply = from(&stand, home, "johndoe", "SecurePass123!").await;
    assert_said("account", Said::Throttled(180), &reply, "the fourth");
    assert_eq!(stand.app.passwords.verifications(), before);
    // Nothing else was counted: the name is as it was, from another address.
    assert_eq!(from(&stand, "192.0.2.2", "johndoe", "SecurePass123!").await.status, 200);
    stand.advance(Duration::from_secs(180));
    assert_eq!(from(&stand, home, "johndoe", "SecurePass123!").await.status, 200, "the next window");
}

#[tokio::test]
async fn the_default_address_limit_is_thirty_and_counts_a_64_bit_network_as_one() {
    let stand = Stand::start().await;
    for attempt in 0..30 {
        let reply = from(&stand, &format!("2001:db8::{attempt:x}:1"), &format!("n{attempt}"), "wrong").await;
        assert_said("account", Said::Wrong, &reply, &attempt.to_string());
    }
    assert_eq!(from(&stand, "2001:db8::ffff", "n", "wrong").await.status, 429);
    assert_eq!(from(&stand, "2001:db8:0:1::ffff", "n", "wrong").await.status, 401);
}

/// A right password that may not enter is no guess, and an office full of them is not shut out.
#[tokio::test]
async fn a_right_password_that_may_not_enter_is_given_back() {
    let stand = Stand::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "2")).await;
    for contract in PASSWORD_CONTRACTS {
        for (name, said) in [
            ("dormant", Said::NotActivated),
            ("blocked", Said::Disabled),
            ("changer", Said::MustChangePassword),
            ("guarded", Said::MfaRequired),
        ] {
            for _ in 0..7 {
                let reply = stand.password(contract, &name_at(contract, name), "Password1234!").await;
                assert_said(contract, said, &reply, name);
            }
        }
    }
}

/// Sixteen at a time: more, and a busy machine's table answers some too late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_parallel_guesses_run_five_hashes() {
    let stand = Arc::new(unlimited().await);
    let gate = Arc::new(Semaphore::new(16));
    let before = stand.app.passwords.verifications();
    let mut guesses = JoinSet::new();
    for guess in 0..200 {
        let (stand, gate) = (Arc::clone(&stand), Arc::clone(&gate));
        let contract = ["account", "session", "mfa"][guess % 3];
        guesses.spawn(async move {
            let _open = gate.acquire().await.unwrap();
            (contract, stand.password(contract, "johndoe", &format!("guess {guess}")).await)
        });
    }
    let (mut wrong, mut throttled) = (0, 0);
    for (contract, reply) in guesses.join_all().await {
        match reply.status {
            429 => {
                assert_said(contract, Said::Throttled(1), &reply, "a guess");
                throttled += 1;
            }
            _ => {
                assert_said(contract, Said::Wrong, &reply, "a guess");
                wrong += 1;
            }
        }
    }
    assert_eq!((wrong, throttled), (5, 195));
    assert_eq!(stand.app.passwords.verifications() - before, 5);
}
