//! `POST /api/token/verify/`.

use std::time::Duration;

use postern::identity::Status;
use postern::session::GRACE;
use postern::store::Written;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::email::{HS256, changed, post, tokens_of_others};
use crate::support::jwt::{claims, mint};
use crate::support::proxy::{Proxy, error};
use crate::support::raw;
use crate::support::tokens::{
    INVALID_TOKEN, OWNER, TOKEN_NOT_VALID, Tokens, end, refresh, refreshed, sessions, sign_in,
};
use crate::support::words::{Refused, assert_refusal, assert_reply};

const PATH: &str = "/api/token/verify/";

async fn verify(deployment: &Deployment, token: &str) -> Reply {
    post(deployment, PATH, &json!({"token": token}).to_string()).await
}

/// Verifies both tokens.
async fn verify_both(deployment: &Deployment, tokens: &Tokens, valid: [bool; 2], of: &str) {
    for (token, valid) in [&tokens.access, &tokens.refresh].into_iter().zip(valid) {
        let reply = verify(deployment, token).await;
        match valid {
            true => assert_reply(&reply, 200, "{}", json!({}), of),
            false => assert_not_valid(&reply, of),
        }
    }
}

#[track_caller]
fn assert_not_valid(reply: &Reply, of: &str) {
    assert_reply(reply, 401, TOKEN_NOT_VALID, json!({"www-authenticate": INVALID_TOKEN}), of);
}

#[tokio::test]
async fn both_tokens_are_valid_until_they_expire_and_nothing_is_written() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let before = raw::all(&deployment).await;
    verify_both(&deployment, &tokens, [true, true], "at once").await;
    verify_both(&deployment, &tokens, [true, true], "again").await;
    deployment.advance(Duration::from_secs(330));
    verify_both(&deployment, &tokens, [false, true], "the access token has expired").await;
    deployment.advance(Duration::from_secs(86_400));
    verify_both(&deployment, &tokens, [false, false], "both have expired").await;
    assert!(raw::all(&deployment).await == before, "an item was written");
}

/// As with the framework's `BLACKLIST_AFTER_ROTATION`. A refresh would still answer it, for 30 seconds.
#[tokio::test]
async fn rotated_refresh_token_is_refused_at_once_and_ends_no_session() {
    let deployment = Deployment::start().await;
    let first = sign_in(&deployment, "email").await;
    let next = refreshed(&deployment, "email", &first.refresh).await;
    for (of, wait) in [("within the grace", Duration::ZERO), ("after it", GRACE)] {
        deployment.advance(wait);
        verify_both(&deployment, &first, [true, false], of).await;
        verify_both(&deployment, &next, [true, true], of).await;
    }
    let last = refreshed(&deployment, "email", &next.refresh).await;
    deployment.advance(GRACE);
    let before = sessions(&deployment, "email").await;
    verify_both(&deployment, &first, [true, false], "used before").await;
    assert!(sessions(&deployment, "email").await == before, "asking is not using");
    verify_both(&deployment, &last, [true, true], "the session goes on").await;
    assert_eq!(refresh(&deployment, "email", &last.refresh).await.status, 200);
}

#[tokio::test]
async fn refresh_token_of_an_ended_session_is_refused() {
    let deployment = Deployment::start().await;
    let (ended, other) = (sign_in(&deployment, "email").await, sign_in(&deployment, "email").await);
    assert_eq!(end(&deployment, "email", &ended.refresh).await.status, 200);
    // The access token belongs to no session, and stays valid for its few minutes.
    verify_both(&deployment, &ended, [true, false], "signed out").await;
    verify_both(&deployment, &other, [true, true], "another session").await;
}

#[tokio::test]
async fn both_tokens_are_refused_once_the_epoch_has_ended_or_the_user_may_not_sign_in() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let now = deployment.now();
    assert_eq!(deployment.store.set_status(OWNER, Status::Disabled, now).await, Ok(Written::Done));
    verify_both(&deployment, &tokens, [false, false], "disabled").await;
    assert_eq!(deployment.store.set_status(OWNER, Status::Active, now).await, Ok(Written::Done));
    verify_both(&deployment, &tokens, [false, false], "active again, in the next epoch").await;

    deployment.advance(Duration::from_secs(1));
    let tokens = sign_in(&deployment, "email").await;
    verify_both(&deployment, &tokens, [true, true], "a new sign-in").await;
    let user = deployment.store.user(OWNER).await.unwrap().unwrap();
    assert_eq!(deployment.store.delete_user(&user).await, Ok(Written::Done));
    verify_both(&deployment, &tokens, [false, false], "deleted").await;
}

