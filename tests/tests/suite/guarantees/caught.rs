//! Each guarantee catches the routes that break it, and no others. A made contract has one sound route, and routes with
//! one defect each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lambda_http::http::Method;
use lambda_http::lambda_runtime::LambdaEvent;
use postern::identity::LoginName;
use postern_local::demo::USERS;
use postern_local::functions::{Function, Invocation};
use postern_tests::deployment::{Deployment, event};
use serde_json::{Value, json};

use super::GUARANTEES;
use crate::support::routes::{RouteUnderTest, broken};

const SOUND: &str = "/sound";
const COUNTS_NOTHING: &str = "/counts-nothing";
const TELLS_WHO_EXISTS: &str = "/tells-who-exists";
const LOGS_PASSWORDS: &str = "/logs-passwords";
const HAS_NO_WORDS: &str = "/has-no-words";
const TAKES_ANY_METHOD: &str = "/takes-any-method";
const AUDITS_TWICE: &str = "/audits-twice";
const ONE_AT_A_TIME: &str = "/one-at-a-time";
const ROUTES: &[(Method, &str)] = &[
    (Method::POST, SOUND),
    (Method::POST, COUNTS_NOTHING),
    (Method::POST, TELLS_WHO_EXISTS),
    (Method::POST, LOGS_PASSWORDS),
    (Method::POST, HAS_NO_WORDS),
    (Method::POST, TAKES_ANY_METHOD),
    (Method::POST, AUDITS_TWICE),
    (Method::POST, ONE_AT_A_TIME),
];

static BUSY: AtomicBool = AtomicBool::new(false);

/// The function of the contract: account's sign-in on every route, with the defect that the path names.
fn function(deployment: &Deployment) -> Function {
    let (account, store) = (deployment.function("account").clone(), deployment.store.clone());
    let handler = move |mut event: LambdaEvent<Value>| -> Invocation {
        let (account, store) = (account.clone(), store.clone());
        Box::pin(async move {
            let path = event.payload["rawPath"].as_str().unwrap().to_owned();
            let route = path.trim_end_matches('/');
            let body = event.payload["body"].as_str().unwrap_or_default();
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            event.payload["rawPath"] = json!(path.replace(route, account.path.trim_end_matches('/')));
            let request_id = event.payload["requestContext"]["requestId"].as_str().unwrap().to_owned();
            if route == TAKES_ANY_METHOD {
                event.payload["requestContext"]["http"]["method"] = json!("POST");
            }
            let busy = route == ONE_AT_A_TIME && BUSY.swap(true, Ordering::SeqCst);
            let mut reply = (account.handler)(event).await?;
            if route == ONE_AT_A_TIME {
                BUSY.store(false, Ordering::SeqCst);
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
                (ONE_AT_A_TIME, 200) if busy => reply["statusCode"] = json!(503),
                _ => {}
            }
            Ok(reply)
        })
    };
    Function { name: "example", path: SOUND, routes: ROUTES, handler: Arc::new(handler) }
}

#[tokio::test]
async fn guarantee_catches_the_routes_that_break_it_and_no_others() {
    let body = json!({"username": "johndoe", "password": "SecurePass123!"}).to_string();
    for (guarantee, check) in GUARANTEES {
        let routes = ROUTES.iter().map(|(method, path)| RouteUnderTest {
            function: "example",
            contract: "account",
            method: method.clone(),
            path,
            events: vec![event("POST", path, &[("content-type", "application/json")], Some(&body))],
            made_by: Some(function),
        });
        let routes: Vec<_> = routes.collect();
        let caught: Vec<_> = broken(&routes, check).await.iter().map(|(route, _)| route.path).collect();
        let expected: &[&str] = match guarantee {
            "audit" => &[AUDITS_TWICE],
            "headers" => &[TAKES_ANY_METHOD],
            "races" => &[ONE_AT_A_TIME],
            "lockout" => &[COUNTS_NOTHING],
            "indistinguishable" => &[TELLS_WHO_EXISTS],
            "secrecy" => &[LOGS_PASSWORDS],
            "faults" | "deadline" => &[HAS_NO_WORDS],
            _ => &[],
        };
        assert_eq!(caught, expected, "{guarantee}");
    }
}
