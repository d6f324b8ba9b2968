//! An access token of account is accepted at sso as long as its session exists.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::store::Written;
use postern_tests::deployment::{Deployment, credentials};
use serde_json::{Value, json};

use crate::support::jwt::{claims, mint};
use crate::support::raw;
use crate::support::tokens::{OWNER, assert_access_refused, refreshed, sign_in};

const ST_HUBER: &str = r#""username":"st.huber""#;

/// A token with these claims changed, as a backend signs it that shares the key. `null` removes a claim.
fn minted(of: &Value, changes: Value) -> String {
    let mut claims = of.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    mint(r#"{"alg":"HS256"}"#, &claims)
}

#[tokio::test]
async fn access_token_of_a_deleted_session_is_refused_and_one_without_a_session_is_accepted() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let claims = claims(&tokens.access);
    let sid = tokens.session("account").session_id();
    assert_eq!(claims["sid"], json!(sid));
    let without = [
        minted(&claims, json!({"sid": null})),
        minted(&claims, json!({"sid": null, "epoch": null})),
        minted(&claims, json!({"sid": null, "epoch": null, "jti": 7})),
    ];
    for gone in [false, true] {
        for token in &without {
            let reply = deployment.sso(token).await;
            assert!(reply.status == 200 && reply.text.contains(ST_HUBER), "gone: {gone}, {}", reply.text);
        }
        for token in [&tokens.access, &minted(&claims, json!({})), &minted(&claims, json!({"epoch": null}))] {
            let reply = deployment.sso(token).await;
            if gone {
                assert_access_refused("account", &reply, "the session is gone");
            } else {
                assert!(reply.status == 200 && reply.text.contains(ST_HUBER), "{}", reply.text);
            }
        }
        raw::remove(&deployment, &format!("SESSIONS#{OWNER}"), &sid).await;
    }
}

#[tokio::test]
async fn access_token_with_the_session_of_another_user_or_kind_is_refused() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let claims = claims(&tokens.access);
    let email = sign_in(&deployment, "email").await.session("email").session_id();
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    let word = deployment.sign_in("session", body).await.json();
    let session =
        postern::session::SessionToken::from_plain(word["session_token"].as_str().unwrap()).unwrap();
    let johndoe = deployment.password("account", "johndoe", "SecurePass123!").await;
    let johndoe = crate::support::jwt::claims(johndoe.json()["token"]["access_token"].as_str().unwrap());
    for (changes, of) in [
        (json!({"sid": email}), "email's session"),
        (json!({"sid": session.session_id()}), "session's session"),
        (json!({"sid": johndoe["sid"]}), "another user's session"),
        (json!({"user_id": 1}), "another user's token"),
        (json!({"user_id": 1, "epoch": null}), "another user's token, of no epoch"),
        (json!({"user_id": 999}), "nobody's token"),
        (json!({"sid": tokens.session("account").family}), "the family, and not its hash"),
        (json!({"sid": "0".repeat(64)}), "no session"),
        (json!({"sid": "USER"}), "no session"),
        (json!({"sid": 7}), "a number"),
        (json!({"sid": [claims["sid"]]}), "a list"),
        (json!({"sid": false}), "false"),
    ] {
        assert_access_refused("account", &deployment.sso(&minted(&claims, changes)).await, of);
    }
    assert_eq!(deployment.sso(&tokens.access).await.status, 200);
    assert_eq!(deployment.sso(&minted(&johndoe, json!({}))).await.status, 200);
}

#[tokio::test]
async fn access_token_of_an_ended_session_is_refused() {
    let deployment = Deployment::start_with(|env| {
        env.with("SESSION_IDLE_SECONDS", "100").with("SESSION_ABSOLUTE_SECONDS", "150")
    })
    .await;
    let began = Timestamp::from_millis(1_700_000_000_500);
    let at = |millis: u64| deployment.set_time(began.plus(Duration::from_millis(millis)));
    at(0);
    let first = sign_in(&deployment, "account").await;
    // The stored end is the beginning of the second.
    at(99_499);
    assert_eq!(deployment.sso(&first.access).await.status, 200);
    at(99_500);
    assert_access_refused("account", &deployment.sso(&first.access).await, "idle");
    at(99_499);
    let next = refreshed(&deployment, "account", &first.refresh).await;
    for (millis, alive) in [(99_500, true), (149_499, true), (149_500, false), (604_799_000, false)] {
        at(millis);
        // The older access token, too: it belongs to the same session.
        for tokens in [&first, &next] {
            let reply = deployment.sso(&tokens.access).await;
            if alive {
                assert_eq!(reply.status, 200, "{millis}");
            } else {
                assert_access_refused("account", &reply, &millis.to_string());
            }
        }
    }
}

#[tokio::test]
async fn session_of_an_older_epoch_is_over_despite_the_epoch_in_the_token() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let claims = claims(&tokens.access);
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await, Ok(Written::Done));
    for changes in [json!({}), json!({"epoch": 1}), json!({"epoch": null}), json!({"epoch": 0})] {
        let token = minted(&claims, changes);
        assert_access_refused("account", &deployment.sso(&token).await, &token);
    }
    deployment.advance(Duration::from_secs(1));
    let iat = deployment.now().secs();
    let later = minted(&claims, json!({"epoch": 1, "iat": iat}));
    assert_access_refused("account", &deployment.sso(&later).await, "an old session in a new token");
    let free = minted(&claims, json!({"epoch": 1, "iat": iat, "sid": null}));
    assert_eq!(deployment.sso(&free).await.status, 200, "of no session, and of this epoch");
    let again = sign_in(&deployment, "account").await;
    assert_eq!(deployment.sso(&again.access).await.status, 200);
    let other = minted(&crate::support::jwt::claims(&again.access), json!({"epoch": 0}));
    assert_access_refused("account", &deployment.sso(&other).await, "an old token of a new session");
}

/// Only a backend that shares the key can send this, and it may send it wrongly.
#[tokio::test]
async fn access_token_with_an_impossible_session_id_is_refused() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let claims = claims(&tokens.access);
    for sid in [String::new(), "s".repeat(1025), "s".repeat(5000), "\0".to_owned(), "☃".to_owned()] {
        let reply = deployment.sso(&minted(&claims, json!({"sid": sid}))).await;
        assert_access_refused("account", &reply, &format!("a sid of {} bytes", sid.len()));
    }
}