#[tokio::test]
async fn forged_token_and_token_of_another_contract_are_refused() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    for token in tokens_of_others(&deployment).await {
        assert_not_valid(&verify(&deployment, &token).await, &token);
    }
    for token in [&tokens.access, &tokens.refresh] {
        let claims = claims(token);
        let is_refresh = claims["token_type"] == "refresh";
        assert_eq!(verify(&deployment, &mint(HS256, &claims)).await.status, 200, "the forger's tools");
        for change in [
            json!({"token_type": "sliding"}),
            json!({"token_type": if is_refresh { "access" } else { "refresh" }}),
            json!({"iss": "postern"}),
            json!({"aud": "anyone"}),
            json!({"user_id": 999_999}),
            json!({"exp": 1}),
            json!({"exp": null}),
        ] {
            let token = mint(HS256, &changed(&claims, change.clone()));
            let reply = verify(&deployment, &token).await;
            // A refresh token has the claims of an access token and more.
            let is_access = change == json!({"token_type": "access"});
            match is_access {
                true => assert_eq!(reply.status, 200, "whoever holds the key may sign access tokens"),
                false => assert_not_valid(&reply, &format!("{is_refresh} {change}")),
            }
        }
        for change in [json!({"jti": "0".repeat(32)}), json!({"sid": "SampleNone"})] {
            let reply = verify(&deployment, &mint(HS256, &changed(&claims, change.clone()))).await;
            assert_eq!(reply.status == 200, !is_refresh, "{is_refresh} {change}");
        }
    }
}

#[tokio::test]
async fn request_without_a_token_gets_the_frameworks_error() {
    let deployment = Deployment::start().await;
    for (body, error) in [
        ("{}", "This field is required."),
        ("", "This field is required."),
        ("[]", "This field is required."),
        (r#"{"refresh":"x"}"#, "This field is required."),
        (r#"{"token":null}"#, "This field may not be null."),
        (r#"{"token":""}"#, "This field may not be blank."),
        (r#"{"token":17}"#, "Not a valid string."),
        (r#"{"token":["x"]}"#, "Not a valid string."),
    ] {
        let text = format!(r#"{{"token":["{error}"]}}"#);
        assert_reply(&post(&deployment, PATH, body).await, 400, &text, json!({}), body);
    }
    for token in ["x", "a.b.c", " "] {
        assert_not_valid(&verify(&deployment, token).await, token);
    }
}

/// A table that fails says nothing about a token.
#[tokio::test]
async fn failing_table_is_no_invalid_token() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let tokens = sign_in(&deployment, "email").await;
    for fails in ["GetItem USER", "GetItem SESSIONS"] {
        for (fault, refused) in [
            (error(500, "InternalServerError"), Refused::Unavailable(1)),
            (error(400, "AccessDeniedException"), Refused::Fault),
        ] {
            proxy.fail(move |call| call.starts_with(fails).then(|| fault.clone()));
            assert_refusal("email", refused, &verify(&deployment, &tokens.refresh).await, fails);
            let of_access = verify(&deployment, &tokens.access).await;
            match fails {
                "GetItem USER" => assert_refusal("email", refused, &of_access, fails),
                _ => assert_eq!(of_access.status, 200, "an access token names no session"),
            }
            proxy.heal();
        }
    }
}

#[tokio::test]
async fn verification_leaves_one_audit_event() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let ended = sign_in(&deployment, "email").await;
    end(&deployment, "email", &ended.refresh).await;
    for (at, (token, outcome, user_id)) in [
        (tokens.access.as_str(), "token_accepted", json!(OWNER)),
        (&tokens.refresh, "token_accepted", json!(OWNER)),
        (&ended.refresh, "session_invalid", Value::Null),
        ("garbage", "bad_token", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("verification-{at}");
        let headers = [("content-type", "application/json")];
        let body = json!({"token": token}).to_string();
        let mut event = postern_tests::deployment::event("POST", PATH, &headers, Some(&body));
        event["requestContext"]["requestId"] = json!(id);
        deployment.invoke("email", event).await;
        let lines = logs::so_far();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let events: Vec<_> = lines.filter(|line| line["request_id"] == json!(id)).collect();
        let [event] = events.as_slice() else { panic!("{id}: {events:?}") };
        assert_eq!((&event["message"], &event["outcome"]), (&json!("session"), &json!(outcome)), "{id}");
        assert_eq!(event.get("user_id").unwrap_or(&Value::Null), &user_id, "{id}");
    }
}
