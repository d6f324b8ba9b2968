//! After a lost race or a fault, the counters and the sessions are as they should be.

use postern::identity::{LoginName, Status};
use postern::store::Written;
use postern_tests::deployment::{PASSWORD_ROUTES, credentials, name_at};
use serde_json::json;

use crate::support::mfa::{HUBER, PASSWORD, begin, confirmation, post_mfa};
use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure};
use crate::support::sign_in::{By, charge, refund};
use crate::support::signed_in::{code, mfa_jwt};
use crate::support::words::{Refused, assert_refusal, unlimited};

/// If the same request is sent twice at once, at least one succeeds, and neither is answered by a 5xx.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, _proxy) = route.deployment(|env| env).await;
        let (one, other) = tokio::join!(route.send(&deployment, event), route.send(&deployment, event));
        let right = one.status.min(other.status) < 300 && one.status.max(other.status) < 500;
        ensure(right, || format!("two at once: {one:?} and {other:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_answers_two_equal_requests_at_once() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// Without a hash there is no guess. An outage must not lock out users or their offices.
#[tokio::test]
async fn fault_of_the_table_is_not_counted_against_the_name_or_the_address() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "5")).await;
    for fails in ["GetItem LOGIN", charge("account")] {
        proxy.fail(move |call| call.starts_with(fails).then(|| error(400, "AccessDeniedException")));
        for attempt in 0..6 {
            let reply = deployment.password("account", "johndoe", "SecurePass123!").await;
            assert_refusal("account", Refused::Fault, &reply, &format!("{fails}: {attempt}"));
        }
        proxy.heal();
        assert_eq!(deployment.password("account", "johndoe", "SecurePass123!").await.status, 200, "{fails}");
        raw::forget_addresses(&deployment, "johndoe").await;
    }
}

/// The user would see a session whose token no client has.
#[tokio::test]
async fn lost_race_for_a_code_leaves_no_session() {
    let deployment = unlimited().await;
    deployment.set_time(postern::clock::Timestamp::from_millis(1_700_000_000_000));
    let mut body = credentials("account", "guarded", "Password1234!");
    body["token"] = json!("582969");
    let text = body.to_string();
    let (a, b, c) = tokio::join!(
        deployment.post("account", &text),
        deployment.post("account", &text),
        deployment.post("account", &text)
    );
    let good = [a, b, c].iter().filter(|reply| reply.status == 200).count();
    let sessions = raw::all(&deployment).await;
    let sessions = sessions.iter().filter(|item| format!("{:?}", item["pk"]).contains("SESSIONS#43")).count();
    assert_eq!((good, sessions), (1, 1));
}

/// A code that was spent is wrong, and counts as a failure.
#[tokio::test]
async fn lost_race_for_a_code_counts_as_a_failure() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    deployment.set_time(postern::clock::Timestamp::from_millis(1_700_000_000_000));
    // The condition of the commit fails, as it does for the second request.
    proxy.fail(|call| {
        call.starts_with("UpdateItem USER SET last_sign_in")
            .then(|| error(400, "ConditionalCheckFailedException"))
    });
    let mut body = credentials("account", "guarded", "Password1234!");
    body["token"] = json!("582969");
    for attempt in 0..5 {
        let reply = deployment.sign_in("account", body.clone()).await;
        assert_refusal("account", Refused::Wrong, &reply, &attempt.to_string());
    }
    let reply = deployment.sign_in("account", body).await;
    assert_refusal("account", Refused::Throttled(1), &reply, "five wrong codes in a row");
}

