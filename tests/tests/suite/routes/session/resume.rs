//! `POST /api/auth/IamLoggedIn`: a session token gives a JWT until the session is idle for too long, has expired, or is
//! ended.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::session::SessionToken;
use postern::store::Written;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::jwt::parts;
use crate::support::raw::{self, Attribute, Item, number, text};
use crate::support::session::{CHANGER, OLD, altered, body, change, resume, stay};
use crate::support::signed_in::{
    self, HeldToken, RESUME, SIGN_OUT, assert_all, audited, member, sign_in, with,
};
use crate::support::words::{assert_reply, unlimited};

const INCORRECT: &str = r#"{"msg":"You have been logged out of this session or this session token is incorrect","error_code":"session_token_incorrect"}"#;

/// The id of st.huber.
const OWNER: u64 = 33;

/// The item of the session of this token.
async fn item(deployment: &Deployment, token: &str) -> Item {
    let token = SessionToken::from_plain(token).unwrap();
    raw::item(deployment, &format!("SESSIONS#{}", token.user_id), &token.session_id()).await.unwrap()
}

#[tokio::test]
async fn session_token_gives_a_jwt_each_time_and_stays_the_same() {
    let deployment = unlimited().await;
    let (_, session_token) = stay(&deployment).await;
    let mut expected = item(&deployment, &session_token).await;
    let user = raw::user(&deployment, OWNER).await;
    for more in [
        json!({}),
        json!({"session_information": "another device"}),
        json!({"session_information": ["x".repeat(191)], "stay_logged_in": "perhaps"}),
    ] {
        deployment.advance(Duration::from_secs(3600));
        let body = with(json!({"session_token": session_token}), more);
        let reply = signed_in::post(&deployment, "session", RESUME, None, &body).await;
        let token = member(&reply, "/token");
        let text = format!(r#"{{"msg":"Session token is good","token":"{token}"}}"#);
        assert_reply(&reply, 202, &text, json!({"pragma": "no-cache"}), &body.to_string());
        let iat = deployment.now().secs();
        let (header, claims) = parts(&token);
        assert_eq!(header, r#"{"typ":"JWT","alg":"HS256"}"#);
        let claimed = json!({"iss": "lumen-jwt", "sub": OWNER, "iat": iat, "exp": iat + 3600, "epoch": 0});
        assert_eq!(claims, claimed);
        assert!(HeldToken("session JWT", token).is_valid(&deployment).await);
        expected.insert("expires_at".to_owned(), number(iat + 30 * 24 * 3600));
        expected.insert("last_used".to_owned(), number(deployment.now().millis()));
        assert_eq!(
            item(&deployment, &session_token).await,
            expected,
            "only the idle end and the last use move"
        );
    }
    assert_eq!(raw::user(&deployment, OWNER).await, user, "it is no sign-in");
    assert_eq!(raw::sessions(&deployment, OWNER).await, 1);
}

#[tokio::test]
async fn resume_postpones_the_idle_end_and_not_the_absolute_end() {
    let deployment = Deployment::start_with(|env| {
        env.with("SESSION_IDLE_SECONDS", "100").with("SESSION_ABSOLUTE_SECONDS", "250")
    })
    .await;
    let began = Timestamp::from_millis(1_700_000_000_000);
    for (uses, over) in [
        (&[][..], 100_000),
        (&[99_999], 199_000),
        (&[99_000, 198_999], 250_000),
        (&[99_000, 198_000, 249_999], 250_000),
    ] {
        deployment.set_time(began);
        let (_, session_token) = stay(&deployment).await;
        for at in uses {
            deployment.set_time(began.plus(Duration::from_millis(*at)));
            assert_eq!(resume(&deployment, &session_token).await.status, 202, "{uses:?} at {at}");
        }
        for at in [over, over + 1, over + 1_000_000] {
            deployment.set_time(began.plus(Duration::from_millis(at)));
            let reply = resume(&deployment, &session_token).await;
            assert_reply(&reply, 400, INCORRECT, json!({}), &format!("{uses:?} at {at}"));
        }
        // The session was alive to the last millisecond. Otherwise the ends above would show nothing.
        deployment.set_time(began.plus(Duration::from_millis(over - 1)));
        assert_eq!(resume(&deployment, &session_token).await.status, 202, "{uses:?}");
    }
}

#[tokio::test]
async fn every_invalid_token_gets_the_same_reply() {
    let deployment = unlimited().await;
    let (jwt, session_token) = stay(&deployment).await;
    let account = sign_in(&deployment, "account", "st.huber", OLD, None).await;
    let email = sign_in(&deployment, "email", "st.huber", OLD, None).await;
    let no_good = [
        "x".to_owned(),
        "0".repeat(64),
        "z".repeat(64),
        format!("{session_token} "),
        format!("{session_token}x"),
        session_token[..63].to_owned(),
        "☃".repeat(64),
        // Another user's id, another family, another secret.
        format!("0000000000Y{}", &session_token[11..]),
        altered(&session_token, 20),
        altered(&session_token, 21),
        altered(&session_token, 63),
        jwt,
        member(&account, "/token/refresh_token"),
        member(&email, "/refresh"),
    ];
    let before = item(&deployment, &session_token).await;
    deployment.advance(Duration::from_secs(1));
    for token in &no_good {
        assert_reply(&resume(&deployment, token).await, 400, INCORRECT, json!({}), token);
    }
    assert_eq!(item(&deployment, &session_token).await, before);
    assert_eq!(resume(&deployment, &session_token).await.status, 202);
    assert_all(&deployment, &[HeldToken("account refresh", no_good[12].clone())], true).await;
}

#[tokio::test]
async fn session_ends_with_the_password_the_status_the_user_and_the_sign_out() {
    for end in ["password", "status", "sessions", "MFA", "user", "sign-out"] {
        let deployment = unlimited().await;
        let (jwt, session_token) = stay(&deployment).await;
        assert_eq!(resume(&deployment, &session_token).await.status, 202, "{end}");
        let now = deployment.now();
        let done = match end {
            "password" => {
                let hash = deployment.app.passwords().hash(OLD, [7; 16]).unwrap();
                deployment.store.set_password(OWNER, &hash, false, now).await
            }
            "status" => deployment.store.set_status(OWNER, Status::Disabled, now).await,
            "sessions" => deployment.store.end_sessions(OWNER, now).await,
            "MFA" => deployment.store.remove_mfa(OWNER, now).await,
            "user" => {
                let user = deployment.store.user(OWNER).await.unwrap().unwrap();
                deployment.store.delete_user(&user).await
            }
            _ => {
                let body = json!({"session_token": session_token});
                let reply = signed_in::post(&deployment, "session", SIGN_OUT, Some(&jwt), &body).await;
                assert_eq!(reply.status, 200);
                Ok(Written::Done)
            }
        };
        assert_eq!(done, Ok(Written::Done), "{end}");
        assert_reply(&resume(&deployment, &session_token).await, 400, INCORRECT, json!({}), end);
        if end == "status" {
            assert_eq!(deployment.store.set_status(OWNER, Status::Active, now).await.unwrap(), Written::Done);
            assert_reply(
                &resume(&deployment, &session_token).await,
                400,
                INCORRECT,
                json!({}),
                "active again",
            );
        }
    }
}

#[tokio::test]
async fn session_ends_when_the_user_changes_the_password() {
    let deployment = unlimited().await;
    signed_in::set(&deployment, CHANGER, "must_change_password", Attribute::Bool(false)).await;
    let old = member(&sign_in(&deployment, "session", "changer", OLD, None).await, "/session_token");
    signed_in::set(&deployment, CHANGER, "must_change_password", Attribute::Bool(true)).await;
    assert_reply(&resume(&deployment, &old).await, 400, INCORRECT, json!({}), "before the change");
    assert_eq!(change(&deployment, &body("changer")).await.status, 200);
    assert_reply(&resume(&deployment, &old).await, 400, INCORRECT, json!({}), "after the change");
}

#[tokio::test]
async fn session_of_a_user_who_may_not_sign_in_is_refused_without_a_reason() {
    let deployment = unlimited().await;
    let (_, session_token) = stay(&deployment).await;
    for status in ["disabled", "blocked", "not_activated"] {
        // Written without the store, so the epoch of the session is still current.
        signed_in::set(&deployment, OWNER, "status", text(status)).await;
        assert_reply(&resume(&deployment, &session_token).await, 400, INCORRECT, json!({}), status);
    }
    signed_in::set(&deployment, OWNER, "status", text("active")).await;
    assert_eq!(resume(&deployment, &session_token).await.status, 202);
}

#[tokio::test]
async fn session_token_that_is_missing_or_no_text_is_a_failing_field() {
    let deployment = unlimited().await;
    let required = r#"{"session_token":["The session token field is required."]}"#;
    let string = r#"{"session_token":["The session token must be a string."]}"#;
    for (body, text) in [
        ("", required),
        ("{}", required),
        ("[]", required),
        (r#"{"session_token":"#, required),
        (r#"{"session_token":null}"#, required),
        (r#"{"session_token":""}"#, required),
        (r#"{"session_token":7}"#, string),
        (r#"{"session_token":false}"#, string),
        (r#"{"session_token":["x"]}"#, string),
        (r#"{"session_token":{}}"#, string),
    ] {
        let reply = deployment.request("session", "POST", RESUME, &[], body).await;
        assert_reply(&reply, 422, text, json!({}), body);
    }
}

#[tokio::test]
async fn every_resume_leaves_one_audit_event() {
    let deployment = unlimited().await;
    let (_, session_token) = stay(&deployment).await;
    for (at, (token, outcome, user_id)) in [
        (session_token.clone(), "session_resumed", json!(OWNER)),
        (altered(&session_token, 63), "session_invalid", json!(null)),
        ("nonsense".to_owned(), "bad_token", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"session_token": token});
        let (reply, events) =
            audited(&deployment, "session", RESUME, None, &body, &format!("session-resume-{at}")).await;
        assert_eq!(events, [json!(["session", outcome, user_id])], "{reply:?}");
    }
}
