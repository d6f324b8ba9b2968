//! The addresses from which a user signed in have a counter of their own. So a lock is no weapon against the user.

use std::time::Duration;

use postern::identity::LoginName;
use postern::store::Written;
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, name_at};

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::sign_in::{KNOW_ADDRESS, LOCK_AFTER, from, put_counter};
use crate::support::words::{Refused, assert_refusal, unlimited};

const HOME: &str = "198.51.100.7";
const STRANGER: &str = "203.0.113.9";
const JIMMY: u64 = 14;
const PASSWORD: &str = "SecurePass123!";

/// Signs johndoe in from an address, at account. Returns whether that succeeded.
async fn signs_in(deployment: &Deployment, address: &str) -> bool {
    let reply = from(deployment, address, "account", "johndoe", PASSWORD).await;
    if reply.status != 200 {
        assert_refusal("account", Refused::Throttled(900), &reply, address);
    }
    reply.status == 200
}

/// Locks johndoe's username. Only known addresses can sign in then.
async fn lock(deployment: &Deployment) {
    deployment.store.lock_name(&LoginName::new("johndoe"), deployment.now()).await.unwrap();
}

#[tokio::test]
async fn strangers_lock_strangers_out_and_not_the_owner_at_home() {
    for contract in PASSWORD_CONTRACTS {
        let deployment = unlimited().await;
        let name = name_at(contract, "johndoe");
        let attempt = async |address, password| from(&deployment, address, contract, &name, password).await;
        assert_eq!(attempt(HOME, PASSWORD).await.status, 200, "{contract}");
        for failures in 0..LOCK_AFTER {
            let reply = attempt(STRANGER, "wrong").await;
            assert_refusal(contract, Refused::Wrong, &reply, &format!("{failures} failures"));
            deployment.advance(Duration::from_secs(900));
        }
        for _ in 0..3 {
            let reply = attempt(STRANGER, PASSWORD).await;
            assert_refusal(contract, Refused::Throttled(900), &reply, "a stranger");
            assert_eq!(
                attempt(HOME, PASSWORD).await.status,
                200,
                "{contract}: a success at home unlocks nothing"
            );
        }
        // The owner's failures at home do not count for strangers.
        deployment.store.unlock_name(&LoginName::new(&name), deployment.now()).await.unwrap();
        for _ in 0..5 {
            assert_refusal(contract, Refused::Wrong, &attempt(HOME, "wrong").await, "at home");
        }
        assert_refusal(contract, Refused::Throttled(1), &attempt(HOME, PASSWORD).await, "at home");
        assert_eq!(attempt(STRANGER, PASSWORD).await.status, 200, "{contract}: elsewhere");
    }
}

/// NIST SP 800-63B-4 §3.2.2 allows 100 failures in a row on one account.
#[tokio::test]
async fn all_counters_of_a_user_together_admit_ninety_nine_guesses() {
    let deployment = unlimited().await;
    for contract in ["account", "email"] {
        let name = name_at(contract, "johndoe");
        assert_eq!(from(&deployment, HOME, contract, &name, PASSWORD).await.status, 200);
    }
    let mut guesses = 0;
    for address in [STRANGER, HOME, "2001:db8::1"] {
        for name in ["johndoe", "johndoe@example.com", "1"] {
            loop {
                deployment.advance(Duration::from_secs(900));
                let reply = from(&deployment, address, "mfa", name, "wrong").await;
                if reply.status == 429 {
                    break;
                }
                assert_refusal("mfa", Refused::Wrong, &reply, name);
                guesses += 1;
            }
        }
    }
    assert_eq!(guesses, 99);
    for name in ["johndoe", "johndoe@example.com", "1"] {
        assert_eq!(from(&deployment, HOME, "mfa", name, PASSWORD).await.status, 429, "{name}");
    }
}

