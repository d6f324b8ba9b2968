//! A guess at the old password is throttled like a guess at a sign-in.

use std::time::Duration;

use postern::clock::Timestamp;
use postern_local::demo::LOCKED_NAMES;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::json;

use crate::support::raw::{self, Attribute};
use crate::support::session::{CHANGER, NEW, NOT_NEEDED, OLD, body, change};
use crate::support::sign_in::{LOCK_AFTER, put_counter};
use crate::support::signed_in::{self, with};
use crate::support::words::{LONGEST_WAIT, Refused, assert_refusal, assert_reply, unlimited};

#[tokio::test]
async fn wrong_old_passwords_count_with_the_sign_ins() {
    let deployment = unlimited().await;
    let wrong = with(body("changer"), json!({"old_password": "wrong"}));
    for guess in 0..5 {
        let reply = match guess % 2 {
            0 => change(&deployment, &wrong).await,
            _ => deployment.password("session", "changer", "wrong").await,
        };
        assert_refusal("session", Refused::Wrong, &reply, &guess.to_string());
    }
    let hashes = deployment.app.passwords().verifications();
    for early in [0, 999] {
        deployment.advance(Duration::from_millis(early));
        let reply = change(&deployment, &body("changer")).await;
        assert_refusal("session", Refused::Throttled(1), &reply, "the right old password, too soon");
        let reply = deployment.password("account", "changer", OLD).await;
        assert_refusal("account", Refused::Throttled(1), &reply, "the right old password, too soon");
    }
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    deployment.advance(Duration::from_millis(1));
    assert_refusal("session", Refused::Wrong, &change(&deployment, &wrong).await, "the sixth");
    let reply = change(&deployment, &body("changer")).await;
    assert_refusal("session", Refused::Throttled(2), &reply, "the next wait");
    deployment.advance(Duration::from_secs(2));
    assert_eq!(change(&deployment, &body("changer")).await.status, 200);
    // A sign-in clears the count: there are five free failures again.
    for guess in 0..5 {
        let reply = deployment.password("session", "changer", OLD).await;
        assert_refusal("session", Refused::Wrong, &reply, &guess.to_string());
    }
    assert_refusal("session", Refused::Throttled(1), &change(&deployment, &wrong).await, "the sixth since");
    assert_eq!(deployment.password("email", "changer@example.com", NEW).await.status, 200, "another name");
}

#[tokio::test]
async fn unknown_name_waits_as_long_as_a_known_one() {
    let deployment = unlimited().await;
    let mut replies: Vec<Vec<(Reply, u64)>> = Vec::new();
    for name in ["changer", "nobody"] {
        let mut steps = Vec::new();
        for wait in [0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 4, 0] {
            deployment.advance(Duration::from_secs(wait));
            let before = deployment.app.passwords().verifications();
            let reply = change(&deployment, &with(body(name), json!({"old_password": "wrong"}))).await;
            steps.push((reply, deployment.app.passwords().verifications() - before));
        }
        replies.push(steps);
    }
    assert_eq!(replies[0], replies[1]);
    let statuses: Vec<u64> = replies[0].iter().map(|(reply, _)| reply.status).collect();
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 400, 429, 400, 429, 400, 429]);
}

#[tokio::test]
async fn locked_name_stays_locked() {
    let deployment = unlimited().await;
    let counter = raw::name_counter(&deployment, "changer").await;
    put_counter(&deployment, &counter, LOCK_AFTER).await;
    let before = deployment.app.passwords().verifications();
    for name in [LOCKED_NAMES[0], "changer"] {
        for _ in 0..2 {
            let reply = change(&deployment, &body(name)).await;
            assert_refusal("session", Refused::Throttled(900), &reply, name);
            deployment.advance(Duration::from_secs(24 * 3600));
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
    assert_eq!(raw::user(&deployment, CHANGER).await["must_change_password"], Attribute::Bool(true));
}

/// A caller who knows the password must not be able to clear the count between guesses at a code. A request that is no
/// guess is not counted.
#[tokio::test]
async fn right_old_password_without_a_change_reverts_its_own_charge_only() {
    let deployment = unlimited().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    signed_in::set(&deployment, 33, "must_change_password", Attribute::Bool(true)).await;
    let address = raw::address_counter(&deployment, 300);
    for (name, more, status, left) in [
        ("johndoe", json!({"old_password": "SecurePass123!"}), 400, (4, 7)),
        ("st.huber", json!({"new_password": "st.huber@example.com"}), 422, (4, 7)),
        ("blocked", json!({}), 400, (4, 7)),
        ("dormant", json!({}), 400, (4, 7)),
        ("guarded", json!({}), 400, (4, 7)),
        ("guarded", json!({"token": "582969"}), 400, (4, 7)),
        ("guarded", json!({"token": "000000"}), 400, (5, 8)),
        ("changer", json!({"old_password": "wrong"}), 400, (5, 8)),
        ("nobody", json!({}), 400, (5, 8)),
        ("changer", json!({}), 200, (0, 8)),
    ] {
        let counter = raw::name_counter(&deployment, name).await;
        put_counter(&deployment, &counter, 4).await;
        put_counter(&deployment, &address, 7).await;
        let reply = change(&deployment, &with(body(name), more.clone())).await;
        assert_eq!(reply.status, status, "{name} {more}: {reply:?}");
        let counted =
            (raw::failures(&deployment, &counter).await, raw::failures(&deployment, &address).await);
        assert_eq!(counted, left, "{name} {more}");
    }
}

#[tokio::test]
async fn address_is_charged_for_guesses_only() {
    let (limit, john) = ("THROTTLE_ADDRESS_LIMIT", json!({"old_password": "SecurePass123!"}));
    let deployment = Deployment::start_with(|env| env.with(limit, "2")).await;
    // Two minutes into a window of five.
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    for _ in 0..4 {
        let reply = change(&deployment, &with(body("johndoe"), john.clone())).await;
        assert_reply(&reply, 400, NOT_NEEDED, json!({}), "no guess");
    }
    for name in ["changer", "nobody"] {
        let reply = change(&deployment, &with(body(name), json!({"old_password": "wrong"}))).await;
        assert_refusal("session", Refused::Wrong, &reply, name);
    }
    let before = deployment.app.passwords().verifications();
    let reply = change(&deployment, &body("changer")).await;
    assert_refusal("session", Refused::Throttled(180), &reply, "the third");
    let reply = deployment.password("account", "changer", OLD).await;
    assert_refusal("account", Refused::Throttled(180), &reply, "the third, at another contract");
    assert_eq!(deployment.app.passwords().verifications(), before);
    let counter = raw::name_counter(&deployment, "changer").await;
    assert_eq!(raw::failures(&deployment, &counter).await, 1);
    deployment.advance(LONGEST_WAIT);
    assert_eq!(change(&deployment, &body("changer")).await.status, 200);
}
