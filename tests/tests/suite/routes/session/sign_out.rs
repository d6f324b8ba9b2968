//! `POST /api/v1/user/myself/session/logoutCurrentSession`: a sign-out needs the session token and a JWT of its user.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::store::Written;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::session::{OLD, SIGNED_OUT, altered, is_there, sign_out, stay};
use crate::support::session_jwt::{Jwt, OWNER, assert_refused, invalid, minted};
use crate::support::signed_in::{HeldToken, SIGN_OUT, audited, member, sign_in};
use crate::support::words::{assert_reply, unlimited};

const NO_SESSION: &str = r#"{"msg":"Session token is incorrect","error_code":"session_token_incorrect"}"#;

#[tokio::test]
async fn sign_out_with_the_jwt_in_the_query_or_the_header_succeeds_once() {
    let deployment = unlimited().await;
    let (jwt, _) = stay(&deployment).await;
    let (_, other) = stay(&deployment).await;
    let (query, bearer) = (format!("token={jwt}"), format!("Bearer {jwt}"));
    for (query, authorization) in [
        (query.as_str(), ""),
        ("", bearer.as_str()),
        // The query takes precedence, if it has a token.
        (&query, "Bearer nonsense"),
        (&query, "Basic c3QuaHViZXI6eA=="),
        ("token=", &bearer),
        ("tokens=nonsense", &bearer),
        (&format!("x=1&{query}&token=nonsense"), ""),
    ] {
        let (_, session_token) = stay(&deployment).await;
        let reply = sign_out(&deployment, query, authorization, &session_token).await;
        assert_reply(&reply, 200, SIGNED_OUT, json!({}), query);
        assert!(!is_there(&deployment, &session_token).await, "{query}");
        let reply = sign_out(&deployment, query, authorization, &session_token).await;
        assert_reply(&reply, 404, NO_SESSION, json!({}), "a second time");
    }
    for authorization in ["", &bearer] {
        let reply = sign_out(&deployment, "token=nonsense", authorization, &other).await;
        assert_refused(Jwt::Incorrect, &reply, authorization);
    }
    assert!(is_there(&deployment, &other).await, "only what was named is left");
    assert!(HeldToken("session JWT", jwt).is_valid(&deployment).await, "the JWT lasts until it expires");
}

#[tokio::test]
async fn sign_out_without_a_valid_jwt_is_refused() {
    let deployment = unlimited().await;
    let (_, session_token) = stay(&deployment).await;
    for (authorization, jwt) in invalid(&deployment).await {
        let reply = sign_out(&deployment, "", &authorization, &session_token).await;
        assert_refused(jwt, &reply, &authorization);
        // The reply is the same for a token in the query.
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            let reply = sign_out(&deployment, &format!("token={token}"), "", &session_token).await;
            assert_refused(jwt, &reply, token);
        }
    }
    assert!(is_there(&deployment, &session_token).await);
    let reply =
        sign_out(&deployment, "", &format!("Bearer {}", minted(&deployment, json!({}))), &session_token)
            .await;
    assert_reply(&reply, 200, SIGNED_OUT, json!({}), "the same claims, and nothing wrong with them");
}

#[tokio::test]
async fn jwt_expires_to_the_second() {
    let deployment = unlimited().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let (jwt, session_token) = stay(&deployment).await;
    deployment.advance(Duration::from_millis(3_600_000));
    let reply = sign_out(&deployment, &format!("token={jwt}"), "", &session_token).await;
    assert_refused(Jwt::Expired, &reply, "an hour later");
    deployment.set_time(deployment.now().minus(Duration::from_millis(1)));
    let reply = sign_out(&deployment, &format!("token={jwt}"), "", &session_token).await;
    assert_reply(&reply, 200, SIGNED_OUT, json!({}), "a millisecond before");
}

#[tokio::test]
async fn sign_out_needs_the_present_token_of_the_users_own_session() {
    let deployment = unlimited().await;
    let (jwt, own) = stay(&deployment).await;
    let guest = sign_in(&deployment, "session", "johndoe", "SecurePass123!", None).await;
    let (guests_jwt, guests) = (member(&guest, "/token"), member(&guest, "/session_token"));
    let account =
        member(&sign_in(&deployment, "account", "st.huber", OLD, None).await, "/token/refresh_token");
    let moved = format!("{}{}", &own[..11], &guests[11..]);
    for (jwt, session_token) in [
        (&jwt, guests.as_str()),
        (&guests_jwt, &own),
        (&jwt, &account),
        (&jwt, &altered(&own, 63)),
        (&jwt, &moved),
        (&jwt, &own[..63]),
        (&jwt, "nonsense"),
        (&jwt, &"0".repeat(64)),
        (&jwt, &jwt),
    ] {
        let reply = sign_out(&deployment, &format!("token={jwt}"), "", session_token).await;
        assert_reply(&reply, 404, NO_SESSION, json!({}), session_token);
    }
    assert!(is_there(&deployment, &own).await && is_there(&deployment, &guests).await);
    assert!(HeldToken("account refresh", account).is_valid(&deployment).await);
}

