//! `POST /api/auth/forgotPassword/checkCode`.

use std::time::Duration;

use postern::identity::LoginName;
use postern::identity::Status;
use postern::password_reset::{CodeOwner, MAX_TRIES};
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::raw;
use crate::support::reset::{
    CHECK, CORRECT, DIGITS, INCORRECT, NO_CODE, UNKNOWN, USED_UP, check, failures, put, put_digits, put_link,
    tries,
};
use crate::support::sign_in::put_counter;
use crate::support::signed_in::post;
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

#[tokio::test]
async fn right_code_stays_valid_and_only_its_try_is_counted() {
    let deployment = Deployment::start().await;
    put_digits(&deployment, 33).await;
    for (number, code) in (1..).zip([json!("407446"), json!(407_446), json!("407 446"), json!("٤٠٧٤٤٦")])
    {
        let body = json!({"username": "st.huber", "code": code});
        let reply = post(&deployment, "session", CHECK, None, &body).await;
        assert_reply(&reply, 200, CORRECT, json!({}), &code.to_string());
        assert_eq!(tries(&deployment, "session", 33).await, number, "{code}");
        assert_eq!(failures(&deployment, "st.huber").await, (0, 0), "{code}");
    }
}

#[tokio::test]
async fn number_gets_its_leading_zeros_back() {
    let deployment = Deployment::start().await;
    put(&deployment, "session", &CodeOwner::User(33), "000042", 0).await;
    let body = json!({"username": "st.huber", "code": 42});
    assert_eq!(post(&deployment, "session", CHECK, None, &body).await.status, 200);
}

#[tokio::test]
async fn wrong_code_is_counted_with_the_code_the_name_and_the_address() {
    let deployment = Deployment::start().await;
    put_digits(&deployment, 33).await;
    for (number, code) in (1..).zip(["407447", "0", "4074466", "40744", "x", "33-407446"]) {
        assert_reply(&check(&deployment, "st.huber", code).await, 400, INCORRECT, json!({}), code);
        assert_eq!(tries(&deployment, "session", 33).await, number, "{code}");
        // The sixth comes while the name has to wait.
        let number = i64::try_from(number).unwrap();
        assert_eq!(failures(&deployment, "st.huber").await, (number.min(5), number), "{code}");
    }
}

#[tokio::test]
async fn code_has_twelve_tries_right_or_wrong() {
    for code in ["407447", DIGITS] {
        let deployment = unlimited().await;
        put_digits(&deployment, 33).await;
        for _ in 0..MAX_TRIES {
            assert_ne!(check(&deployment, "st.huber", code).await.text, USED_UP);
        }
        for code in ["407447", DIGITS] {
            assert_reply(&check(&deployment, "st.huber", code).await, 400, USED_UP, json!({}), code);
        }
        // A new code has its own tries.
        put_digits(&deployment, 33).await;
        assert_eq!(check(&deployment, "st.huber", DIGITS).await.status, 200);
    }
}

#[tokio::test]
async fn code_is_valid_for_fifteen_minutes() {
    let deployment = Deployment::start().await;
    assert_reply(&check(&deployment, "st.huber", DIGITS).await, 400, NO_CODE, json!({}), "none");
    put_digits(&deployment, 33).await;
    deployment.advance(Duration::from_secs(899));
    assert_eq!(check(&deployment, "st.huber", DIGITS).await.status, 200);
    deployment.advance(Duration::from_secs(2));
    assert_reply(&check(&deployment, "st.huber", DIGITS).await, 400, NO_CODE, json!({}), "expired");
}

