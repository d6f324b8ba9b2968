//! A password that must be changed, and what the session contract's session token is for.

use postern_local::demo;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::signed_in::{self, CHANGE_PASSWORD, RESUME, member};

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
        .map(|code| deployment.app.keys.ring().recovery.digest(id, code))
        .collect();
    deployment.store.create_user(user).await.unwrap();
}

/// Signs st.huber in to stay: the JWT and the session token.
pub(crate) async fn stay(deployment: &Deployment) -> (String, String) {
    let reply = signed_in::sign_in(deployment, "session", "st.huber", OLD, None).await;
    (member(&reply, "/token"), member(&reply, "/session_token"))
}

pub(crate) async fn resume(deployment: &Deployment, session_token: &str) -> Reply {
    signed_in::post(deployment, "session", RESUME, None, &json!({"session_token": session_token})).await
}

/// The token with another character at this place, whatever stood there.
pub(crate) fn altered(token: &str, at: usize) -> String {
    let other = if token.as_bytes()[at] == b'x' { "y" } else { "x" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
