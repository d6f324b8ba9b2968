//! `POST /api/v2/account/recover/`.

use std::time::Duration;

use postern_tests::deployment::{Deployment, Reply};
use serde_json::json;

use crate::support::reset::{mails, put_link, recover, reset_by_link};
use crate::support::words::{Refused, assert_refusal, headers};

/// The reply has no content.
#[track_caller]
fn assert_no_content(reply: &Reply, of: &str) {
    let mut headers = headers(json!({}));
    headers.as_object_mut().unwrap().remove("content-type");
    assert_eq!((reply.status, reply.text.as_str(), &reply.headers), (204, "", &headers), "{of}");
}

#[tokio::test]
async fn every_address_gets_the_same_reply_and_one_message() {
    let deployment = Deployment::start().await;
    for (email, owner) in [
        ("jimmy@example.com", json!({"user": 14})),
        (" JIMMY@example.com", json!({"user": 14})),
        ("blocked@example.com", json!({"user": 42})),
        ("jimmy", json!(null)),
        ("nobody@example.com", json!(null)),
    ] {
        assert_no_content(&recover(&deployment, email).await, email);
        let messages = deployment.queued();
        let [message] = messages.as_slice() else { panic!("{email}: {messages:?}") };
        assert_eq!((&message["contract"], &message["kind"]), (&json!("account"), &json!("reset_code")));
        match owner.is_null() {
            true => assert_eq!(message["owner"]["name"].as_str().unwrap().len(), 64, "{email}"),
            false => assert_eq!(message["owner"], owner, "{email}"),
        }
    }
}

#[tokio::test]
async fn request_over_the_limit_gets_the_same_reply_and_no_mail() {
    for email in ["jimmy@example.com", "nobody@example.com"] {
        let deployment = Deployment::start().await;
        for _ in 0..5 {
            assert_no_content(&recover(&deployment, email).await, email);
        }
        assert_eq!(deployment.queued().len(), 3, "{email}");
        deployment.advance(Duration::from_secs(900));
        assert_no_content(&recover(&deployment, email).await, email);
        assert_eq!(deployment.queued().len(), 1, "{email}");
    }
}

#[tokio::test]
async fn reset_clears_the_count_of_the_mails() {
    let deployment = Deployment::start().await;
    recover(&deployment, "jimmy@example.com").await;
    assert_eq!(mails(&deployment, "account", "jimmy@example.com").await, 1);
    let code = put_link(&deployment, 14).await;
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200);
    assert_eq!(mails(&deployment, "account", "jimmy@example.com").await, 0);
}

#[tokio::test]
async fn queue_that_is_down_or_missing_is_503() {
    let mut deployment = Deployment::start().await;
    deployment.mail_services.queue.set_down(true);
    for email in ["jimmy@example.com", "nobody@example.com"] {
        let reply = recover(&deployment, email).await;
        assert_refusal("account", Refused::Unavailable(1), &reply, email);
        assert_eq!(mails(&deployment, "account", email).await, 0, "{email}");
    }
    deployment.restart(|env| env.with("MAIL_QUEUE_URL", "")).await;
    let reply = recover(&deployment, "jimmy@example.com").await;
    assert_refusal("account", Refused::Unavailable(1), &reply, "no queue");
    let code = put_link(&deployment, 14).await;
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_refusal("account", Refused::Unavailable(1), &reply, "no queue");
}
