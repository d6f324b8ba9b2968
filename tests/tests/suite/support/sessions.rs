//! Sessions of the store, without a contract.

use std::time::Duration;

use postern::session::{RefreshPolicy, SessionSecret, SessionToken};
use postern_tests::deployment::{Deployment, credentials, name_at};
use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::support::jwt::claims;
use crate::support::raw::{self, Attribute, Item};

pub(crate) const KINDS: [&str; 3] = ["account", "session", "email"];
pub(crate) const IDLE: Duration = Duration::from_secs(24 * 3600);
pub(crate) const LOST_REPLY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// The id of st.huber, who owns the sessions.
pub(crate) const OWNER: u64 = 33;

/// How sessions of this kind are refreshed.
pub(crate) fn policy(kind: &'static str) -> RefreshPolicy {
    RefreshPolicy { kind, idle: IDLE, lost_reply: LOST_REPLY }
}

pub(crate) fn sha256(word: &str) -> String {
    hex::encode(digest(&SHA256, word.as_bytes()).as_ref())
}

/// Signs st.huber in at the contract of this kind of session.
pub(crate) async fn sign_in(deployment: &Deployment, kind: &str) -> SessionToken {
    let mut body = credentials(kind, &name_at(kind, "st.huber"), "Password1234!");
    body["stay_logged_in"] = json!(true);
    let reply = deployment.sign_in(kind, body).await.json();
    if kind == "email" {
        let claims = claims(reply["refresh"].as_str().unwrap());
        let part = |name: &str| claims[name].as_str().unwrap().to_owned();
        return SessionToken { user_id: OWNER, family: part("sid"), secret: SessionSecret::hex(part("jti")) };
    }
    let word = reply.pointer("/session_token").or_else(|| reply.pointer("/token/refresh_token")).unwrap();
    SessionToken::from_plain(word.as_str().unwrap()).unwrap()
}

/// Refreshes. Returns the token, if one is given. The store must not fail.
pub(crate) async fn refresh(
    deployment: &Deployment,
    kind: &'static str,
    token: &SessionToken,
) -> Option<SessionToken> {
    let outcome = deployment.app.refresh(&deployment.caller(kind), token, &policy(kind)).await.unwrap();
    outcome.map(|who| {
        assert_eq!(who.user.id, token.user_id);
        who.session.unwrap()
    })
}

/// The session's item, if it is still there.
pub(crate) async fn item(deployment: &Deployment, token: &SessionToken) -> Option<Item> {
    raw::item(deployment, &format!("SESSIONS#{}", token.user_id), &sha256(&token.family)).await
}

/// Writes a session's item anew.
pub(crate) async fn put(deployment: &Deployment, token: &SessionToken, item: Item) {
    raw::put(deployment, &format!("SESSIONS#{}", token.user_id), &sha256(&token.family), item).await;
}

pub(crate) fn millis(item: &Item, member: &str) -> u64 {
    let Attribute::N(digits) = &item[member] else { panic!("{member} of {item:?}") };
    digits.parse().unwrap()
}
