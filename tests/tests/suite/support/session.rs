//! Requests to the session contract: change of password, resume, sign-out.

use postern_local::demo;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, name_at};
use serde_json::{Value, json};

use crate::support::raw;
use crate::support::raw::{Attribute, Item, number};
use crate::support::signed_in::{self, CHANGE_PASSWORD, RESUME, SESSIONS, SIGN_OUT, get, member, with};
use crate::support::words::{Refused, assert_refusal};

pub(crate) const OLD: &str = "Password1234!";
pub(crate) const NEW: &str = "a phrase nobody else has";

/// The id of `changer`.
pub(crate) const CHANGER: u64 = 41;

pub(crate) const NOT_NEEDED: &str = r#"{"msg":"User does not need to change his password","error_code":"no_password_change_needed_for_user"}"#;

/// The body by which a user who has the demo users' password changes it.
pub(crate) fn body(username: &str) -> Value {
    json!({"username": username, "old_password": OLD, "new_password": NEW})
}

pub(crate) async fn change(deployment: &Deployment, body: &Value) -> Reply {
    signed_in::post(deployment, "session", CHANGE_PASSWORD, None, body).await
}

/// Another user like `guarded`, with MFA on, who must change the password.
pub(crate) async fn create_guarded_changer(deployment: &Deployment, id: u64, username: &str) {
    let guarded = demo::USERS.iter().find(|user| user.username == "guarded").unwrap();
    let mut user = demo::user(&deployment.app, guarded);
    (user.id, user.username, user.email) = (id, username.to_owned(), format!("{username}@example.com"));
    user.must_change_password = true;
    user.recovery_codes = demo::RECOVERY_CODES
        .iter()
        .map(|code| deployment.app.keys().current().recovery.digest(id, code))
        .collect();
    deployment.store.create_user(user).await.unwrap();
}

/// Signs st.huber in to stay. Returns the JWT and the session token.
pub(crate) async fn stay(deployment: &Deployment) -> (String, String) {
    let reply = signed_in::sign_in(deployment, "session", "st.huber", OLD, None).await;
    (member(&reply, "/token"), member(&reply, "/session_token"))
}

pub(crate) async fn resume(deployment: &Deployment, session_token: &str) -> Reply {
    signed_in::post(deployment, "session", RESUME, None, &json!({"session_token": session_token})).await
}

/// The token with a different character at this place.
pub(crate) fn altered(token: &str, at: usize) -> String {
    let other = if token.as_bytes()[at] == b'x' { "y" } else { "x" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

pub(crate) fn stays() -> Value {
    with(body("changer"), json!({"stay_logged_in": true}))
}

pub(crate) async fn counted(deployment: &Deployment) -> (i64, i64) {
    let (name, address) =
        (raw::name_counter(deployment, "changer").await, raw::address_counter(deployment, 300));
    (raw::failures(deployment, &name).await, raw::failures(deployment, &address).await)
}

pub(crate) async fn restore(deployment: &Deployment, user: &Item) {
    raw::put(deployment, "USER#41", "USER", user.clone()).await;
}

/// The new password, and no other, signs in at every contract.
pub(crate) async fn assert_changed(deployment: &Deployment, of: &str) {
    let user = raw::user(deployment, CHANGER).await;
    assert_eq!(
        (&user["must_change_password"], &user["epoch"]),
        (&Attribute::Bool(false), &number(1)),
        "{of}"
    );
    for contract in PASSWORD_ROUTES {
        let name = name_at(contract, "changer");
        assert_refusal(contract, Refused::Wrong, &deployment.password(contract, &name, OLD).await, of);
        assert_eq!(deployment.password(contract, &name, NEW).await.status, 200, "{contract}: {of}");
    }
}

pub(crate) const SIGNED_OUT: &str = r#"{"msg":"Successfully logged out and deleted session"}"#;

/// Signs out with a query and an `Authorization` header. If either is empty, it is not sent.
pub(crate) async fn sign_out(
    deployment: &Deployment,
    query: &str,
    authorization: &str,
    session_token: &str,
) -> Reply {
    let path = if query.is_empty() { SIGN_OUT.to_owned() } else { format!("{SIGN_OUT}?{query}") };
    let headers = [("authorization", authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
    let body = json!({"session_token": session_token}).to_string();
    deployment.request("session", "POST", &path, headers, &body).await
}

pub(crate) async fn is_there(deployment: &Deployment, session_token: &str) -> bool {
    resume(deployment, session_token).await.status == 202
}

/// Signs st.huber in to stay, on a device with this label. Returns the session token.
pub(crate) async fn stay_on(deployment: &Deployment, label: &str) -> String {
    let body = json!({
        "username": "st.huber", "password": OLD, "session_information": label, "stay_logged_in": true,
    });
    member(&deployment.sign_in("session", body).await, "/session_token")
}

pub(crate) async fn list(deployment: &Deployment, jwt: &str) -> Reply {
    get(deployment, "session", SESSIONS, jwt).await
}

/// The listed sessions. The list must be given.
pub(crate) async fn listed(deployment: &Deployment, jwt: &str) -> Vec<Value> {
    let reply = list(deployment, jwt).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["sessions"].as_array().unwrap().clone()
}

/// The id of the session with this label in the list.
pub(crate) async fn id_of(deployment: &Deployment, jwt: &str, label: &str) -> u64 {
    let sessions = listed(deployment, jwt).await;
    let labelled: Vec<_> = sessions.iter().filter(|session| session["information"] == label).collect();
    let [session] = labelled[..] else { panic!("{label}: {sessions:?}") };
    session["id"].as_u64().unwrap()
}

/// Asks for the end of the session with this id.
pub(crate) async fn delete(deployment: &Deployment, jwt: &str, id: impl std::fmt::Display) -> Reply {
    let bearer = format!("Bearer {jwt}");
    let headers = [("authorization", bearer.as_str())];
    deployment.request("session", "DELETE", &format!("{SESSIONS}/{id}"), &headers, "").await
}

pub(crate) const DELETED: &str = r#"{"msg":"Successfully deleted session"}"#;

pub(crate) const NOT_FOUND: &str =
    r#"{"msg":"Session token does not exist!","error_code":"session_token_not_found"}"#;
