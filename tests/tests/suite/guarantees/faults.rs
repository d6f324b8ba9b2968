//! When the table fails, a sign-in answers with the contract's own 5xx. Nobody is signed in, and the reply has no
//! details.

mod mfa;
mod refresh;
mod session;
mod sessions;
mod unreadable_items;
mod unreadable_sessions;

use futures_util::future::join_all;
use postern::clock::Timestamp;
use postern_tests::deployment::{CONTRACTS, Deployment, PASSWORD_ROUTES, Reply, credentials, name_at};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::{Proxy, error};
use crate::support::raw;
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure};
use crate::support::sign_in::{KNOW_ADDRESS, charge, put_counter, sessions_of, valid_event};
use crate::support::words::{Refused, assert_refusal};

/// Sends a valid sign-in with this request id.
async fn valid_sign_in(deployment: &Deployment, contract: &str, request_id: &str) -> Reply {
    let event = valid_event(deployment, contract, request_id);
    let mut reply = deployment.invoke(contract, event).await;
    assert_eq!(reply.headers["x-request-id"], json!(request_id));
    reply.headers["x-request-id"] = json!("test-request");
    reply
}

/// The log lines of a request.
fn logged(request_id: &str) -> Vec<Value> {
    let lines = logs::so_far();
    let lines = lines.lines().filter(|line| line.contains(request_id));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The outcome in the audit event of this request.
fn outcome(request_id: &str) -> String {
    let events = logged(request_id);
    let events: Vec<_> = events.iter().filter(|line| line["request_id"] == json!(request_id)).collect();
    assert_eq!(events.len(), 1, "{request_id}: {events:?}");
    events[0]["outcome"].as_str().unwrap().to_owned()
}

/// The failure of the store is one log line, with its cause.
#[track_caller]
fn assert_logged_once(request_id: &str) {
    let lines = logged(request_id);
    let errors: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1, "{request_id}: {errors:?}");
    assert_eq!(errors[0]["span"]["request_id"], json!(request_id));
    assert_eq!(errors[0]["message"], "the store failed", "{request_id}");
    assert!(
        errors[0]["cause"].as_str().is_some_and(|cause| cause.contains(": ")),
        "{request_id}: {errors:?}"
    );
}

/// johndoe is not signed in: no sign-in is recorded and no session begun.
async fn assert_not_signed_in(deployment: &Deployment) {
    assert!(!raw::user(deployment, 1).await.contains_key("last_sign_in"));
    assert_eq!(raw::sessions(deployment, 1).await, 0);
}

