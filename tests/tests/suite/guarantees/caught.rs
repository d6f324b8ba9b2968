//! Each guarantee catches the routes that break it, and no others. A made contract has one sound route, and routes with
//! one defect each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::http::Method;
use lambda_http::lambda_runtime::LambdaEvent;
use postern::config::Config;
use postern::identity::LoginName;
use postern_local::demo::USERS;
use postern_local::functions::{Function, Invocation};
use postern_tests::deployment::{Deployment, event};
use postern_tests::edge::{SECRET, sends};
use postern_tests::events;
use serde_json::{Value, json};

use super::{
    audit, deadline, edge, faults, headers, indistinguishable, lockout, races, refusal_step, retries, secrecy,
};
use crate::support::raw;
use crate::support::routes::{Check, RouteUnderTest, broken, successes};

const SOUND: &str = "/sound";
const COUNTS_NOTHING: &str = "/counts-nothing";
const TELLS_WHO_EXISTS: &str = "/tells-who-exists";
const LOGS_PASSWORDS: &str = "/logs-passwords";
const HAS_NO_WORDS: &str = "/has-no-words";
const TAKES_ANY_METHOD: &str = "/takes-any-method";
const AUDITS_TWICE: &str = "/audits-twice";
const ONE_AT_A_TIME: &str = "/one-at-a-time";
const TRIES_ONCE: &str = "/tries-once";
const IS_OPEN_TO_ALL: &str = "/is-open-to-all";
const BELIEVES_ITS_CALLER: &str = "/believes-its-caller";
const KEEPS_SUCCESSES_WAITING: &str = "/keeps-successes-waiting";
const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SOUND),
    (Method::POST, COUNTS_NOTHING),
    (Method::POST, TELLS_WHO_EXISTS),
    (Method::POST, LOGS_PASSWORDS),
    (Method::POST, HAS_NO_WORDS),
    (Method::POST, TAKES_ANY_METHOD),
    (Method::POST, AUDITS_TWICE),
    (Method::POST, ONE_AT_A_TIME),
    (Method::POST, TRIES_ONCE),
    (Method::POST, IS_OPEN_TO_ALL),
    (Method::POST, BELIEVES_ITS_CALLER),
    (Method::POST, KEEPS_SUCCESSES_WAITING),
];

