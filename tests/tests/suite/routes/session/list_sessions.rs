//! `GET /api/v1/user/myself/session`: the sessions of a JWT's user, in the order of their last use.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::store::Written;
use postern_tests::deployment::Deployment;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::raw::{self, Attribute};
use crate::support::session::{OLD, list, listed, resume, stay, stay_on};
use crate::support::session_jwt::{Jwt, OWNER, assert_refused, invalid, minted};
use crate::support::sessions::sha256;
use crate::support::signed_in::{SESSIONS, audited, everything, member, sign_in};
use crate::support::words::{assert_reply, unlimited};

/// 2019-09-25T17:36:36.042Z
const BEGAN: Timestamp = Timestamp::from_millis(1_569_432_996_042);

/// The labels of the listed sessions, in their order.
async fn labels(deployment: &Deployment, jwt: &str) -> Vec<Value> {
    listed(deployment, jwt).await.into_iter().map(|session| session["information"].clone()).collect()
}

/// The id of a session, by hand: the first 13 hexadecimal digits of SHA-256 of its sort key.
fn id(session_token: &str) -> u64 {
    let sort_key = sha256(&session_token[11..21]);
    let digest = hex::encode(digest(&SHA256, sort_key.as_bytes()).as_ref());
    u64::from_str_radix(&digest[..13], 16).unwrap()
}

#[tokio::test]
async fn session_is_listed_as_the_product_lists_it() {
    let deployment = unlimited().await;
    deployment.set_time(BEGAN);
    let token = stay_on(&deployment, "Firefox - 69; OS: Linux; Phone: false").await;
    let id = id(&token);
    let expected = format!(
        concat!(
            r#"{{"msg":"List of all sessions","sessions":[{{"id":{id},"#,
            r#""information":"Firefox - 69; OS: Linux; Phone: false","#,
            r#""last_used":"2019-09-25T17:36:36.042000Z","#,
            r#""delete_session":{{"href":"api/v1/user/myself/session/{id}","method":"DELETE"}}}}]}}"#
        ),
        id = id
    );
    let jwt = minted(&deployment, json!({}));
    let query = format!("{SESSIONS}?token={jwt}");
    for path in [&query, &format!("{SESSIONS}/?token={jwt}")] {
        for method in ["GET", "HEAD"] {
            let reply = deployment.request("session", method, path, &[], "").await;
            assert_reply(&reply, 200, &expected, json!({}), path);
        }
    }
    // The query takes precedence, if it has a token.
    let (bearer, headers) = (format!("Bearer {jwt}"), |value| [("authorization", value)]);
    for (path, authorization) in
        [(SESSIONS, bearer.as_str()), (&query, "Bearer nonsense"), (&format!("{SESSIONS}?token="), &bearer)]
    {
        let reply = deployment.request("session", "GET", path, &headers(authorization), "").await;
        assert_reply(&reply, 200, &expected, json!({}), path);
    }
    let path = format!("{SESSIONS}?token=nonsense");
    let reply = deployment.request("session", "GET", &path, &headers(&bearer), "").await;
    assert_refused(Jwt::Incorrect, &reply, "nonsense in the query");
}

