//! The limit of an address.

use std::time::Duration;

use postern::clock::Timestamp;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, credentials, name_at};
use serde_json::json;

use crate::support::raw;
use crate::support::words::{Refused, assert_refusal};

/// An event from another address.
async fn from(deployment: &Deployment, address: &str, name: &str, password: &str) -> Reply {
    let body = credentials("account", name, password).to_string();
    let mut event = deployment.event("account", Some(&body));
    event["requestContext"]["http"]["sourceIp"] = json!(address);
    // The header that a client sends is not used.
    event["headers"]["x-forwarded-for"] = json!("203.0.113.9");
    deployment.invoke("account", event).await
}

#[tokio::test]
async fn address_over_its_limit_is_refused_until_the_next_window() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "3")).await;
    // Two minutes into a window of five.
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    let home = "192.0.2.1";
    for name in ["a", "b", "c"] {
        assert_refusal("account", Refused::Wrong, &from(&deployment, home, name, "wrong").await, name);
        // The charge of a sign-in is reverted.
        if name == "a" {
            for _ in 0..5 {
                assert_eq!(from(&deployment, home, "johndoe", "SecurePass123!").await.status, 200);
            }
        }
    }
    let before = deployment.app.passwords().verifications();
    let reply = from(&deployment, home, "johndoe", "SecurePass123!").await;
    assert_refusal("account", Refused::Throttled(180), &reply, "the fourth");
    assert_eq!(deployment.app.passwords().verifications(), before);
    // The name was not charged: another address can sign in.
    assert_eq!(from(&deployment, "192.0.2.2", "johndoe", "SecurePass123!").await.status, 200);
    deployment.advance(Duration::from_secs(180));
    assert_eq!(from(&deployment, home, "johndoe", "SecurePass123!").await.status, 200, "the next window");
}

#[tokio::test]
async fn default_address_limit_is_thirty_and_counts_an_ipv6_64_as_one() {
    let deployment = Deployment::start().await;
    for attempt in 0..30 {
        let reply =
            from(&deployment, &format!("2001:db8::{attempt:x}:1"), &format!("n{attempt}"), "wrong").await;
        assert_refusal("account", Refused::Wrong, &reply, &attempt.to_string());
    }
    assert_eq!(from(&deployment, "2001:db8::ffff", "n", "wrong").await.status, 429);
    assert_eq!(from(&deployment, "2001:db8:0:1::ffff", "n", "wrong").await.status, 401);
}

/// Attempts at a locked name do not count as failures. Ten times the limit of them end a flood.
#[tokio::test]
async fn address_whose_attempts_are_refused_ten_times_as_often_as_its_limit_is_refused() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "4")).await;
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 120_000));
    let office = "192.0.2.1";
    for attempt in 0..39 {
        let reply = from(&deployment, office, "mallory", "wrong").await;
        assert_refusal("account", Refused::Throttled(900), &reply, &format!("attempt {attempt}"));
    }
    // The others in the office can sign in.
    assert_eq!(from(&deployment, office, "johndoe", "SecurePass123!").await.status, 200);
    from(&deployment, office, "mallory", "wrong").await;
    let before = deployment.app.passwords().verifications();
    for name in ["mallory", "johndoe"] {
        let reply = from(&deployment, office, name, "SecurePass123!").await;
        assert_refusal("account", Refused::Throttled(180), &reply, name);
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
    assert_eq!(from(&deployment, "192.0.2.2", "johndoe", "SecurePass123!").await.status, 200);
    deployment.advance(Duration::from_secs(180));
    assert_eq!(from(&deployment, office, "johndoe", "SecurePass123!").await.status, 200, "the next window");
}

/// The right password of a user who may not sign in is no guess. An office full of them is not locked out.
#[tokio::test]
async fn right_password_of_a_user_who_may_not_sign_in_is_not_counted() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "2")).await;
    for contract in PASSWORD_ROUTES {
        for (name, refused) in [
            ("dormant", Refused::NotActivated),
            ("blocked", Refused::Disabled),
            ("changer", Refused::MustChangePassword),
            ("guarded", Refused::MfaRequired),
        ] {
            for _ in 0..7 {
                let reply = deployment.password(contract, &name_at(contract, name), "Password1234!").await;
                assert_refusal(contract, refused, &reply, name);
            }
        }
    }
}

#[tokio::test]
async fn address_limit_follows_its_settings() {
    let deployment = Deployment::start_with(|env| {
        env.with("THROTTLE_ADDRESS_LIMIT", "2").with("THROTTLE_ADDRESS_WINDOW_SECONDS", "10")
    })
    .await;
    deployment.set_time(Timestamp::from_millis(1_700_000_004_000));
    for name in ["a", "b"] {
        assert_refusal("mfa", Refused::Wrong, &deployment.password("mfa", name, "wrong").await, name);
    }
    assert_refusal(
        "mfa",
        Refused::Throttled(6),
        &deployment.password("mfa", "c", "wrong").await,
        "the third",
    );
    deployment.advance(Duration::from_millis(5999));
    assert_refusal(
        "mfa",
        Refused::Throttled(1),
        &deployment.password("mfa", "c", "wrong").await,
        "the third",
    );
    deployment.advance(Duration::from_millis(1));
    assert_refusal(
        "mfa",
        Refused::Wrong,
        &deployment.password("mfa", "c", "wrong").await,
        "in the next window",
    );
}

/// A success leaves its charge while the address is below a third of its limit. So successes never reach the
/// limit, and two thirds of it are left for failures.
#[tokio::test]
async fn successes_in_any_number_are_admitted_and_failures_after_them_are_limited() {
    let deployment = Deployment::start().await;
    // A minute into a window of five.
    deployment.set_time(Timestamp::from_millis(5_666_667 * 300_000 + 60_000));
    let counter = raw::address_counter(&deployment, 300);
    for success in 1..=75 {
        let contract = PASSWORD_ROUTES[success % PASSWORD_ROUTES.len()];
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}: {success}");
        assert_eq!(raw::failures(&deployment, &counter).await, success.min(10) as i64, "{success}");
    }
    for failure in 1..=20 {
        let reply = deployment.password("account", &format!("n{failure}"), "wrong").await;
        assert_refusal("account", Refused::Wrong, &reply, &failure.to_string());
        let reply = deployment.password("account", "johndoe", "SecurePass123!").await;
        let status = if failure < 20 { 200 } else { 429 };
        assert_eq!(reply.status, status, "a success after {failure} failures");
    }
    let reply = deployment.password("account", "n21", "wrong").await;
    assert_refusal("account", Refused::Throttled(240), &reply, "the limit");
}
