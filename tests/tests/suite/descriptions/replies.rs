//! Every reply is as described. The snapshots hold the replies to the sample events too, without tokens and times.

use postern_tests::deployment::Reply;
use serde_json::{Value, json};

use super::shown::{self, Shown};
use crate::support::operations::{self, Maker, Operation, assert_none};
use crate::support::samples;

#[tokio::test]
async fn every_reply_is_as_described() {
    let mut differences = Vec::new();
    for Shown { operation, how, maker, reply } in shown::all().await {
        let found = operation.differences(reply, *maker);
        differences.extend(found.iter().map(|each| format!("{operation:?}, {how}: {each}")));
    }
    assert_none(&differences);
}

/// A method that no operation has at a path gets 405 with the methods that the path has.
#[tokio::test]
async fn sample_event_without_an_operation_is_of_a_wrong_method() {
    for (sample, reply) in samples::replies().await {
        if operations::of(sample).is_some() {
            continue;
        }
        assert!(
            sample.name.ends_with("/wrong-method"),
            "{}/{} has no operation",
            sample.contract,
            sample.name
        );
        assert_eq!((reply.status, reply.json()), (405, json!({"message": "Method Not Allowed"})));
        let path = operations::path(&sample.event);
        let mut described: Vec<&str> =
            operations::all().iter().filter(|each| each.route() == path).map(|each| each.method).collect();
        let mut allowed: Vec<&str> = reply.header("allow").unwrap().split(", ").collect();
        described.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(allowed, described, "{path}");
    }
}

/// A reply with one thing changed.
type Change = (&'static str, fn(&mut Reply));

fn change_body(reply: &mut Reply, change: fn(&mut Value)) {
    let mut body = reply.json();
    change(&mut body);
    reply.text = body.to_string();
}

/// The check finds each kind of difference. Otherwise it would show nothing.
#[tokio::test]
async fn reply_that_is_not_as_described_is_found() {
    let (sample, reply) = sign_in("success").await;
    let success: [Change; 9] = [
        ("another status", |reply| reply.status = 202),
        ("a status of another kind", |reply| reply.status = 503),
        ("a member less", |reply| {
            change_body(reply, |body| drop(body["user"].as_object_mut().unwrap().remove("avatar")));
        }),
        ("a member more", |reply| change_body(reply, |body| body["user"]["password"] = json!("x"))),
        ("another type", |reply| change_body(reply, |body| body["user"]["id"] = json!("1"))),
        ("no JWT", |reply| change_body(reply, |body| body["access"] = json!("[jwt]"))),
        ("a header less", |reply| drop(reply.headers.as_object_mut().unwrap().remove("pragma"))),
        ("a header more", |reply| reply.headers["server"] = json!("x")),
        ("another value of a header", |reply| reply.headers["cache-control"] = json!("private")),
    ];
    assert_found(&sample, reply, &success);

    let (sample, reply) = sign_in("throttled").await;
    let throttled: [Change; 4] = [
        ("another word", |reply| change_body(reply, |body| body["error"] = json!("Too many."))),
        ("API Gateway's body", |reply| reply.text = json!({"message": "Too Many Requests"}).to_string()),
        ("no Retry-After", |reply| drop(reply.headers.as_object_mut().unwrap().remove("retry-after"))),
        ("no whole seconds", |reply| reply.headers["retry-after"] = json!("0.5")),
    ];
    assert_found(&sample, reply, &throttled);
    assert!(!sample.differences(reply, Maker::Gateway).is_empty(), "it is the function's");
}

#[track_caller]
fn assert_found(operation: &Operation, reply: &Reply, changes: &[Change]) {
    assert_none(&operation.differences(reply, Maker::Function));
    for (what, change) in changes {
        let mut changed = reply.clone();
        change(&mut changed);
        assert!(!operation.differences(&changed, Maker::Function).is_empty(), "{what} is not found");
    }
}

/// The operation and the reply of email's sign-in for this case.
async fn sign_in(case: &str) -> (Operation, &'static Reply) {
    let is_case = |(sample, _): &&(_, _)| {
        let sample: &postern_tests::events::SampleEvent = sample;
        sample.contract == "email" && sample.name == format!("sign-in/{case}")
    };
    let (sample, reply) = samples::replies().await.iter().find(is_case).unwrap();
    (operations::of(sample).unwrap(), reply)
}
