//! Guesses are throttled: free failures, a wait that doubles, and the locked name.

mod address;
mod change_password;
mod known_addresses;
mod parallel;

use std::time::Duration;

use postern::identity::LoginName;
use postern_local::demo::LOCKED_NAMES;
use postern_tests::contracts::{LoginNameKind, login_name, taking};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, name_at};

use crate::support::proxy::Proxy;
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_password};
use crate::support::sign_in::LOCK_AFTER;
use crate::support::words::{Refused, assert_refusal, unlimited};

/// A route that verifies a password throttles it: after five failures the sixth attempt is refused, and hashes nothing.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, _proxy) = route.deployment(|env| env).await;
        let hashes = || deployment.app.passwords().verifications();
        let Some(wrong) = with_password(event, "wrong") else {
            let before = hashes();
            route.send(&deployment, event).await;
            ensure(hashes() == before, || "a request without a password is hashed".to_owned())?;
            continue;
        };
        for attempt in 1..=5 {
            let before = hashes();
            let reply = route.send(&deployment, &wrong).await;
            let refused = (400..500).contains(&reply.status) && reply.status != 429;
            ensure(refused && hashes() == before + 1, || format!("attempt {attempt}: {reply:?}"))?;
        }
        let before = hashes();
        for event in [&wrong, event] {
            let reply = route.send(&deployment, event).await;
            let throttled = route.is_refusal(Refused::Throttled(1), &reply);
            ensure(throttled, || format!("the sixth attempt is not throttled: {reply:?}"))?;
        }
        ensure(hashes() == before, || "a throttled attempt is hashed".to_owned())?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_that_verifies_a_password_throttles_it() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

#[tokio::test]
async fn sixth_failure_waits_and_each_wait_doubles() {
    for contract in PASSWORD_ROUTES {
        let deployment = unlimited().await;
        let name = name_at(contract, "johndoe");
        let fail = async |refused| {
            let before = deployment.app.passwords().verifications();
            let reply = deployment.password(contract, &name, "wrong").await;
            assert_refusal(contract, refused, &reply, "a wrong password");
            let hashes = if refused == Refused::Wrong { 1 } else { 0 };
            assert_eq!(deployment.app.passwords().verifications() - before, hashes, "{contract} {refused:?}");
        };
        for _ in 0..5 {
            fail(Refused::Wrong).await;
        }
        // Attempts during a wait are not counted, however many they are. The wait does not grow.
        for _ in 0..20 {
            fail(Refused::Throttled(1)).await;
        }
        deployment.advance(Duration::from_millis(999));
        fail(Refused::Throttled(1)).await;
        deployment.advance(Duration::from_millis(1));
        fail(Refused::Wrong).await;
        for wait in [2, 4] {
            fail(Refused::Throttled(wait)).await;
            deployment.advance(Duration::from_millis(1));
            fail(Refused::Throttled(wait)).await;
            deployment.advance(Duration::from_millis(wait * 1000 - 2));
            fail(Refused::Throttled(1)).await;
            deployment.advance(Duration::from_millis(1));
            fail(Refused::Wrong).await;
        }
        deployment.advance(Duration::from_secs(8));
        // A sign-in clears the count: there are five free failures again.
        assert_eq!(deployment.password(contract, &name, "SecurePass123!").await.status, 200, "{contract}");
        for _ in 0..5 {
            fail(Refused::Wrong).await;
        }
        fail(Refused::Throttled(1)).await;
    }
}

#[tokio::test]
async fn name_in_any_spelling_and_at_any_contract_has_one_counter() {
    let deployment = unlimited().await;
    for (contract, typed) in [
        ("account", "johndoe"),
        ("session", "JOHNDOE"),
        ("mfa", "  johndoe "),
        ("mfa", "ＪｏｈｎＤｏｅ"),
        ("account", "johndoe\n"),
    ] {
        let reply = deployment.password(contract, typed, "wrong").await;
        assert_refusal(contract, Refused::Wrong, &reply, typed);
    }
    for contract in taking(LoginNameKind::Username) {
        let reply = deployment.password(contract, "johndoe", "SecurePass123!").await;
        assert_refusal(contract, Refused::Throttled(1), &reply, "johndoe");
    }
    // A locked username leaves the e-mail address and the id unlocked.
    for (contract, name) in [("email", "johndoe@example.com"), ("mfa", "johndoe@example.com"), ("mfa", "1")] {
        assert_eq!(
            deployment.password(contract, name, "SecurePass123!").await.status,
            200,
            "{contract} {name}"
        );
    }
}

