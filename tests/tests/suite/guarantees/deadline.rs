//! A table that is slow at every step. The client gets a reply before Lambda ends the function.

use std::time::Duration;

use futures_util::future::join_all;
use postern_tests::contracts::takes_password;
use postern_tests::deployment::{CONTRACTS, Deployment, PASSWORD_CONTRACTS};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::{Fate, Proxy};
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure};
use crate::support::sign_in::valid_event;
use crate::support::words::{Refused, assert_refusal};

/// A request to a table that is too slow is answered in the contract's words before Lambda ends the function.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, proxy) = route.deployment(|env| env).await;
        proxy.rule(|_| Fate::Delay(Duration::from_millis(1500)));
        let reply = deployment.invoke_within(route.function, event.clone(), Duration::from_millis(900)).await;
        let right = if proxy.calls().is_empty() {
            reply.status < 300
        } else {
            route.is_refusal(Refused::Unavailable(1), &reply)
        };
        ensure(right, || format!("a slow table is answered by {reply:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_answers_a_slow_table_before_the_deadline() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// Each trip takes less time than a call may take, and all trips take more than the request may take. A sign-in is
/// given up in the third trip and sso in the first. Half a second is kept for the reply.
#[tokio::test]
async fn request_to_a_slow_table_is_answered_before_the_deadline_of_lambda() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let slow = async |contract: &str, time| {
        let id = format!("slow-{contract}");
        let mut reply = deployment
            .invoke_within(contract, valid_event(&deployment, contract, &id), Duration::from_millis(time))
            .await;
        assert_eq!(reply.headers["x-request-id"], json!(id));
        reply.headers["x-request-id"] = json!("test-request");
        assert_refusal(contract, Refused::Unavailable(1), &reply, "a slow table");
        let lines = logs::so_far();
        let lines = lines.lines().filter(|line| line.contains(&id));
        let errors: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &Value| line["level"] == "ERROR")
            .collect();
        assert_eq!(errors.len(), 1, "{contract}: {errors:?}");
        assert_eq!(errors[0]["message"], "the request ran out of time", "{contract}");
    };
    proxy.rule(|_| Fate::Delay(Duration::from_millis(500)));
    join_all(CONTRACTS.map(|contract| slow(contract, if takes_password(contract) { 1800 } else { 900 })))
        .await;
    // Slow, but fast enough for this deadline and for each call.
    proxy.rule(|_| Fate::Delay(Duration::from_millis(150)));
    let event = valid_event(&deployment, "account", "test-request");
    let reply = deployment.invoke_within("account", event, Duration::from_secs(20)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    proxy.heal();
    for contract in CONTRACTS {
        let event = valid_event(&deployment, contract, "test-request");
        assert_eq!(
            deployment.invoke_within(contract, event, Duration::from_secs(20)).await.status,
            200,
            "{contract}"
        );
    }
}

/// A request that arrives too close to the deadline is not begun.
#[tokio::test]
async fn request_without_time_left_hashes_nothing() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords().verifications();
    for contract in PASSWORD_CONTRACTS {
        let event = valid_event(&deployment, contract, "test-request");
        let reply = deployment.invoke_within(contract, event, Duration::from_millis(400)).await;
        assert_refusal(contract, Refused::Unavailable(1), &reply, "no time left");
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
}
