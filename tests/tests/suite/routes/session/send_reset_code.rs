//! `POST /api/auth/forgotPassword/sendEmail`.

use std::time::Duration;

use postern::store::operator::UserRecord;
use postern_local::demo::{self, USERS};
use postern_tests::deployment::{Deployment, event};
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::reset::{SEND, SENT, UNKNOWN, mails, put_digits, reset, send};
use crate::support::words::{Refused, assert_refusal, assert_reply};

const NO_ADDRESS: &str =
    r#"{"msg":"There are no email addresses for this account","error_code":"no_email_addresses"}"#;

/// The one message on the queue, without its random id.
fn message(deployment: &Deployment) -> Value {
    let messages = deployment.queued();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let mut message = message.clone();
    let id = message.as_object_mut().unwrap().remove("id").unwrap();
    assert_eq!(id.as_str().unwrap().len(), 32, "{id}");
    message
}

async fn create_without_address(deployment: &Deployment) -> u64 {
    let user = demo::user(&deployment.app, &USERS[2]);
    let user = UserRecord { id: 300, username: "mailless".to_owned(), email: String::new(), ..user };
    deployment.store.create_user(user).await.unwrap()
}

#[tokio::test]
async fn request_puts_the_user_on_the_queue_and_neither_address_nor_code() {
    let deployment = Deployment::start().await;
    for name in ["st.huber", " ST.Huber "] {
        assert_reply(&send(&deployment, name).await, 200, SENT, json!({}), name);
        let expected = json!({"contract": "session", "kind": "reset_code", "owner": {"user": 33},
            "asked_at": deployment.now().millis()});
        assert_eq!(message(&deployment), expected, "{name}");
    }
}

#[tokio::test]
async fn name_that_no_user_has_is_404_and_its_digest_is_put_on_the_queue() {
    let deployment = Deployment::start().await;
    for name in ["nobody", "st.huber@example.com"] {
        assert_reply(&send(&deployment, name).await, 404, UNKNOWN, json!({}), name);
        let digest = hex::encode(ring::digest::digest(&ring::digest::SHA256, name.as_bytes()).as_ref());
        let expected = json!({"contract": "session", "kind": "reset_code", "owner": {"name": digest},
            "asked_at": deployment.now().millis()});
        assert_eq!(message(&deployment), expected, "{name}");
    }
}

#[tokio::test]
async fn user_without_an_address_is_400() {
    let deployment = Deployment::start().await;
    let id = create_without_address(&deployment).await;
    assert_reply(&send(&deployment, "mailless").await, 400, NO_ADDRESS, json!({}), "mailless");
    assert_eq!(message(&deployment)["owner"], json!({"user": id}));
}

#[tokio::test]
async fn hidden_users_get_one_reply() {
    let deployment = Deployment::start_with(|env| env.with("HIDE_UNKNOWN_USERS", "true")).await;
    create_without_address(&deployment).await;
    for name in ["st.huber", "blocked", "dormant", "mailless", "nobody"] {
        assert_reply(&send(&deployment, name).await, 200, SENT, json!({}), name);
        assert_eq!(deployment.queued().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn name_gets_three_mails_and_then_waits_that_double_up_to_a_day() {
    for (name, status) in [("st.huber", 200), ("nobody", 404)] {
        let deployment = Deployment::start().await;
        for _ in 0..3 {
            assert_eq!(send(&deployment, name).await.status, status, "{name}");
        }
        for wait in [900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400] {
            let refused = Refused::Throttled(wait);
            assert_refusal("session", refused, &send(&deployment, name).await, name);
            deployment.advance(Duration::from_secs(wait - 1));
            assert_refusal("session", Refused::Throttled(1), &send(&deployment, name).await, name);
            deployment.advance(Duration::from_secs(1));
            assert_eq!(send(&deployment, name).await.status, status, "{name} after {wait}");
        }
        assert_eq!(deployment.queued().len(), 12, "{name}");
        // Another name does not wait.
        assert_eq!(send(&deployment, "johndoe").await.status, 200);
    }
}

#[tokio::test]
async fn address_gets_twenty_mails_in_an_hour() {
    let deployment = Deployment::start().await;
    // The hour begins now.
    let hour = deployment.now().secs() / 3600 + 1;
    deployment.set_time(postern::clock::Timestamp::from_millis(hour * 3_600_000));
    let from = async |address: &str, name: &str| {
        let mut event = event("POST", SEND, &[], Some(&json!({"username": name}).to_string()));
        event["requestContext"]["http"]["sourceIp"] = json!(address);
        deployment.invoke("session", event).await
    };
    for name in 0..20 {
        assert_eq!(from("192.0.2.1", &format!("name{name}")).await.status, 404, "{name}");
    }
    for name in ["st.huber", "nobody"] {
        let refused = Refused::Throttled(3600);
        assert_refusal("session", refused, &from("192.0.2.1", name).await, name);
    }
    assert_eq!(
        mails(&deployment, "session", "st.huber").await,
        0,
        "a refused request is not counted with the name"
    );
    assert_eq!(from("192.0.2.2", "st.huber").await.status, 200);
    deployment.advance(Duration::from_secs(3600));
    assert_eq!(from("192.0.2.1", "st.huber").await.status, 200);
}

#[tokio::test]
async fn reset_clears_the_count_of_the_mails() {
    let deployment = Deployment::start().await;
    for _ in 0..3 {
        send(&deployment, "st.huber").await;
    }
    put_digits(&deployment, 33).await;
    assert_eq!(reset(&deployment, "St.Huber", json!({})).await.status, 200);
    assert_eq!(mails(&deployment, "session", "st.huber").await, 0);
    assert_eq!(send(&deployment, "st.huber").await.status, 200);
}

#[tokio::test]
async fn queue_that_is_down_is_503_and_no_mail_is_counted() {
    let deployment = Deployment::start().await;
    deployment.mail_services.queue.set_down(true);
    for name in ["st.huber", "nobody"] {
        for _ in 0..4 {
            assert_refusal("session", Refused::Unavailable(1), &send(&deployment, name).await, name);
        }
        assert_eq!(mails(&deployment, "session", name).await, 0, "{name}");
    }
    deployment.mail_services.queue.set_down(false);
    assert_eq!(send(&deployment, "st.huber").await.status, 200);
}

#[tokio::test]
async fn deployment_without_a_queue_is_503_and_reads_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("MAIL_QUEUE_URL", "")).await;
    proxy.calls();
    for name in ["st.huber", "nobody"] {
        assert_refusal("session", Refused::Unavailable(1), &send(&deployment, name).await, name);
    }
    assert_eq!(proxy.calls(), Vec::<String>::new());
}
