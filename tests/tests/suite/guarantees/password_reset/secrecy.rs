//! Each outcome of a reset leaves one audit event, and neither the code nor the new password is in a log line, on the
//! queue or in the table.

use std::time::Duration;

use postern_tests::deployment::Deployment;
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::raw;
use crate::support::reset::{
    CHECK, DIGITS, NEW, RECOVER, RESET, RESET_BY_LINK, SECRET, SEND, put_digits, put_link,
};
use crate::support::signed_in::{audited, set};

/// Sends a request, and checks its one audit event.
async fn leaves(
    deployment: &Deployment,
    (contract, path): (&str, &str),
    body: &Value,
    outcome: &str,
    user_id: Option<u64>,
) {
    let id = format!("reset-audit-{path}-{outcome}-{user_id:?}-{}", deployment.now().millis());
    let (_, events) = audited(deployment, contract, path, None, body, &id).await;
    assert_eq!(events, [json!(["sign-in attempt", outcome, user_id])], "{id}");
    deployment.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn every_outcome_of_a_reset_leaves_one_audit_event_and_no_secret() {
    let deployment = Deployment::start().await;
    let unguessable = "a phrase that no log line has";
    let new = json!({"username": "st.huber", "code": "918273", "new_password": unguessable});
    let (sends, checks, resets) = (("session", SEND), ("session", CHECK), ("session", RESET));
    let (recovers, by_link) = (("account", RECOVER), ("account", RESET_BY_LINK));
    let named = |name: &str| json!({"username": name, "code": "918273", "new_password": unguessable});

    for _ in 0..3 {
        leaves(&deployment, sends, &named("st.huber"), "reset_requested", Some(33)).await;
    }
    leaves(&deployment, sends, &named("st.huber"), "throttled", Some(33)).await;
    leaves(&deployment, sends, &named("nobody"), "unknown_user", None).await;
    leaves(&deployment, recovers, &json!({"email": "jimmy@example.com"}), "reset_requested", Some(14)).await;
    leaves(&deployment, checks, &new, "no_reset_code", Some(33)).await;
    leaves(&deployment, checks, &named("nobody"), "unknown_user", None).await;
    put_digits(&deployment, 33).await;
    leaves(&deployment, checks, &new, "wrong_reset_code", Some(33)).await;
    leaves(&deployment, resets, &new, "wrong_reset_code", Some(33)).await;
    let right = json!({"username": "st.huber", "code": DIGITS, "new_password": NEW});
    leaves(&deployment, checks, &right, "reset_code_right", Some(33)).await;
    let weak = json!({"username": "st.huber", "code": DIGITS, "new_password": "st.huber@example.com"});
    leaves(&deployment, resets, &weak, "weak_password", Some(33)).await;
    leaves(&deployment, resets, &right, "password_reset", Some(33)).await;
    put_digits(&deployment, 43).await;
    let guarded = json!({"username": "guarded", "code": DIGITS, "new_password": NEW});
    leaves(&deployment, resets, &guarded, "mfa_required", Some(43)).await;
    put_digits(&deployment, 42).await;
    let blocked = json!({"username": "blocked", "code": DIGITS, "new_password": NEW});
    leaves(&deployment, resets, &blocked, "disabled", Some(42)).await;
    put_digits(&deployment, 14).await;
    let wrong = json!({"username": "jimmy", "code": "918273", "new_password": unguessable});
    for _ in 0..12 {
        leaves(&deployment, checks, &wrong, "wrong_reset_code", Some(14)).await;
    }
    leaves(&deployment, checks, &wrong, "reset_code_used_up", Some(14)).await;
    deployment.advance(Duration::from_secs(300));
    let code = put_link(&deployment, 14).await;
    let link = |code: &str| json!({"validation_code": code, "password": unguessable});
    leaves(&deployment, by_link, &link("14-918273"), "wrong_reset_code", None).await;
    leaves(&deployment, by_link, &link(&code), "password_reset", Some(14)).await;
    leaves(&deployment, by_link, &link(&code), "wrong_reset_code", None).await;
    set(&deployment, 1, "email", raw::text("")).await;
    leaves(&deployment, sends, &named("johndoe"), "no_email_address", Some(1)).await;

    let (logged, table) = (logs::so_far(), format!("{:?}", raw::all(&deployment).await));
    assert!(logged.contains("reset-audit-"), "what is searched is there");
    let queued = Value::from(deployment.queued()).to_string();
    for secret in [SECRET, &SECRET[43..], unguessable, "918273"] {
        for (place, text) in [("the log", &logged), ("the table", &table), ("the queue", &queued)] {
            assert!(!text.contains(secret), "{secret} is in {place}");
        }
    }
    for address in ["st.huber@example.com", "jimmy@example.com"] {
        assert!(!queued.contains(address) && !logged.contains(address), "{address}");
    }
}
