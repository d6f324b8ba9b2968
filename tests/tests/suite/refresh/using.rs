//! Sessions that are used, listed and ended.

use std::time::Duration;

use postern::session::{GRACE, Session, SessionToken};
use postern_tests::stand::{Stand, credentials};
use serde_json::json;

use super::{IDLE, KINDS, MOMENT, OWNER, item, millis, refresh, sha256, sign_in};
use crate::proxy::Proxy;
use crate::raw::{self, text};

async fn resume(stand: &Stand, kind: &'static str, token: &SessionToken) -> bool {
    let user = stand.app.resume(&stand.caller(kind), token, kind, IDLE).await.unwrap();
    user.is_some_and(|user| {
        assert_eq!(user.id, OWNER);
        true
    })
}

async fn sign_out(stand: &Stand, kind: &'static str, token: &SessionToken) -> bool {
    stand.app.sign_out(&stand.caller(kind), token, kind).await.unwrap()
}

fn wrong(token: &SessionToken) -> SessionToken {
    SessionToken { secret: "x".repeat(token.secret.len()), ..token.clone() }
}

#[tokio::test]
async fn to_resume_a_session_keeps_its_token_and_puts_its_idle_end_off() {
    let stand = Stand::start().await;
    for kind in KINDS {
        let token = sign_in(&stand, kind).await;
        for pause in [Duration::ZERO, GRACE, IDLE / 2] {
            stand.advance(pause);
            let before = item(&stand, &token).await.unwrap();
            assert!(resume(&stand, kind, &token).await, "{kind} after {pause:?}");
            let mut after = item(&stand, &token).await.unwrap();
            assert_eq!(millis(&after, "expires_at"), stand.now().plus(IDLE).secs(), "{kind}");
            after.insert("expires_at".to_owned(), before["expires_at"].clone());
            assert_eq!(after, before, "{kind}: nothing else changed");
        }
        let expires = millis(&item(&stand, &token).await.unwrap(), "expires_at");
        stand.set_time(postern::ambient::Timestamp::from_millis(expires * 1000 - 1));
        assert!(resume(&stand, kind, &token).await, "{kind}");
        let expires = millis(&item(&stand, &token).await.unwrap(), "expires_at");
        stand.set_time(postern::ambient::Timestamp::from_millis(expires * 1000));
        assert!(!resume(&stand, kind, &token).await, "{kind} is over");
    }
}

#[tokio::test]
async fn a_wrong_secret_resumes_nothing_and_ends_nothing() {
    let stand = Stand::start().await;
    for kind in KINDS {
        let first = sign_in(&stand, kind).await;
        let token = refresh(&stand, kind, &first).await.unwrap();
        let before = item(&stand, &token).await;
        // The previous one too: it is good for a refresh only.
        for presented in [wrong(&token), first, SessionToken { user_id: 1, ..token.clone() }] {
            assert!(!resume(&stand, kind, &presented).await, "{kind}");
        }
        assert_eq!(item(&stand, &token).await, before, "{kind}");
        assert!(resume(&stand, kind, &token).await, "{kind}");
    }
}

/// Whoever signs out with a token that was rotated long ago would else leave a thief signed in.
#[tokio::test]
async fn every_token_of_a_family_signs_out_and_no_other_does() {
    let stand = Stand::start().await;
    for kind in KINDS {
        for which in 0..4 {
            let elsewhere = sign_in(&stand, kind).await;
            let older = sign_in(&stand, kind).await;
            let first = refresh(&stand, kind, &older).await.unwrap();
            stand.advance(GRACE);
            let second = refresh(&stand, kind, &first).await.unwrap();
            stand.advance(GRACE);
            let other_user = SessionToken { user_id: 1, ..second.clone() };
            assert!(!sign_out(&stand, kind, &other_user).await, "{kind}");
            let other_kind = KINDS.into_iter().find(|other| *other != kind).unwrap();
            assert!(!sign_out(&stand, other_kind, &second).await, "{kind}");
            assert!(resume(&stand, kind, &second).await, "{kind}: it is still there");
            let presented = [&second, &first, &older, &wrong(&second)][which].clone();
            assert!(sign_out(&stand, kind, &presented).await, "{kind} {which}");
            assert_eq!(item(&stand, &second).await, None, "{kind}");
            assert!(!sign_out(&stand, kind, &presented).await, "{kind}: there is none any more");
            assert!(!resume(&stand, kind, &second).await, "{kind}");
            assert!(refresh(&stand, kind, &elsewhere).await.is_some(), "{kind}: only this one ended");
        }
    }
}

