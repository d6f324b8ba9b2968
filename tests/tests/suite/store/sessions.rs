//! Sessions that are resumed, listed and ended.

use std::time::Duration;

use postern::app::SignOut;
use postern::session::{GRACE, Session, SessionSecret, SessionToken};
use postern::store::Written;
use postern_tests::deployment::{Deployment, credentials};
use serde_json::json;

use crate::support::proxy::Proxy;
use crate::support::raw::{self, text};
use crate::support::sessions::{IDLE, KINDS, MOMENT, OWNER, item, millis, refresh, sha256, sign_in};

async fn resume(deployment: &Deployment, kind: &'static str, token: &SessionToken) -> bool {
    let user = deployment.app.resume(&deployment.caller(kind), token, kind, IDLE).await.unwrap();
    user.is_some_and(|user| {
        assert_eq!(user.id, OWNER);
        true
    })
}

async fn sign_out(deployment: &Deployment, kind: &'static str, token: &SessionToken) -> bool {
    deployment.app.sign_out(&deployment.caller(kind), token, kind).await.unwrap() == SignOut::Ended
}

fn wrong(token: &SessionToken) -> SessionToken {
    let secret = match &token.secret {
        SessionSecret::Base62(secret) => SessionSecret::base62("x".repeat(secret.len())),
        SessionSecret::Hex(secret) => SessionSecret::hex("x".repeat(secret.len())),
    };
    SessionToken { secret, ..token.clone() }
}

#[tokio::test]
async fn resume_keeps_the_token_and_postpones_the_idle_end() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        for pause in [Duration::ZERO, GRACE, IDLE / 2] {
            deployment.advance(pause);
            let mut before = item(&deployment, &token).await.unwrap();
            assert!(resume(&deployment, kind, &token).await, "{kind} after {pause:?}");
            let mut after = item(&deployment, &token).await.unwrap();
            assert_eq!(millis(&after, "expires_at"), deployment.now().plus(IDLE).secs(), "{kind}");
            after.insert("expires_at".to_owned(), before["expires_at"].clone());
            assert_eq!(millis(&after, "last_used"), deployment.now().millis(), "{kind}");
            before.insert("last_used".to_owned(), after["last_used"].clone());
            assert_eq!(after, before, "{kind}: nothing else changed");
        }
        let expires = millis(&item(&deployment, &token).await.unwrap(), "expires_at");
        deployment.set_time(postern::clock::Timestamp::from_millis(expires * 1000 - 1));
        assert!(resume(&deployment, kind, &token).await, "{kind}");
        let expires = millis(&item(&deployment, &token).await.unwrap(), "expires_at");
        deployment.set_time(postern::clock::Timestamp::from_millis(expires * 1000));
        assert!(!resume(&deployment, kind, &token).await, "{kind} is over");
    }
}

#[tokio::test]
async fn wrong_secret_resumes_nothing_and_ends_nothing() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let first = sign_in(&deployment, kind).await;
        let token = refresh(&deployment, kind, &first).await.unwrap();
        let before = item(&deployment, &token).await;
        // The previous token, too: it is accepted for a refresh only.
        for presented in [wrong(&token), first, SessionToken { user_id: 1, ..token.clone() }] {
            assert!(!resume(&deployment, kind, &presented).await, "{kind}");
        }
        assert_eq!(item(&deployment, &token).await, before, "{kind}");
        assert!(resume(&deployment, kind, &token).await, "{kind}");
    }
}

