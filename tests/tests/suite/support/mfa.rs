//! Requests that switch MFA on and off with a JWT.

use std::collections::BTreeSet;

use postern::clock::Timestamp;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::raw::{self, Item, number};
use crate::support::signed_in::{self, HeldToken, MFA, code, member, sign_in};
use crate::support::words::{Refused, assert_refusal, assert_reply};

pub(crate) const PASSWORD: &str = "Password1234!";

/// The moment of the contract's vector: the authenticator of `guarded` shows [`CODE`], and [`NEXT`] in the next step.
pub(crate) const MOMENT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) const CODE: &str = "582969";
pub(crate) const NEXT: &str = "853712";

/// The ids of st.huber and of guarded.
pub(crate) const HUBER: u64 = 33;

pub(crate) const GUARDED: u64 = 43;

/// Posts an MFA request with a JWT.
pub(crate) async fn post_mfa(deployment: &Deployment, token: &str, body: &Value) -> Reply {
    signed_in::post(deployment, "mfa", MFA, Some(token), body).await
}

/// Begins to switch MFA on. Returns the secret.
pub(crate) async fn begin(deployment: &Deployment, token: &str) -> String {
    member(&post_mfa(deployment, token, &json!({"mfa": true})).await, "/mfa/secret")
}

/// The body that confirms a secret by a code.
pub(crate) fn confirmation(secret: &str, code: &str) -> Value {
    json!({"mfa": true, "secret": secret, "token": code})
}

/// Switches st.huber's MFA on. Returns the secret, whose present code is spent, and the recovery codes.
pub(crate) async fn switch_on(deployment: &Deployment, token: &str) -> (String, Vec<String>) {
    let secret = begin(deployment, token).await;
    let reply = post_mfa(deployment, token, &confirmation(&secret, &code(deployment, &secret, 0))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    (secret, recovery_codes(&reply))
}

pub(crate) fn recovery_codes(reply: &Reply) -> Vec<String> {
    serde_json::from_value(reply.json()["scratchCodes"].clone()).unwrap()
}

/// The recovery codes as they are stored.
pub(crate) fn digests(deployment: &Deployment, id: u64, codes: &[String]) -> BTreeSet<String> {
    codes.iter().map(|code| deployment.app.keys().current().recovery.digest(id, code)).collect()
}

pub(crate) fn stored_codes(user: &Item) -> BTreeSet<String> {
    user.get("recovery_codes")
        .map_or_else(BTreeSet::new, |codes| codes.as_ss().unwrap().iter().cloned().collect())
}

#[track_caller]
pub(crate) fn assert_error(reply: &Reply, status: u64, error: &str, of: &str) {
    assert_reply(reply, status, &format!(r#"{{"result":"error","error":"{error}"}}"#), json!({}), of);
}

/// The reply to an invalid JWT.
#[track_caller]
pub(crate) fn assert_unauthenticated(reply: &Reply, challenge: &str, of: &str) {
    let text = r#"{"result":"error","error":"authenticationFailed"}"#;
    assert_reply(reply, 401, text, json!({"www-authenticate": challenge}), of);
}

/// The failures of the username of st.huber or guarded, and those of the address.
pub(crate) async fn counted(deployment: &Deployment, id: u64) -> (i64, i64) {
    let username = if id == HUBER { "st.huber" } else { "guarded" };
    let (name, address) =
        (raw::name_counter(deployment, username).await, raw::address_counter(deployment, 300));
    (raw::failures(deployment, &name).await, raw::failures(deployment, &address).await)
}

pub(crate) async fn assert_on(deployment: &Deployment, token: &str, of: &str) {
    let user = raw::user(deployment, HUBER).await;
    assert_eq!((stored_codes(&user).len(), &user["epoch"]), (8, &number(1)), "{of}");
    assert!(user.contains_key("mfa") && !user.contains_key("pending_mfa_secret"), "{of}");
    let reply = post_mfa(deployment, token, &json!({"mfa": true})).await;
    assert_error(&reply, 400, "mfaActive", of);
    assert_refusal(
        "email",
        Refused::MfaRequired,
        &sign_in(deployment, "email", "st.huber", PASSWORD, None).await,
        of,
    );
}

pub(crate) async fn assert_off(deployment: &Deployment, token: &str, of: &str) {
    let user = raw::user(deployment, GUARDED).await;
    assert_eq!(user["epoch"], number(1), "{of}");
    assert!(!user.contains_key("mfa") && !user.contains_key("recovery_codes"), "{of}");
    assert!(HeldToken("mfa JWT", token.to_owned()).is_valid(deployment).await, "{of}");
    assert_eq!(sign_in(deployment, "email", "guarded", PASSWORD, None).await.status, 200, "{of}");
}
