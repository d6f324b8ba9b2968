//! For any request, each contract answers in one of its own forms, never with a 5xx.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern_tests::deployment::{CONTRACTS, Deployment};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::words::{is_own_form, unlimited};

/// Runs a property against a deployment. There are few cases, since each that reaches a password costs a hash.
async fn check<S: Strategy>(strategy: S, property: impl Fn(&Deployment, S::Value)) {
    let deployment = unlimited().await;
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&strategy, |value| {
                property(&deployment, value);
                Ok(())
            })
            .unwrap();
    });
}

/// Sends an event and checks the form of the reply.
fn answers_in_its_own_form(deployment: &Deployment, contract: &str, event: Value) {
    let reply = tokio::runtime::Handle::current().block_on(deployment.invoke(contract, event.clone()));
    assert!(is_own_form(contract, &reply), "{contract} says {reply:?} to {event}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_bytes_are_answered() {
    check(vec(any::<u8>(), 0..300), |deployment, bytes| {
        for contract in CONTRACTS {
            let mut event = deployment.event(contract, Some(&STANDARD.encode(&bytes)));
            event["isBase64Encoded"] = json!(true);
            answers_in_its_own_form(deployment, contract, event);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_text_as_a_body_is_answered() {
    let good = r#"{"username":"nobody","email":"nobody","password":"x","token":"","stay_logged_in":1}"#;
    check((0..good.len(), 0..good.len(), ".{0,8}"), move |deployment, (from, to, text)| {
        let body = [&good[..from], &text, &good[from.max(to)..]].concat();
        for contract in CONTRACTS {
            answers_in_its_own_form(deployment, contract, deployment.event(contract, Some(&body)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_json_is_answered() {
    check(json_value(), |deployment, body| {
        for contract in CONTRACTS {
            answers_in_its_own_form(
                deployment,
                contract,
                deployment.event(contract, Some(&body.to_string())),
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_members_under_the_contracts_names_are_answered() {
    let names = select(vec![
        "username",
        "email",
        "password",
        "token",
        "session_information",
        "stay_logged_in",
        "Username",
    ]);
    check(btree_map(names, json_value(), 0..7), |deployment, members| {
        let body = json!(members).to_string();
        for contract in CONTRACTS {
            answers_in_its_own_form(deployment, contract, deployment.event(contract, Some(&body)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_authorizations_are_answered() {
    check("(Bearer |bearer|Basic )?[ -~é☃]{0,60}(\\.[ -~]{0,30}){0,3}", |deployment, authorization| {
        let mut event = deployment.event("sso", None);
        event["headers"]["authorization"] = json!(authorization);
        answers_in_its_own_form(deployment, "sso", event);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn arbitrary_queries_hosts_and_content_types_are_answered() {
    check(("\\PC{0,40}", "\\PC{0,20}", "\\PC{0,20}"), |deployment, (query, host, kind)| {
        for contract in CONTRACTS {
            let mut event = deployment.event(contract, Some("{}"));
            event["rawQueryString"] = json!(query);
            event["headers"]["host"] = json!(host);
            event["headers"]["content-type"] = json!(kind);
            event["requestContext"]["domainName"] = json!(host);
            answers_in_its_own_form(deployment, contract, event);
        }
    })
    .await;
}

/// Any JSON value, three levels deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(".{0,10}", inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}