/// From the first failure to the locked name, a known and an unknown name get the same replies and the same waits.
#[tokio::test]
async fn unknown_name_waits_and_locks_like_a_known_one() {
    let deployment = unlimited().await;
    for failures in 0..LOCK_AFTER {
        let wait = wait_after(failures);
        for name in ["johndoe", "nobody"] {
            if wait > 0 {
                let reply = deployment.password("account", name, "SecurePass123!").await;
                assert_refusal(
                    "account",
                    Refused::Throttled(wait),
                    &reply,
                    &format!("{name}, {failures} failures"),
                );
            }
        }
        deployment.advance(Duration::from_secs(wait));
        for name in ["johndoe", "nobody"] {
            let reply = deployment.password("account", name, "wrong").await;
            assert_refusal("account", Refused::Wrong, &reply, &format!("{name}, {failures} failures"));
        }
    }
    deployment.advance(Duration::from_secs(30 * 24 * 3600));
    for name in ["johndoe", "nobody"] {
        let reply = deployment.password("account", name, "SecurePass123!").await;
        assert_refusal("account", Refused::Throttled(900), &reply, name);
    }
}

#[tokio::test]
async fn locked_name_is_refused_for_good_without_hashing() {
    let deployment = unlimited().await;
    let before = deployment.app.passwords().verifications();
    for contract in PASSWORD_ROUTES {
        let name = login_name(contract, LOCKED_NAMES[0], LOCKED_NAMES[1]);
        for _ in 0..3 {
            let reply = deployment.password(contract, name, "whatever").await;
            assert_refusal(contract, Refused::Throttled(900), &reply, name);
            deployment.advance(Duration::from_secs(24 * 3600));
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
}

/// How long a login name waits after this many failures.
fn wait_after(failures: u64) -> u64 {
    match failures {
        0..5 => 0,
        5..15 => 1 << (failures - 5),
        _ => 900,
    }
}

/// A user's three names have three counters, and so have three unknown names. At each step both get the same
/// replies, hashes and requests to the table, wherever the counter is.
#[tokio::test]
async fn three_names_of_a_known_and_an_unknown_user_wait_alike() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    let names = ["johndoe", "nobody", "johndoe@example.com", "nobody@example.com", "1", "999"];
    let step = async |refused, password: &str| {
        let mut steps = Vec::new();
        for name in names {
            let before = deployment.app.passwords().verifications();
            proxy.calls();
            let reply = deployment.password("mfa", name, password).await;
            assert_refusal("mfa", refused, &reply, name);
            steps.push((
                reply,
                deployment.app.passwords().verifications() - before,
                proxy.requests_of_any_name(),
            ));
        }
        for (pair, names) in steps.chunks(2).zip(names.chunks(2)) {
            assert_eq!(pair[0], pair[1], "{} is not as {}", names[0], names[1]);
            assert_eq!(
                (&pair[0].0, pair[0].1),
                (&steps[0].0, steps[0].1),
                "{} is not as {}",
                names[0],
                "johndoe"
            );
        }
    };
    for failures in 0..9 {
        if let wait @ 1.. = wait_after(failures) {
            // Not even the right password.
            step(Refused::Throttled(wait), "SecurePass123!").await;
            deployment.advance(Duration::from_millis(wait * 1000 - 1));
            step(Refused::Throttled(1), "wrong").await;
            deployment.advance(Duration::from_millis(1));
        }
        step(Refused::Wrong, "wrong").await;
    }
    for name in names {
        deployment.store.lock_name(&LoginName::new(name), deployment.now()).await.unwrap();
    }
    deployment.advance(Duration::from_secs(24 * 3600));
    step(Refused::Throttled(900), "SecurePass123!").await;
}

#[tokio::test]
async fn name_limit_follows_its_settings() {
    let deployment = Deployment::start_with(|env| {
        env.with("THROTTLE_FREE_FAILURES", "2")
            .with("THROTTLE_LOCK_AFTER", "6")
            .with("THROTTLE_MAX_WAIT_SECONDS", "3")
    })
    .await;
    // The waits before and after the attempt.
    for (before, after) in [(0, 0), (0, 1), (1, 2), (2, 3), (3, 3), (3, 3)] {
        deployment.advance(Duration::from_secs(before));
        assert_refusal(
            "mfa",
            Refused::Wrong,
            &deployment.password("mfa", "jimmy", "wrong").await,
            "a wrong password",
        );
        if after > 0 {
            let reply = deployment.password("mfa", "jimmy", "correct horse battery staple").await;
            assert_refusal("mfa", Refused::Throttled(after), &reply, "too soon");
        }
    }
    deployment.advance(Duration::from_secs(24 * 3600));
    let reply = deployment.password("mfa", "jimmy", "correct horse battery staple").await;
    assert_refusal("mfa", Refused::Throttled(3), &reply, "a locked name");
}