#[tokio::test]
async fn code_is_of_one_user_one_contract_one_epoch_and_the_last_one() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, 33).await;
    for code in [code.as_str(), DIGITS] {
        let reply = check(&deployment, "st.huber", code).await;
        assert_reply(&reply, 400, NO_CODE, json!({}), "of another contract");
    }
    put_digits(&deployment, 33).await;
    put(&deployment, "session", &CodeOwner::User(1), "407440", 0).await;
    let reply = check(&deployment, "johndoe", DIGITS).await;
    assert_reply(&reply, 400, INCORRECT, json!({}), "of another user");

    put(&deployment, "session", &CodeOwner::User(33), "407440", 0).await;
    assert_reply(&check(&deployment, "st.huber", DIGITS).await, 400, INCORRECT, json!({}), "replaced");

    // The item of one user under the key of another.
    let mut item = raw::item(&deployment, "RESET#33", "session").await.unwrap();
    item.remove("pk");
    raw::put(&deployment, "RESET#1", "session", item).await;
    assert_eq!(check(&deployment, "st.huber", "407440").await.status, 200);
    assert_reply(&check(&deployment, "johndoe", "407440").await, 400, INCORRECT, json!({}), "copied");

    for status in [Status::Disabled, Status::Active] {
        let written = deployment.store.set_status(33, status, deployment.now()).await.unwrap();
        assert_eq!(written, postern::store::Written::Done);
    }
    assert_reply(&check(&deployment, "st.huber", "407440").await, 400, INCORRECT, json!({}), "ended");
}

#[tokio::test]
async fn name_that_no_user_has_is_404() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    for name in ["nobody", "st.huber@example.com"] {
        assert_reply(&check(&deployment, name, DIGITS).await, 404, UNKNOWN, json!({}), name);
    }
}

/// The mailer makes a code for such a name too.
#[tokio::test]
async fn hidden_name_is_answered_as_a_user_even_to_the_code_that_nobody_gets() {
    let deployment = Deployment::start_with(|env| {
        env.with("HIDE_UNKNOWN_USERS", "true").with("THROTTLE_ADDRESS_LIMIT", "1000000")
    })
    .await;
    let name = "nobody";
    for name in [name, "st.huber"] {
        assert_reply(&check(&deployment, name, DIGITS).await, 400, INCORRECT, json!({}), "before the mail");
    }
    let owner = CodeOwner::of(None, &LoginName::new(name));
    put(&deployment, "session", &owner, DIGITS, 0).await;
    for _ in 0..MAX_TRIES {
        assert_reply(&check(&deployment, name, DIGITS).await, 400, INCORRECT, json!({}), name);
    }
    assert_reply(&check(&deployment, name, DIGITS).await, 400, USED_UP, json!({}), name);
}

#[tokio::test]
async fn wait_or_lock_of_the_name_refuses_no_code() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    let name = raw::name_counter(&deployment, "st.huber").await;
    for count in [5, 33] {
        put_counter(&deployment, &name, count).await;
        let now = raw::Item::from([
            ("failures".to_owned(), raw::number(count)),
            ("charged_at".to_owned(), raw::number(deployment.now().millis())),
            ("charged_by".to_owned(), raw::text("x")),
        ]);
        name.put(&deployment, now).await;
        assert_eq!(deployment.password("session", "st.huber", "Password1234!").await.status, 429);
        assert_reply(&check(&deployment, "st.huber", DIGITS).await, 200, CORRECT, json!({}), "locked");
        let failures = raw::failures(&deployment, &name).await;
        assert_eq!(u64::try_from(failures).unwrap(), count, "a right code alone clears nothing");
    }
}

#[tokio::test]
async fn address_over_its_limit_may_try_no_code() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    put_digits(&deployment, 33).await;
    check(&deployment, "st.huber", "407447").await;
    let reply = check(&deployment, "st.huber", DIGITS).await;
    assert_eq!(reply.status, 429);
    assert_eq!(tries(&deployment, "session", 33).await, 1);
}

#[tokio::test]
async fn deployment_without_a_queue_is_503_and_reads_nothing() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("MAIL_QUEUE_URL", "")).await;
    put_digits(&deployment, 33).await;
    proxy.calls();
    let reply = check(&deployment, "st.huber", DIGITS).await;
    assert_refusal("session", Refused::Unavailable(1), &reply, "st.huber");
    assert_eq!(proxy.calls(), Vec::<String>::new());
}