/// The username and the e-mail address share one counter at known addresses.
#[tokio::test]
async fn known_addresses_of_a_user_have_one_counter() {
    let deployment = unlimited().await;
    for (address, name) in [(HOME, "johndoe"), ("2001:db8::1", "johndoe"), (HOME, "johndoe@example.com")] {
        assert_eq!(from(&deployment, address, "mfa", name, PASSWORD).await.status, 200, "{address} {name}");
    }
    for attempt in 0..5 {
        let (address, name) = if attempt % 2 == 0 {
            (HOME, "johndoe@example.com")
        } else {
            // Another address of the same customer.
            ("2001:db8::2:3:4:5", "johndoe")
        };
        assert_refusal("mfa", Refused::Wrong, &from(&deployment, address, "mfa", name, "wrong").await, name);
    }
    assert_eq!(raw::failures(&deployment, &raw::known_counter(1)).await, 5);
    for (address, name) in [(HOME, "johndoe"), ("2001:db8::9", "johndoe"), (HOME, "johndoe@example.com")] {
        let reply = from(&deployment, address, "mfa", name, PASSWORD).await;
        assert_refusal("mfa", Refused::Throttled(1), &reply, name);
    }
    // No sign-in by the e-mail address came from there.
    assert_eq!(from(&deployment, "2001:db8::1", "mfa", "johndoe@example.com", PASSWORD).await.status, 200);
    // Each name has at most five short entries, so that its item stays below 1 KB, which one unit writes.
    for (name, count) in [("johndoe", 2), ("johndoe@example.com", 2)] {
        let known = raw::known_addresses(&deployment, name).await;
        assert_eq!((known.len(), known.keys().all(|digest| digest.len() == 32)), (count, true), "{name}");
    }
}

#[tokio::test]
async fn address_is_known_for_ninety_days_and_sixth_replaces_the_oldest() {
    let deployment = unlimited().await;
    let day = Duration::from_secs(24 * 3600);
    let addresses = [HOME, "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"];
    for address in addresses {
        assert!(signs_in(&deployment, address).await);
        deployment.advance(day);
    }
    assert_eq!(raw::known_addresses(&deployment, "johndoe").await.len(), 5);
    lock(&deployment).await;
    assert!(!signs_in(&deployment, HOME).await, "five later addresses are known");
    for address in &addresses[1..] {
        assert!(signs_in(&deployment, address).await, "{address}");
    }
    // A sign-in within a week is not written again. The day of the second address is five days ago.
    deployment.advance(85 * day);
    assert!(signs_in(&deployment, addresses[1]).await, "90 days");
    deployment.advance(2 * day);
    assert!(!signs_in(&deployment, addresses[2]).await, "91 days");
    assert!(signs_in(&deployment, addresses[1]).await, "written again");
}

/// A proxy that hides addresses would make everybody known.
#[tokio::test]
async fn caller_without_an_address_is_never_known() {
    let deployment = unlimited().await;
    for text in ["unknown", "", "a proxy", "192.0.2.1:443"] {
        assert!(signs_in(&deployment, text).await);
        assert_eq!(raw::known_addresses(&deployment, "johndoe").await, raw::Item::new(), "{text}");
    }
    lock(&deployment).await;
    assert!(!signs_in(&deployment, "unknown").await);
}

/// What ends all sessions also forgets the addresses: one of them may be a thief's.
#[tokio::test]
async fn end_of_all_sessions_forgets_the_known_addresses() {
    let deployment = unlimited().await;
    assert!(signs_in(&deployment, HOME).await && signs_in(&deployment, STRANGER).await);
    assert_eq!(deployment.store.end_sessions(1, deployment.now()).await.unwrap(), Written::Done);
    // The counter of the known addresses is untouched, and the username's is charged.
    assert_eq!(from(&deployment, STRANGER, "account", "johndoe", "wrong").await.status, 401);
    let counter = raw::name_counter(&deployment, "johndoe").await;
    assert_eq!(raw::failures(&deployment, &counter).await, 1);
    assert_eq!(raw::failures(&deployment, &raw::known_counter(1)).await, 0);
    assert!(signs_in(&deployment, HOME).await);
    lock(&deployment).await;
    assert!(signs_in(&deployment, HOME).await && !signs_in(&deployment, STRANGER).await);
}