fn by_id(mut sessions: Vec<Session>) -> Vec<Session> {
    sessions.sort_by(|a, b| a.id.cmp(&b.id));
    sessions
}

#[tokio::test]
async fn a_users_sessions_are_listed_with_their_fields_and_nobody_elses() {
    let stand = Stand::start().await;
    let began = stand.now();
    let account = sign_in(&stand, "account").await;
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    body["session_information"] = json!("Firefox ☃");
    let reply = stand.sign_in("session", body).await.json();
    let session = SessionToken::from_plain(reply["session_token"].as_str().unwrap()).unwrap();
    assert_eq!(stand.password("account", "johndoe", "SecurePass123!").await.status, 200);
    stand.advance(Duration::from_secs(60));
    refresh(&stand, "account", &account).await.unwrap();
    let mut expected = [
        (&account, "account", None, stand.now(), stand.now().plus(IDLE)),
        (&session, "session", Some("Firefox ☃"), began.minus(GRACE), began.plus(IDLE * 30)),
    ];
    expected.sort_by_key(|(token, ..)| sha256(&token.family));
    let listed = by_id(stand.store.sessions(OWNER).await.unwrap());
    assert_eq!(listed.len(), 2);
    for (stored, (token, kind, device, rotated, expires)) in listed.iter().zip(expected) {
        assert_eq!(stored.id, sha256(&token.family));
        assert_eq!((stored.kind.as_str(), stored.device.as_deref()), (kind, device));
        assert_eq!((stored.epoch, stored.created_at, stored.rotated_at), (0, began, rotated), "{kind}");
        assert_eq!(stored.expires_at.millis(), expires.secs() * 1000, "{kind}");
        assert_eq!(stored.ends_at.millis(), began.plus(IDLE * 365).secs() * 1000, "{kind}");
        assert!(stored.is_alive(0, stand.now()) && !stored.is_alive(1, stand.now()), "{kind}");
        assert!(stored.is_alive(0, stored.expires_at.minus(MOMENT)), "{kind}");
        assert!(!stored.is_alive(0, stored.expires_at), "{kind}");
    }
    assert_eq!(stand.store.sessions(1).await.unwrap().len(), 1);
    assert_eq!(stand.store.sessions(999).await.unwrap().len(), 0);
    // What is over is listed until it is collected.
    stand.store.end_sessions(OWNER, stand.now()).await.unwrap();
    assert_eq!(stand.store.sessions(OWNER).await.unwrap().len(), 2);
}

/// A page of DynamoDB's is one megabyte; this is more.
#[tokio::test]
async fn all_pages_of_a_users_sessions_are_listed() {
    let (stand, proxy) = Proxy::stand(|env| env).await;
    let token = sign_in(&stand, "account").await;
    let mut long = item(&stand, &token).await.unwrap();
    long.insert("device".to_owned(), text(&"d".repeat(40_000)));
    let mut expected: Vec<String> = (0..60).map(|at| sha256(&at.to_string())).collect();
    for id in &expected {
        let attributes = long.clone().into_iter().filter(|(name, _)| name != "pk" && name != "sk");
        raw::put(&stand, "SESSIONS#33", id, attributes.collect()).await;
    }
    expected.push(sha256(&token.family));
    expected.sort();
    proxy.calls();
    let listed = by_id(stand.store.sessions(OWNER).await.unwrap());
    assert_eq!(listed.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), expected);
    assert!(proxy.calls().len() > 1, "it was one page only, which shows nothing");
}