#[tokio::test]
async fn sign_out_of_an_expired_session_is_not_found() {
    let deployment = Deployment::start_with(|env| env.with("SESSION_IDLE_SECONDS", "100")).await;
    let (jwt, session_token) = stay(&deployment).await;
    deployment.advance(Duration::from_secs(101));
    let reply = sign_out(&deployment, &format!("token={jwt}"), "", &session_token).await;
    assert_reply(&reply, 404, NO_SESSION, json!({}), "an idle session");
}

#[tokio::test]
async fn jwt_of_an_earlier_epoch_ends_no_session() {
    let deployment = unlimited().await;
    let (old_jwt, old) = stay(&deployment).await;
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    let (new_jwt, new) = stay(&deployment).await;
    for session_token in [&old, &new] {
        let reply = sign_out(&deployment, &format!("token={old_jwt}"), "", session_token).await;
        assert_refused(Jwt::Incorrect, &reply, "a JWT of the epoch before");
    }
    assert!(is_there(&deployment, &new).await);
    let reply = sign_out(&deployment, &format!("token={new_jwt}"), "", &old).await;
    assert_reply(&reply, 404, NO_SESSION, json!({}), "a session of the epoch before");
    let reply = sign_out(&deployment, &format!("token={new_jwt}"), "", &new).await;
    assert_reply(&reply, 200, SIGNED_OUT, json!({}), "both of the present epoch");
}

#[tokio::test]
async fn session_token_that_is_missing_or_no_text_is_a_failing_field() {
    let deployment = unlimited().await;
    let (jwt, _) = stay(&deployment).await;
    let required = r#"{"session_token":["The session token field is required."]}"#;
    let string = r#"{"session_token":["The session token must be a string."]}"#;
    for (body, text) in [
        ("", required),
        ("[]", required),
        (r#"{"session_token":null}"#, required),
        (r#"{"session_token":""}"#, required),
        (r#"{"session_token":7}"#, string),
        (r#"{"session_token":{}}"#, string),
    ] {
        let path = format!("{SIGN_OUT}?token={jwt}");
        let reply = deployment.request("session", "POST", &path, &[], body).await;
        assert_reply(&reply, 422, text, json!({}), body);
        // Not without a JWT, nor with one that is plainly invalid.
        let reply = deployment.request("session", "POST", SIGN_OUT, &[], body).await;
        assert_refused(Jwt::Missing, &reply, body);
        let expired = minted(&deployment, json!({"exp": deployment.now().secs()}));
        for (token, jwt) in [("nonsense", Jwt::Incorrect), (&expired, Jwt::Expired)] {
            let reply =
                deployment.request("session", "POST", &format!("{SIGN_OUT}?token={token}"), &[], body).await;
            assert_refused(jwt, &reply, body);
        }
    }
}

#[tokio::test]
async fn every_request_leaves_one_audit_event() {
    let deployment = unlimited().await;
    let (jwt, session_token) = stay(&deployment).await;
    for (at, (token, outcome, user_id)) in [
        (None, "no_token", json!(null)),
        (Some("nonsense"), "bad_token", json!(null)),
        (Some(jwt.as_str()), "signed_out", json!(OWNER)),
        (Some(&jwt), "session_invalid", json!(OWNER)),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"session_token": session_token});
        let (reply, events) =
            audited(&deployment, "session", SIGN_OUT, token, &body, &format!("session-sign-out-{at}")).await;
        assert_eq!(events, [json!(["session", outcome, user_id])], "{reply:?}");
    }
}

/// Without an epoch, only its `iat` tells an older JWT from a newer one.
#[tokio::test]
async fn invalid_jwt_of_another_backend_ends_no_session() {
    let deployment = unlimited().await;
    let (old, early) = (minted(&deployment, json!({})), json!({"iat": deployment.now().secs() + 100}));
    deployment.advance(Duration::from_secs(1));
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    for jwt in [old, minted(&deployment, early)] {
        let (_, session_token) = stay(&deployment).await;
        let reply = sign_out(&deployment, &format!("token={jwt}"), "", &session_token).await;
        assert_refused(Jwt::Incorrect, &reply, "issued before all sessions ended, or in the future");
        assert!(is_there(&deployment, &session_token).await, "it was refused, and the session is gone");
    }
}