/// A known address whose counter is locked does not fall back to the name's counter.
#[tokio::test]
async fn owner_who_fails_too_often_at_home_is_locked_there() {
    let deployment = unlimited().await;
    assert!(signs_in(&deployment, HOME).await);
    put_counter(&deployment, &raw::known_counter(1), LOCK_AFTER - 1).await;
    assert!(!signs_in(&deployment, HOME).await && signs_in(&deployment, STRANGER).await);
    deployment.store.unlock_known_addresses(1, deployment.now()).await.unwrap();
    assert!(signs_in(&deployment, HOME).await);
}

/// A new user has none of the addresses of another user who had the name.
#[tokio::test]
async fn address_is_known_to_one_user_of_a_name() {
    let deployment = unlimited().await;
    assert!(signs_in(&deployment, HOME).await);
    let mut login = raw::item(&deployment, "LOGIN#johndoe", "LOGIN").await.unwrap();
    login.insert("user_id".to_owned(), raw::number(JIMMY));
    raw::put(&deployment, "LOGIN#johndoe", "LOGIN", login).await;
    lock(&deployment).await;
    let reply = from(&deployment, HOME, "account", "johndoe", "correct horse battery staple").await;
    assert_refusal("account", Refused::Throttled(900), &reply, "the name of another user");
}

#[tokio::test]
async fn deleted_user_at_a_known_address_is_like_an_unknown_one() {
    let deployment = unlimited().await;
    assert!(signs_in(&deployment, HOME).await);
    raw::remove(&deployment, "USER#1", "USER").await;
    let reply = from(&deployment, HOME, "account", "johndoe", PASSWORD).await;
    assert_refusal("account", Refused::Wrong, &reply, "the user was deleted after the login name was read");
    assert_eq!(raw::item(&deployment, "USER#1", "USER").await, None);
    assert_eq!(raw::failures(&deployment, &raw::own_counter("johndoe")).await, 1);
}

/// The write of the address must not create the login name again.
#[tokio::test]
async fn user_deleted_while_an_address_becomes_known_stays_deleted() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let user = deployment.store.user(1).await.unwrap().unwrap();
    proxy.rule(|seen| if seen.starts_with(KNOW_ADDRESS) { Fate::Hold } else { Fate::Pass });
    let operator = async {
        proxy.reached().await;
        assert_eq!(deployment.store.delete_user(&user).await.unwrap(), Written::Done);
        proxy.heal();
        proxy.release();
    };
    tokio::join!(from(&deployment, HOME, "account", "johndoe", PASSWORD), operator);
    assert_eq!(raw::item(&deployment, "LOGIN#johndoe", "LOGIN").await, None);
}

/// Of two sign-ins at once from new addresses, both succeed, and at least one address is known.
#[tokio::test]
async fn two_sign_ins_at_once_from_new_addresses_both_succeed() {
    let deployment = unlimited().await;
    let (one, other) = tokio::join!(signs_in(&deployment, HOME), signs_in(&deployment, STRANGER));
    assert!(one && other);
    assert!((1..=2).contains(&raw::known_addresses(&deployment, "johndoe").await.len()));
    assert!(signs_in(&deployment, HOME).await && signs_in(&deployment, STRANGER).await);
    assert_eq!(raw::known_addresses(&deployment, "johndoe").await.len(), 2);
}

#[tokio::test]
async fn sign_in_succeeds_if_its_address_cannot_be_kept() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    proxy.fail(|call| call.starts_with(KNOW_ADDRESS).then(|| error(400, "ValidationException")));
    assert!(signs_in(&deployment, HOME).await);
    assert_eq!(raw::known_addresses(&deployment, "johndoe").await, raw::Item::new());
}
