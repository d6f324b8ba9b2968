//! Faults, crashes and lost answers during a reset.

use std::time::Duration;

use serde_json::json;

use super::By;
use crate::support::mfa::{CODE, GUARDED, MOMENT};
use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::reset::{self, NEW, RECOVER, SEND, mails};
use crate::support::signed_in::{post, with};

/// The call that changes the password.
const CHANGE: &str = "UpdateItem USER SET updated_at";
const CHANGE_AND_SIGN_IN: &str = "UpdateItem USER SET last_sign_in";

/// Every write of a reset, in order, and whether the reset fails without it.
const fn writes(by: By) -> [(&'static str, bool); 5] {
    match by {
        By::Digits => [
            ("UpdateItem ADDRESS SET charged_by", true),
            ("UpdateItem USER SET username_charged_by", true),
            ("UpdateItem RESET", true),
            (CHANGE, true),
            ("UpdateItem NAME", false),
        ],
        By::Link => [
            ("UpdateItem ADDRESS SET charged_by", true),
            ("UpdateItem RESET", true),
            (CHANGE_AND_SIGN_IN, true),
            ("PutItem SESSIONS", true),
            ("UpdateItem NAME", false),
        ],
    }
}

#[tokio::test]
async fn reset_whose_write_fails_can_be_repeated_unless_the_password_is_changed() {
    for by in By::BOTH {
        for (fails, is_needed) in writes(by) {
            let (deployment, proxy) = Proxy::deployment(|env| env).await;
            let body = by.put(&deployment, "st.huber", 33).await;
            let send = async || post(&deployment, by.contract(), by.path(), None, &body).await;
            proxy.fail(move |call| call.starts_with(fails).then(|| error(400, "AccessDeniedException")));
            let reply = send().await;
            let of = format!("{by:?}: {fails}: {reply:?}");
            assert_eq!(reply.status, if is_needed { 500 } else { 200 }, "{of}");
            proxy.heal();
            let is_changed = reset::epoch(&deployment, 33).await == 1;
            assert_eq!(is_changed, !is_needed || fails == "PutItem SESSIONS", "{of}");
            // The code is dead also if its item is there.
            assert_eq!(send().await.status, if is_changed { 400 } else { 200 }, "{of}");
            assert_eq!(deployment.password("session", "st.huber", NEW).await.status, 200, "{of}");
            assert_eq!(reset::failures(&deployment, "st.huber").await.0, 0, "{of}");
        }
    }
}

#[tokio::test]
async fn reset_whose_answers_are_lost_is_done_once() {
    for by in By::BOTH {
        for (username, id, more) in
            [("st.huber", 33, json!({})), ("guarded", GUARDED, json!({"token": CODE}))]
        {
            for (write, _) in writes(by) {
                let (deployment, proxy) = Proxy::deployment(|env| env).await;
                deployment.set_time(MOMENT);
                let body = with(by.put(&deployment, username, id).await, more.clone());
                proxy.first(&[write], Fate::lose);
                let reply = post(&deployment, by.contract(), by.path(), None, &body).await;
                let of = format!("{by:?} of {username}: {write}: {reply:?}");
                assert_eq!(reply.status, 200, "{of}");
                assert_eq!(reset::epoch(&deployment, id).await, 1, "{of}");
                assert_eq!(deployment.queued().len(), 1, "{of}");
            }
        }
    }
}

/// A crash leaves either the old password with a code that is valid, or the new password with a code that is not.
#[tokio::test]
async fn reset_that_crashes_at_any_write_is_done_or_can_be_repeated() {
    for by in By::BOTH {
        for (write, _) in writes(by) {
            for landed in [false, true] {
                let (mut deployment, mut proxy) = Proxy::deployment(|env| env).await;
                let body = by.put(&deployment, "st.huber", 33).await;
                proxy.rule(move |seen| match (seen.starts_with(write), landed) {
                    (true, true) => Fate::LandAndHang,
                    (true, false) => Fate::Hang,
                    (false, _) => Fate::Pass,
                });
                let event = postern_tests::deployment::event("POST", by.path(), &[], Some(&body.to_string()));
                let request = tokio::spawn(deployment.function(by.contract()).invoke(event));
                proxy.reached().await;
                request.abort();
                assert!(request.await.is_err_and(|error| error.is_cancelled()));
                proxy.heal();
                deployment.restart(|env| env).await;

                let of = format!("{by:?}: {write}, landed: {landed}");
                let is_changed = reset::epoch(&deployment, 33).await == 1;
                let changes = writes(by)
                    .iter()
                    .position(|(each, _)| each.starts_with("UpdateItem USER SET l") || *each == CHANGE);
                let at = writes(by).iter().position(|(each, _)| *each == write);
                assert_eq!(is_changed, at > changes || at == changes && landed, "{of}");
                // The wait of a name whose charge was left behind.
                deployment.advance(Duration::from_secs(1));
                let again = post(&deployment, by.contract(), by.path(), None, &body).await;
                assert_eq!(again.status, if is_changed { 400 } else { 200 }, "{of}: {again:?}");
                let reply = deployment.password("session", "st.huber", NEW).await;
                assert_eq!(reply.status, 200, "{of}: {reply:?}");
            }
        }
    }
}

#[tokio::test]
async fn queue_that_is_down_after_a_reset_leaves_the_reset() {
    for by in By::BOTH {
        let (deployment, _proxy) = Proxy::deployment(|env| env).await;
        let body = by.put(&deployment, "st.huber", 33).await;
        deployment.mail_services.queue.set_down(true);
        assert_eq!(post(&deployment, by.contract(), by.path(), None, &body).await.status, 200, "{by:?}");
        assert_eq!(deployment.password("session", "st.huber", NEW).await.status, 200, "{by:?}");
    }
}

#[tokio::test]
async fn request_of_a_code_whose_call_fails_puts_nothing_on_the_queue() {
    for (contract, path, body, name) in [
        ("session", SEND, json!({"username": "st.huber"}), "st.huber"),
        ("account", RECOVER, json!({"email": "jimmy@example.com"}), "jimmy@example.com"),
    ] {
        for fails in ["GetItem LOGIN", "UpdateItem ADDRESS", "UpdateItem NAME", "GetItem USER"] {
            let (deployment, proxy) = Proxy::deployment(|env| env).await;
            proxy.fail(move |call| call.starts_with(fails).then(|| error(400, "AccessDeniedException")));
            assert_eq!(post(&deployment, contract, path, None, &body).await.status, 500, "{path}: {fails}");
            proxy.heal();
            assert!(deployment.queued().is_empty(), "{path}: {fails}");
            assert!(mails(&deployment, contract, name).await <= 1, "{path}: {fails}");
            assert!(post(&deployment, contract, path, None, &body).await.status < 300, "{path}: {fails}");
            assert_eq!(deployment.queued().len(), 1, "{path}: {fails}");
            assert_eq!(
                raw::item(&deployment, "RESET#33", "session").await,
                None,
                "only the mailer makes a code"
            );
        }
    }
}