/// A sign-out with a token that was rotated long ago must end the session, or a thief would stay signed in.
#[tokio::test]
async fn sign_out_works_with_every_token_of_the_family_and_no_other() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        for which in 0..4 {
            let elsewhere = sign_in(&deployment, kind).await;
            let older = sign_in(&deployment, kind).await;
            let first = refresh(&deployment, kind, &older).await.unwrap();
            deployment.advance(GRACE);
            let second = refresh(&deployment, kind, &first).await.unwrap();
            deployment.advance(GRACE);
            let other_user = SessionToken { user_id: 1, ..second.clone() };
            assert!(!sign_out(&deployment, kind, &other_user).await, "{kind}");
            let other_kind = KINDS.into_iter().find(|other| *other != kind).unwrap();
            assert!(!sign_out(&deployment, other_kind, &second).await, "{kind}");
            assert!(resume(&deployment, kind, &second).await, "{kind}: it is still there");
            let presented = [&second, &first, &older, &wrong(&second)][which].clone();
            assert!(sign_out(&deployment, kind, &presented).await, "{kind} {which}");
            assert_eq!(item(&deployment, &second).await, None, "{kind}");
            assert!(!sign_out(&deployment, kind, &presented).await, "{kind}: there is none any more");
            assert!(!resume(&deployment, kind, &second).await, "{kind}");
            assert!(refresh(&deployment, kind, &elsewhere).await.is_some(), "{kind}: only this one ended");
        }
    }
}

fn by_id(mut sessions: Vec<Session>) -> Vec<Session> {
    sessions.sort_by(|a, b| a.id.cmp(&b.id));
    sessions
}

#[tokio::test]
async fn sessions_of_one_user_are_listed_with_their_fields() {
    let deployment = Deployment::start().await;
    let began = deployment.now();
    let account = sign_in(&deployment, "account").await;
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    body["session_information"] = json!("Firefox ☃");
    let reply = deployment.sign_in("session", body).await.json();
    let session = SessionToken::from_plain(reply["session_token"].as_str().unwrap()).unwrap();
    assert_eq!(deployment.password("account", "johndoe", "SecurePass123!").await.status, 200);
    deployment.advance(Duration::from_secs(60));
    refresh(&deployment, "account", &account).await.unwrap();
    let mut expected = [
        (&account, "account", None, deployment.now(), deployment.now().plus(IDLE)),
        (&session, "session", Some("Firefox ☃"), began.minus(GRACE), began.plus(IDLE * 30)),
    ];
    expected.sort_by_key(|(token, ..)| sha256(&token.family));
    let listed = by_id(deployment.store.sessions(OWNER).await.unwrap());
    assert_eq!(listed.len(), 2);
    for (stored, (token, kind, device, rotated, expires)) in listed.iter().zip(expected) {
        assert_eq!(stored.id, sha256(&token.family));
        assert_eq!((stored.kind.as_str(), stored.device.as_deref()), (kind, device));
        assert_eq!((stored.epoch, stored.created_at, stored.rotated_at), (0, began, rotated), "{kind}");
        assert_eq!(stored.expires_at.millis(), expires.secs() * 1000, "{kind}");
        assert_eq!(stored.ends_at.millis(), began.plus(IDLE * 365).secs() * 1000, "{kind}");
        assert!(stored.is_alive(0, deployment.now()) && !stored.is_alive(1, deployment.now()), "{kind}");
        assert!(stored.is_alive(0, stored.expires_at.minus(MOMENT)), "{kind}");
        assert!(!stored.is_alive(0, stored.expires_at), "{kind}");
    }
    assert_eq!(deployment.store.sessions(1).await.unwrap().len(), 1);
    assert_eq!(deployment.store.sessions(999).await.unwrap().len(), 0);
    // An expired session is listed until it is collected.
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    assert_eq!(deployment.store.sessions(OWNER).await.unwrap().len(), 2);
}

/// A page of DynamoDB is one megabyte. This is more.
#[tokio::test]
async fn sessions_on_all_pages_are_listed() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let token = sign_in(&deployment, "account").await;
    let mut long = item(&deployment, &token).await.unwrap();
    long.insert("device".to_owned(), text(&"d".repeat(40_000)));
    let mut expected: Vec<String> = (0..60).map(|at| sha256(&at.to_string())).collect();
    for id in &expected {
        let attributes = long.clone().into_iter().filter(|(name, _)| name != "pk" && name != "sk");
        raw::put(&deployment, "SESSIONS#33", id, attributes.collect()).await;
    }
    expected.push(sha256(&token.family));
    expected.sort();
    proxy.calls();
    let listed = by_id(deployment.store.sessions(OWNER).await.unwrap());
    assert_eq!(listed.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), expected);
    assert!(proxy.calls().len() > 1, "it was one page only, which shows nothing");
}