/// When the table fails, a route that needs it answers in the contract's words, with the headers of every reply.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for event in &route.events {
        let (deployment, proxy) = route.deployment(|env| env).await;
        for (fault, refused) in [
            (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
            (error(400, "AccessDeniedException"), Refused::Fault),
            (None, Refused::Unavailable(1)),
        ] {
            proxy.fail(move |_| Some(fault.clone()));
            let reply = route.send(&deployment, event).await;
            let right =
                if proxy.calls().is_empty() { reply.status < 300 } else { route.is_refusal(refused, &reply) };
            ensure(right, || format!("{refused:?} is answered by {reply:?}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_route_answers_a_failing_table_in_its_contracts_words() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

#[tokio::test]
async fn sign_in_without_a_table_is_unavailable_at_every_contract() {
    let mut deployment = Deployment::start().await;
    deployment.stop_table().await;
    for contract in CONTRACTS {
        let id = format!("no-table-{contract}");
        assert_refusal(
            contract,
            Refused::Unavailable(1),
            &valid_sign_in(&deployment, contract, &id).await,
            "no table",
        );
        assert_logged_once(&id);
        assert_eq!(outcome(&id), "store_unavailable");
    }
}

#[tokio::test]
async fn table_that_hangs_is_unavailable() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    proxy.fail(|_| Some(None));
    let replies = tokio::join!(
        valid_sign_in(&deployment, "sso", "hangs-sso"),
        valid_sign_in(&deployment, "account", "hangs-account")
    );
    assert_refusal("sso", Refused::Unavailable(1), &replies.0, "a table that hangs");
    assert_refusal("account", Refused::Unavailable(1), &replies.1, "a table that hangs");
    assert_logged_once("hangs-sso");
    assert_logged_once("hangs-account");
    assert_not_signed_in(&deployment).await;
    proxy.heal();
    for contract in CONTRACTS {
        assert_eq!(
            valid_sign_in(&deployment, contract, &format!("hung-{contract}")).await.status,
            200,
            "{contract}"
        );
    }
}

#[tokio::test]
async fn error_of_the_table_is_unavailable_or_a_fault() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (at, (fault, refused)) in [
        (error(400, "ProvisionedThroughputExceededException"), Refused::Unavailable(1)),
        (error(400, "ThrottlingException"), Refused::Unavailable(1)),
        (error(400, "RequestLimitExceeded"), Refused::Unavailable(1)),
        (error(400, "TransactionConflictException"), Refused::Unavailable(1)),
        (error(500, "InternalServerError"), Refused::Unavailable(1)),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
        (Some((502, "<html>LEAKED</html>".to_owned())), Refused::Unavailable(1)),
        (Some((200, "LEAKED, and no JSON".to_owned())), Refused::Unavailable(1)),
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(400, "ResourceNotFoundException"), Refused::Fault),
        (error(400, "ValidationException"), Refused::Fault),
        (error(400, "UnrecognizedClientException"), Refused::Fault),
        (error(400, "ExpiredTokenException"), Refused::Fault),
    ]
    .into_iter()
    .enumerate()
    {
        proxy.fail(move |_| Some(fault.clone()));
        // All contracts at once, since each retries for a while.
        let asked = CONTRACTS.map(async |contract| {
            let id = format!("errors-{at}-{contract}");
            (contract, valid_sign_in(&deployment, contract, &id).await, id)
        });
        for (contract, reply, id) in join_all(asked).await {
            assert_refusal(contract, refused, &reply, &format!("error {at}"));
            assert_logged_once(&id);
        }
    }
    assert_not_signed_in(&deployment).await;
    proxy.heal();
    for contract in CONTRACTS {
        assert_eq!(
            valid_sign_in(&deployment, contract, &format!("healed-{contract}")).await.status,
            200,
            "{contract}"
        );
    }
}

/// Each call of a sign-in fails in its turn. If the call is optional, the sign-in succeeds.
#[tokio::test]
async fn failure_of_a_required_call_refuses_the_sign_in_and_of_an_optional_one_does_not() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for (call, hashes, optional, with_session) in [
        ("GetItem LOGIN", 0, false, false),
        ("UpdateItem ADDRESS SET charged_by", 0, false, false),
        (charge("mfa"), 0, false, false),
        ("PutItem SESSIONS", 1, false, true),
        ("UpdateItem USER SET last_sign_in", 1, true, true),
        ("UpdateItem ADDRESS SET refunded_by", 1, true, true),
        (KNOW_ADDRESS, 1, true, true),
    ] {
        for contract in PASSWORD_ROUTES {
            if (sessions_of(contract) > 0) != with_session {
                continue;
            }
            // Above a third of the limit, a success is refunded.
            put_counter(&deployment, &raw::address_counter(&deployment, 300), 17).await;
            raw::forget_addresses(&deployment, &name_at(contract, "johndoe")).await;
            proxy.calls();
            proxy.fail(move |seen| seen.starts_with(call).then(|| error(400, "AccessDeniedException")));
            let before = deployment.app.passwords().verifications();
            let id = format!("{call} at {contract}");
            let reply = valid_sign_in(&deployment, contract, &id).await;
            assert!(proxy.calls().iter().any(|seen| seen.starts_with(call)), "{call} is never called");
            match optional {
                true => assert_eq!(reply.status, 200, "{contract}: {call}"),
                false => {
                    assert_refusal(contract, Refused::Fault, &reply, call);
                    assert_logged_once(&id);
                }
            }
            assert_eq!(deployment.app.passwords().verifications() - before, hashes, "{contract}: {call}");
            proxy.heal();
            assert_eq!(
                valid_sign_in(&deployment, contract, &format!("{call} heals at {contract}")).await.status,
                200
            );
        }
    }
}

#[tokio::test]
async fn code_whose_use_cannot_be_recorded_signs_nobody_in() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    for (fault, refused) in [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(400, "ProvisionedThroughputExceededException"), Refused::Unavailable(1)),
    ] {
        for contract in PASSWORD_ROUTES {
            let mut body = credentials(contract, &name_at(contract, "guarded"), "Password1234!");
            body["token"] = json!("582969");
            let fault = fault.clone();
            proxy.fail(move |call| {
                call.starts_with("UpdateItem USER SET last_sign_in").then(|| fault.clone())
            });
            let reply = deployment.sign_in(contract, body).await;
            assert_refusal(contract, refused, &reply, "a code that cannot be spent");
        }
    }
}
