//! Requests to account's token and revocation endpoints, and tokens of the other contracts.

use postern::session::{SessionSecret, SessionToken};
use postern_tests::deployment::{Deployment, Reply, credentials};
use serde_json::{Value, json};

use crate::support::tokens::{FORM, sign_in};
use crate::support::words::assert_reply;

pub(crate) const REVOKE: &str = "/oauth/revoke_token/";

pub(crate) async fn post(deployment: &Deployment, path: &str, form: &str) -> Reply {
    deployment.request("account", "POST", path, &FORM, form).await
}

/// Our words for an error of RFC 6749 §5.2.
#[track_caller]
pub(crate) fn assert_error(reply: &Reply, error: &str, of: &str) {
    assert_reply(reply, 400, &format!(r#"{{"error":"{error}"}}"#), json!({}), of);
}

/// The reply to a body that is no form.
pub(crate) fn assert_no_form(reply: &Reply, status: u64, of: &str) {
    let words = "The body must be application/x-www-form-urlencoded, in UTF-8, and of 64 KiB at most.";
    let body = format!(r#"{{"error":"invalid_request","error_description":"{words}"}}"#);
    assert_reply(reply, status, &body, json!({}), of);
}

/// The session tokens of the other contracts, in the form of account's.
pub(crate) async fn tokens_of_others(deployment: &Deployment) -> Vec<String> {
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    let session = deployment.sign_in("session", body).await.json();
    let mfa = deployment.password("mfa", "st.huber", "Password1234!").await.json();
    let email = sign_in(deployment, "email").await;
    let email_as_plain =
        SessionToken { secret: SessionSecret::base62("0".repeat(43)), ..email.session("email") }.to_plain();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        text(&session["token"]),
        text(&session["session_token"]),
        text(&mfa["token"]),
        email.access,
        email.refresh,
        email_as_plain,
    ]
}