#[tokio::test]
async fn user_without_sessions_gets_an_empty_list() {
    let deployment = unlimited().await;
    let reply = list(&deployment, &minted(&deployment, json!({}))).await;
    assert_reply(&reply, 200, r#"{"msg":"List of all sessions","sessions":[]}"#, json!({}), "no session");
}

#[tokio::test]
async fn session_that_was_used_last_is_at_the_end() {
    let deployment = unlimited().await;
    deployment.set_time(BEGAN);
    let first = stay_on(&deployment, "first").await;
    deployment.advance(Duration::from_secs(60));
    let second = stay_on(&deployment, "second").await;
    let jwt = minted(&deployment, json!({"exp": deployment.now().secs() + 3600}));
    assert_eq!(labels(&deployment, &jwt).await, ["first", "second"]);
    deployment.advance(Duration::from_secs(60));
    assert_eq!(resume(&deployment, &first).await.status, 202);
    let sessions = listed(&deployment, &jwt).await;
    let brief: Vec<_> = sessions.iter().map(|each| json!([each["id"], each["last_used"]])).collect();
    assert_eq!(
        json!(brief),
        json!([[id(&second), "2019-09-25T17:37:36.042000Z"], [id(&first), "2019-09-25T17:38:36.042000Z"]])
    );
    // The list is no use of a session.
    deployment.advance(Duration::from_secs(60));
    assert_eq!(listed(&deployment, &jwt).await, sessions);
}

/// An earlier version stored no last use.
#[tokio::test]
async fn session_without_a_stored_use_was_used_when_it_began() {
    let deployment = unlimited().await;
    deployment.set_time(BEGAN);
    let token = stay_on(&deployment, "old").await;
    deployment.advance(Duration::from_secs(60));
    assert_eq!(resume(&deployment, &token).await.status, 202);
    let (pk, sk) = (format!("SESSIONS#{OWNER}"), sha256(&token[11..21]));
    let mut item = raw::item(&deployment, &pk, &sk).await.unwrap();
    assert_eq!(item.remove("last_used"), Some(raw::number(deployment.now().millis())));
    raw::put(&deployment, &pk, &sk, item).await;
    let sessions = listed(&deployment, &minted(&deployment, json!({}))).await;
    assert_eq!(sessions[0]["last_used"], json!("2019-09-25T17:36:36.042000Z"));
}

/// The product begins no session without a label, so its clients expect a text.
#[tokio::test]
async fn session_without_a_label_has_an_empty_one() {
    let deployment = unlimited().await;
    let (jwt, _) = stay(&deployment).await;
    assert_eq!(labels(&deployment, &jwt).await, [""]);
}

#[tokio::test]
async fn only_living_sessions_of_this_contract_and_user_are_listed() {
    let deployment = Deployment::start_with(|env| {
        env.with("THROTTLE_ADDRESS_LIMIT", "1000000").with("SESSION_IDLE_SECONDS", "100")
    })
    .await;
    // Of every contract, and of another user.
    everything(&deployment, "st.huber", OLD, &[]).await;
    sign_in(&deployment, "session", "johndoe", "SecurePass123!", None).await;
    let jwt = minted(&deployment, json!({"exp": deployment.now().secs() + 3600}));
    assert_eq!(labels(&deployment, &jwt).await, [""], "session's own");
    deployment.advance(Duration::from_secs(99));
    stay_on(&deployment, "young").await;
    assert_eq!(labels(&deployment, &jwt).await, ["", "young"]);
    deployment.advance(Duration::from_secs(1));
    assert_eq!(labels(&deployment, &jwt).await, ["young"], "a session ends without use");
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    stay_on(&deployment, "of the new epoch").await;
    let jwt = minted(&deployment, json!({"epoch": 1}));
    assert_eq!(labels(&deployment, &jwt).await, ["of the new epoch"]);
}

#[tokio::test]
async fn list_without_a_valid_jwt_is_refused() {
    let deployment = unlimited().await;
    stay_on(&deployment, "a label").await;
    for (authorization, jwt) in invalid(&deployment).await {
        let headers = [("authorization", authorization.as_str())];
        let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
        let reply = deployment.request("session", "GET", SESSIONS, headers, "").await;
        assert_refused(jwt, &reply, &authorization);
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            let path = format!("{SESSIONS}?token={token}");
            assert_refused(jwt, &deployment.request("session", "GET", &path, &[], "").await, token);
        }
    }
    let jwt = minted(&deployment, json!({}));
    assert_eq!(list(&deployment, &jwt).await.status, 200, "the same claims, and nothing wrong with them");
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    let old = minted(&deployment, json!({"epoch": 0}));
    assert_refused(Jwt::Incorrect, &list(&deployment, &old).await, "a JWT of the epoch before");
}

/// Who reads a list cannot use a session with it.
#[tokio::test]
async fn list_holds_no_token_and_no_hash() {
    let deployment = unlimited().await;
    let (jwt, token) = stay(&deployment).await;
    assert_eq!(resume(&deployment, &token).await.status, 202);
    let text = list(&deployment, &jwt).await.text;
    let item = raw::item(&deployment, &format!("SESSIONS#{OWNER}"), &sha256(&token[11..21])).await.unwrap();
    let Attribute::S(hash) = &item["current_hash"] else { panic!("{item:?}") };
    for secret in [&token, &token[11..21], &token[21..], hash, &sha256(&token[11..21])] {
        assert!(!text.contains(secret) && !text.contains(&secret[..10]), "{secret}");
    }
    let sessions = listed(&deployment, &jwt).await;
    let names: Vec<_> = sessions[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["delete_session", "id", "information", "last_used"]);
}