/// An operator disables the user after the user is read and before the sign-in is committed. The operator's change
/// stays, the sign-in is refused, and the session that it began is over.
#[tokio::test]
async fn user_disabled_during_a_sign_in_stays_disabled_and_is_refused() {
    for (contract, by) in PASSWORD_ROUTES
        .map(|contract| (contract, By::Password))
        .into_iter()
        .chain([("account", By::Totp), ("email", By::RecoveryCode)])
    {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        deployment.set_time(postern::clock::Timestamp::from_millis(1_700_000_000_000));
        let id = by.user().1;
        let mut expected = raw::user(&deployment, id).await;
        let commit = "UpdateItem USER SET last_sign_in";
        proxy.rule(move |seen| if seen.starts_with(commit) { Fate::Hold } else { Fate::Pass });
        let operator = async {
            proxy.reached().await;
            assert_eq!(
                deployment.store.set_status(id, Status::Disabled, deployment.now()).await.unwrap(),
                Written::Done
            );
            proxy.heal();
            proxy.release();
        };
        let (reply, ()) = tokio::join!(deployment.sign_in(contract, by.body(contract)), operator);
        assert_refusal(contract, Refused::Wrong, &reply, "a right password, too late");
        expected.insert("status".to_owned(), raw::text("disabled"));
        expected.insert("epoch".to_owned(), raw::number(1));
        for moment in ["sessions_ended_at", "updated_at"] {
            expected.insert(moment.to_owned(), raw::number(deployment.now().millis()));
        }
        let user = raw::user(&deployment, id).await;
        assert_eq!(user, expected, "{contract} left the user alone");
        let sessions = deployment.store.sessions(id).await.unwrap();
        assert!(sessions.iter().all(|session| !session.is_alive(1, deployment.now())), "{contract}");
    }
}

/// An operator deletes the user before a write of an attempt arrives. No write of ours may create the user
/// again, without a password and a status.
#[tokio::test]
async fn user_deleted_during_an_attempt_stays_deleted() {
    for contract in PASSWORD_ROUTES {
        for (username, password, write, refused) in [
            ("johndoe", "SecurePass123!", charge(contract), Refused::UnknownUser),
            ("johndoe", "SecurePass123!", "UpdateItem USER SET last_sign_in", Refused::Wrong),
            ("blocked", "Password1234!", refund(contract), Refused::Disabled),
        ] {
            let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
            let name = name_at(contract, username);
            let id = deployment.store.login(&LoginName::new(&name)).await.unwrap().unwrap().user_id;
            let user = deployment.store.user(id).await.unwrap().unwrap();
            proxy.rule(move |seen| if seen.starts_with(write) { Fate::Hold } else { Fate::Pass });
            let operator = async {
                proxy.reached().await;
                assert_eq!(deployment.store.delete_user(&user).await.unwrap(), Written::Done);
                proxy.heal();
                proxy.release();
            };
            let (reply, ()) = tokio::join!(deployment.password(contract, &name, password), operator);
            assert_refusal(contract, refused, &reply, write);
            assert_eq!(
                raw::item(&deployment, &format!("USER#{id}"), "USER").await,
                None,
                "{contract}: {write}"
            );
            // An attempt that was not charged to the user was charged to the name.
            let counted = raw::failures(&deployment, &raw::own_counter(&name)).await;
            assert_eq!(counted, i64::from(refused == Refused::UnknownUser), "{contract}: {write}");
        }
    }
}

/// The same while the user switches MFA.
#[tokio::test]
async fn user_deleted_while_mfa_is_switched_stays_deleted() {
    for write in ["UpdateItem USER SET pending_mfa_secret", "UpdateItem USER SET mfa", refund("mfa")] {
        let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
        let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
        let mut body = json!({"mfa": true});
        if !write.ends_with("pending_mfa_secret") {
            let secret = begin(&deployment, &token).await;
            body = confirmation(&secret, &code(&deployment, &secret, 0));
        }
        let user = deployment.store.user(HUBER).await.unwrap().unwrap();
        proxy.rule(move |seen| if seen.starts_with(write) { Fate::Hold } else { Fate::Pass });
        let operator = async {
            proxy.reached().await;
            let user = deployment.store.user(HUBER).await.unwrap().unwrap_or(user);
            assert_eq!(deployment.store.delete_user(&user).await.unwrap(), Written::Done);
            proxy.heal();
            proxy.release();
        };
        let (reply, ()) = tokio::join!(post_mfa(&deployment, &token, &body), operator);
        assert_eq!(reply.status == 200, write == refund("mfa"), "{write}: {reply:?}");
        assert_eq!(raw::item(&deployment, "USER#33", "USER").await, None, "{write}");
    }
}