/// The function of the contract: account's sign-in on every route, with the defect that the path names.
fn function(deployment: &Deployment) -> Function {
    let (account, store) = (deployment.function("account").clone(), deployment.store.clone());
    let endpoint = deployment.env.optional("AWS_ENDPOINT_URL_DYNAMODB").unwrap().to_owned();
    let step = Config::from_env(&deployment.env).unwrap().refusal_step;
    // Of this deployment only: all tests of this process would share a static.
    let is_busy = Arc::new(AtomicBool::new(false));
    let handler = move |mut event: LambdaEvent<Value>| -> Invocation {
        let (account, store, endpoint) = (account.clone(), store.clone(), endpoint.clone());
        let is_busy = Arc::clone(&is_busy);
        Box::pin(async move {
            let path = event.payload["rawPath"].as_str().unwrap().to_owned();
            let route = path.trim_end_matches('/');
            let body = event.payload["body"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let of_account = path.replace(route, account.path.trim_end_matches('/'));
            events::set_path(&mut event.payload, &of_account);
            let request_id = event.payload["requestContext"]["requestId"].as_str().unwrap().to_owned();
            if route == TAKES_ANY_METHOD {
                event.payload["requestContext"]["http"]["method"] = json!("POST");
            }
            if route == IS_OPEN_TO_ALL {
                event.payload = sends(&event.payload, SECRET, "203.0.113.7:46532");
            }
            let viewer = event.payload["headers"]["cloudfront-viewer-address"].as_str().unwrap_or_default();
            if let (BELIEVES_ITS_CALLER, Some((address, _))) = (route, viewer.rsplit_once(':')) {
                event.payload["requestContext"]["http"]["sourceIp"] = json!(address);
            }
            let busy = route == ONE_AT_A_TIME && is_busy.swap(true, Ordering::SeqCst);
            let mut reply = (account.handler)(event).await?;
            if route == ONE_AT_A_TIME {
                is_busy.store(false, Ordering::SeqCst);
            }
            let name = body["username"].as_str().unwrap_or_default();
            match (route, reply["statusCode"].as_u64().unwrap()) {
                (COUNTS_NOTHING, 401) => {
                    store.unlock_name(&LoginName::new(name), postern::clock::now()).await.unwrap();
                }
                (TELLS_WHO_EXISTS, 401) if USERS.iter().all(|user| user.username != name) => {
                    reply["statusCode"] = json!(404);
                }
                (LOGS_PASSWORDS, 401) => tracing::warn!("refused {}", body["password"]),
                (HAS_NO_WORDS, 500..) => reply["body"] = json!(""),
                (AUDITS_TWICE, 200) => {
                    tracing::warn!(%request_id, contract = "account", outcome = "signed_in")
                }
                (TRIES_ONCE, 200) if !raw::put_once(&endpoint, "EXAMPLE#1", "EXAMPLE").await => {
                    reply["statusCode"] = json!(500);
                }
                (KEEPS_SUCCESSES_WAITING, 200) => tokio::time::sleep(step).await,
                (ONE_AT_A_TIME, 200) if busy => reply["statusCode"] = json!(503),
                _ => {}
            }
            Ok(reply)
        })
    };
    Function { name: "example", path: SOUND, routes: ROUTES, handler: Arc::new(handler) }
}

/// The check catches these routes, and no others.
async fn assert_catches(check: Check, expected: &[&str]) {
    let body = json!({"username": "johndoe", "password": "SecurePass123!"}).to_string();
    let routes = ROUTES.iter().map(|(method, path)| RouteUnderTest {
        function: "example",
        contract: "account",
        method: method.clone(),
        path,
        events: vec![event("POST", path, &[("content-type", "application/json")], Some(&body))],
        made_by: Some(function),
    });
    let routes: Vec<_> = routes.collect();
    let caught = broken(&routes, check).await;
    let paths: Vec<_> = caught.iter().map(|(route, _)| route.path).collect();
    assert_eq!(paths, expected, "{caught:?}");
}

#[tokio::test]
async fn audit_catches_only_a_route_that_audits_twice() {
    assert_catches(|route| Box::pin(audit::check(route)), &[AUDITS_TWICE]).await;
}

#[tokio::test]
async fn deadline_catches_only_a_route_without_words_for_a_failure() {
    assert_catches(|route| Box::pin(deadline::check(route)), &[HAS_NO_WORDS]).await;
}

#[tokio::test]
async fn edge_catches_only_routes_that_answer_without_the_secret_or_trust_a_header() {
    assert_catches(|route| Box::pin(edge::check(route)), &[IS_OPEN_TO_ALL, BELIEVES_ITS_CALLER]).await;
}

#[tokio::test]
async fn faults_catches_only_a_route_without_words_for_a_failure() {
    assert_catches(|route| Box::pin(faults::check(route)), &[HAS_NO_WORDS]).await;
}

#[tokio::test]
async fn headers_catches_only_a_route_that_takes_any_method() {
    assert_catches(|route| Box::pin(headers::check(route)), &[TAKES_ANY_METHOD]).await;
}

#[tokio::test]
async fn indistinguishable_catches_only_a_route_that_shows_which_users_exist() {
    // To unlock a name takes another call if a user has it.
    assert_catches(|route| Box::pin(indistinguishable::check(route)), &[COUNTS_NOTHING, TELLS_WHO_EXISTS])
        .await;
}

#[tokio::test]
async fn lockout_catches_only_a_route_that_counts_nothing() {
    assert_catches(|route| Box::pin(lockout::check(route)), &[COUNTS_NOTHING]).await;
}

#[tokio::test]
async fn races_catches_only_a_route_that_serves_one_at_a_time() {
    assert_catches(|route| Box::pin(races::check(route)), &[ONE_AT_A_TIME]).await;
}

#[tokio::test]
async fn refusal_step_catches_only_a_route_whose_successes_wait() {
    assert_catches(|route| Box::pin(refusal_step::check(route)), &[KEEPS_SUCCESSES_WAITING]).await;
}

#[tokio::test]
async fn retries_catches_only_a_route_that_tries_a_write_once() {
    assert_catches(|route| Box::pin(retries::check(route)), &[TRIES_ONCE]).await;
}

#[tokio::test]
async fn secrecy_catches_only_a_route_that_logs_passwords() {
    assert_catches(|route| Box::pin(secrecy::check(route)), &[LOGS_PASSWORDS]).await;
}

#[test]
#[should_panic(expected = "events/email has no event of POST /api/added that succeeds")]
fn route_without_a_sample_event_fails() {
    successes(&events::all(None), "email", &Method::POST, "/api/added");
}