/// A page of DynamoDB is one megabyte. So many sessions are never there, but a list of them must end.
#[tokio::test]
async fn sessions_on_several_pages_are_listed_and_those_on_too_many_are_not() {
    let (deployment, proxy) = crate::support::proxy::Proxy::deployment(|env| env).await;
    let token = stay_on(&deployment, "d").await;
    let pk = format!("SESSIONS#{OWNER}");
    let mut long = raw::item(&deployment, &pk, &sha256(&token[11..21])).await.unwrap();
    long.insert("device".to_owned(), raw::text(&"d".repeat(390_000)));
    long.retain(|name, _| name != "pk" && name != "sk");
    let jwt = minted(&deployment, json!({}));
    for (added, all_listed) in [(0..5, true), (5..20, false)] {
        for at in added.clone() {
            raw::put(&deployment, &pk, &sha256(&at.to_string()), long.clone()).await;
        }
        proxy.calls();
        let found = listed(&deployment, &jwt).await.len();
        assert_eq!(found == added.end + 1, all_listed, "{found}");
        let queries = proxy.calls().iter().filter(|call| *call == "Query SESSIONS").count();
        assert!((2..=4).contains(&queries), "{queries} pages");
    }
}

#[tokio::test]
async fn every_request_leaves_one_audit_event() {
    let deployment = unlimited().await;
    let jwt = minted(&deployment, json!({}));
    for (at, (token, outcome, user_id)) in [
        (None, "no_token", json!(null)),
        (Some("nonsense"), "bad_token", json!(null)),
        (Some(jwt.as_str()), "token_accepted", json!(OWNER)),
        (Some(&minted(&deployment, json!({"epoch": 1}))), "bad_token", json!(OWNER)),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("session-list-{at}");
        let (reply, events) = audited(&deployment, "session", SESSIONS, token, &Value::Null, &id).await;
        assert_eq!(events, [json!(["session", outcome, user_id])], "{reply:?}");
    }
}

/// Only a caller with the right password learns the state of an account.
#[tokio::test]
async fn user_who_may_not_sign_in_gets_no_list() {
    let deployment = unlimited().await;
    let jwt = member(&sign_in(&deployment, "session", "st.huber", OLD, None).await, "/token");
    let status = postern::identity::Status::Disabled;
    assert_eq!(deployment.store.set_status(OWNER, status, deployment.now()).await, Ok(Written::Done));
    assert_refused(Jwt::Incorrect, &list(&deployment, &jwt).await, "a disabled user");
}

/// Otherwise a user with many sessions could make the reply longer than Lambda allows.
#[tokio::test]
async fn list_has_the_500_sessions_that_were_used_last() {
    let deployment = unlimited().await;
    let jwt = minted(&deployment, json!({}));
    let token = stay_on(&deployment, "model").await;
    let (pk, sk) = (format!("SESSIONS#{OWNER}"), sha256(&token[11..21]));
    let model = raw::item(&deployment, &pk, &sk).await.unwrap();
    for number in 1..=500 {
        let mut item = model.clone();
        item.insert("sk".to_owned(), raw::text(&sha256(&number.to_string())));
        item.insert("last_used".to_owned(), raw::number(deployment.now().millis() + number));
        item.insert("device".to_owned(), raw::text(&format!("{number}{}", "\u{1}".repeat(187))));
        raw::put(&deployment, &pk, &sha256(&number.to_string()), item).await;
    }
    let sessions = listed(&deployment, &jwt).await;
    let number =
        |session: &Value| session["information"].as_str().unwrap().trim_end_matches('\u{1}').to_owned();
    let expected: Vec<_> = (1..=500).map(|number| number.to_string()).collect();
    assert_eq!(sessions.iter().map(number).collect::<Vec<_>>(), expected);
    assert!(list(&deployment, &jwt).await.text.len() < 1_000_000);
}
