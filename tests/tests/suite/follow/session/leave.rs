//! A session is left by its token and a JWT of its user, and by nothing less.

use std::time::Duration;

use postern::ambient::Timestamp;
use postern_tests::stand::{Reply, Stand};
use serde_json::{Value, json};

use super::{OLD, altered, resume, stay};
use crate::follow::holder::{self, Held, LEAVE, audited, everything, member, sign_in};
use crate::jwt::{encode, mint, mint_with};
use crate::proxy::{Proxy, error};
use crate::raw;
use crate::words::{Said, assert_reply, assert_said, unlimited};

const OWNER: u64 = 33;
const LEFT: &str = r#"{"msg":"Successfully logged out and deleted session"}"#;
const NO_SESSION: &str = r#"{"msg":"Session token is incorrect","error_code":"session_token_incorrect"}"#;
const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// How a JWT that is no good is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Jwt {
    Missing,
    Expired,
    Incorrect,
}

#[track_caller]
fn assert_refused(jwt: Jwt, reply: &Reply, of: &str) {
    let (text, challenge) = match jwt {
        Jwt::Missing => (r#"{"msg":"Token not provided.","error_code":"token_not_provided"}"#, "Bearer"),
        Jwt::Expired => (
            r#"{"msg":"Provided token is expired.","error_code":"token_expired"}"#,
            r#"Bearer error="invalid_token""#,
        ),
        Jwt::Incorrect => (
            r#"{"msg":"Your token is incorrect!","error_code":"token_incorrect"}"#,
            r#"Bearer error="invalid_token""#,
        ),
    };
    assert_reply(reply, 401, text, json!({"www-authenticate": challenge}), of);
}

/// Leaves with a query and an `Authorization` header, either of which may be empty and then is not sent.
async fn leave(stand: &Stand, query: &str, authorization: &str, session_token: &str) -> Reply {
    let path = if query.is_empty() { LEAVE.to_owned() } else { format!("{LEAVE}?{query}") };
    let headers = [("authorization", authorization)];
    let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
    let body = json!({"session_token": session_token}).to_string();
    stand.request("session", "POST", &path, headers, &body).await
}

/// A JWT of this contract's with some claims of its own, as another backend mints it with the shared key.
fn minted(stand: &Stand, more: Value) -> String {
    let iat = stand.now().secs();
    mint(HS256, &holder::with(json!({"iss": "lumen-jwt", "sub": OWNER, "iat": iat, "exp": iat + 60}), more))
}

async fn is_there(stand: &Stand, session_token: &str) -> bool {
    resume(stand, session_token).await.status == 202
}

#[tokio::test]
async fn a_session_is_left_once_with_the_jwt_in_the_query_or_in_the_header() {
    let stand = unlimited().await;
    let (jwt, _) = stay(&stand).await;
    let (_, other) = stay(&stand).await;
    let (query, bearer) = (format!("token={jwt}"), format!("Bearer {jwt}"));
    for (query, authorization) in [
        (query.as_str(), ""),
        ("", bearer.as_str()),
        // The query wins where it says anything.
        (&query, "Bearer nonsense"),
        (&query, "Basic c3QuaHViZXI6eA=="),
        ("token=", &bearer),
        ("tokens=nonsense", &bearer),
        (&format!("x=1&{query}&token=nonsense"), ""),
    ] {
        let (_, session_token) = stay(&stand).await;
        let reply = leave(&stand, query, authorization, &session_token).await;
        assert_reply(&reply, 200, LEFT, json!({}), query);
        assert!(!is_there(&stand, &session_token).await, "{query}");
        let reply = leave(&stand, query, authorization, &session_token).await;
        assert_reply(&reply, 404, NO_SESSION, json!({}), "a second time");
    }
    for authorization in ["", &bearer] {
        let reply = leave(&stand, "token=nonsense", authorization, &other).await;
        assert_refused(Jwt::Incorrect, &reply, authorization);
    }
    assert!(is_there(&stand, &other).await, "only what was named is left");
    assert!(Held("session JWT", jwt).is_good(&stand).await, "the JWT lasts until it expires");
}

#[tokio::test]
async fn without_a_good_jwt_no_session_is_left() {
    let stand = unlimited().await;
    let (_, session_token) = stay(&stand).await;
    let held = everything(&stand, "st.huber", OLD, &[]).await;
    let mut cases = vec![
        (String::new(), Jwt::Missing),
        ("Basic c3QuaHViZXI6eA==".to_owned(), Jwt::Missing),
        ("Bearer".to_owned(), Jwt::Incorrect),
        ("Bearer nonsense".to_owned(), Jwt::Incorrect),
        ("Bearer a.b.c".to_owned(), Jwt::Incorrect),
    ];
    // Other contracts' tokens, and what is no JWT at all.
    let others = held.iter().filter(|Held(what, _)| *what != "session JWT");
    cases.extend(others.map(|Held(_, token)| (format!("Bearer {token}"), Jwt::Incorrect)));
    let iat = stand.now().secs();
    for (token, jwt) in [
        (minted(&stand, json!({"exp": iat})), Jwt::Expired),
        (minted(&stand, json!({"exp": iat - 1})), Jwt::Expired),
        (minted(&stand, json!({"exp": iat - 1, "iss": "another"})), Jwt::Expired),
        (minted(&stand, json!({"iss": "another"})), Jwt::Incorrect),
        (minted(&stand, json!({"iss": "email"})), Jwt::Incorrect),
        (minted(&stand, json!({"iss": null})), Jwt::Incorrect),
        (minted(&stand, json!({"sub": "33"})), Jwt::Incorrect),
        (minted(&stand, json!({"sub": 999})), Jwt::Incorrect),
        (minted(&stand, json!({"epoch": 1})), Jwt::Incorrect),
        (
            mint_with(
                b"another key, which nobody here ever set",
                HS256,
                &json!({"iss": "lumen-jwt", "sub": OWNER, "iat": iat, "exp": iat + 60}),
            ),
            Jwt::Incorrect,
        ),
    ] {
        cases.push((format!("Bearer {token}"), jwt));
    }
    let claims = minted(&stand, json!({})).split('.').nth(1).unwrap().to_owned();
    for header in [r#"{"typ":"JWT","alg":"none"}"#, r#"{"alg":"None"}"#] {
        let unsigned = format!("{}.{claims}.", encode(header.as_bytes()));
        cases.push((format!("Bearer {unsigned}"), Jwt::Incorrect));
        cases.push((format!("Bearer {}", unsigned.trim_end_matches('.')), Jwt::Incorrect));
    }
    for (authorization, jwt) in cases {
        let reply = leave(&stand, "", &authorization, &session_token).await;
        assert_refused(jwt, &reply, &authorization);
        // In the query it is the same.
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            let reply = leave(&stand, &format!("token={token}"), "", &session_token).await;
            assert_refused(jwt, &reply, token);
        }
    }
    assert!(is_there(&stand, &session_token).await);
    let reply = leave(&stand, "", &format!("Bearer {}", minted(&stand, json!({}))), &session_token).await;
    assert_reply(&reply, 200, LEFT, json!({}), "the same claims, and nothing wrong with them");
}

#[tokio::test]
async fn a_jwt_expires_to_the_second() {
    let stand = unlimited().await;
    stand.set_time(Timestamp::from_millis(1_700_000_000_000));
    let (jwt, session_token) = stay(&stand).await;
    stand.advance(Duration::from_millis(3_600_000));
    let reply = leave(&stand, &format!("token={jwt}"), "", &session_token).await;
    assert_refused(Jwt::Expired, &reply, "an hour later");
    stand.set_time(stand.now().minus(Duration::from_millis(1)));
    let reply = leave(&stand, &format!("token={jwt}"), "", &session_token).await;
    assert_reply(&reply, 200, LEFT, json!({}), "a millisecond before");
}

#[tokio::test]
async fn only_the_users_own_sessions_of_this_contract_are_left_by_their_present_token() {
    let stand = unlimited().await;
    let (jwt, own) = stay(&stand).await;
    let guest = sign_in(&stand, "session", "johndoe", "SecurePass123!", None).await;
    let (guests_jwt, guests) = (member(&guest, "/token"), member(&guest, "/session_token"));
    let account = member(&sign_in(&stand, "account", "st.huber", OLD, None).await, "/token/refresh_token");
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
        let reply = leave(&stand, &format!("token={jwt}"), "", session_token).await;
        assert_reply(&reply, 404, NO_SESSION, json!({}), session_token);
    }
    assert!(is_there(&stand, &own).await && is_there(&stand, &guests).await);
    assert!(Held("account refresh", account).is_good(&stand).await);
}

#[tokio::test]
async fn a_session_that_is_over_is_none() {
    let stand = Stand::start_with(|env| env.with("SESSION_IDLE_SECONDS", "100")).await;
    let (jwt, session_token) = stay(&stand).await;
    stand.advance(Duration::from_secs(101));
    let reply = leave(&stand, &format!("token={jwt}"), "", &session_token).await;
    assert_reply(&reply, 404, NO_SESSION, json!({}), "an idle session");
}

#[tokio::test]
async fn a_jwt_of_before_all_sessions_ended_ends_no_session_of_after() {
    let stand = unlimited().await;
    let (old_jwt, old) = stay(&stand).await;
    stand.store.end_sessions(OWNER, stand.now()).await.unwrap();
    let (new_jwt, new) = stay(&stand).await;
    for session_token in [&old, &new] {
        let reply = leave(&stand, &format!("token={old_jwt}"), "", session_token).await;
        assert_refused(Jwt::Incorrect, &reply, "a JWT of the epoch before");
    }
    assert!(is_there(&stand, &new).await);
    let reply = leave(&stand, &format!("token={new_jwt}"), "", &old).await;
    assert_reply(&reply, 404, NO_SESSION, json!({}), "a session of the epoch before");
    let reply = leave(&stand, &format!("token={new_jwt}"), "", &new).await;
    assert_reply(&reply, 200, LEFT, json!({}), "both of the present epoch");
}

#[tokio::test]
async fn a_session_token_that_is_missing_or_no_text_is_a_field_that_is_wrong() {
    let stand = unlimited().await;
    let (jwt, _) = stay(&stand).await;
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
        let path = format!("{LEAVE}?token={jwt}");
        let reply = stand.request("session", "POST", &path, &[], body).await;
        assert_reply(&reply, 422, text, json!({}), body);
        // Not to one who shows no JWT, or one that anybody can see is no good.
        let reply = stand.request("session", "POST", LEAVE, &[], body).await;
        assert_refused(Jwt::Missing, &reply, body);
        let expired = minted(&stand, json!({"exp": stand.now().secs()}));
        for (token, jwt) in [("nonsense", Jwt::Incorrect), (&expired, Jwt::Expired)] {
            let reply = stand.request("session", "POST", &format!("{LEAVE}?token={token}"), &[], body).await;
            assert_refused(jwt, &reply, body);
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_is_said_so_and_a_session_is_left_or_there() {
    let (stand, proxy) = Proxy::stand(|env| env).await;
    for (fault, said) in [
        (error(400, "AccessDeniedException"), Said::Fault),
        (error(503, "ServiceUnavailable"), Said::Unavailable(1)),
    ] {
        for (call, stays) in [("GetItem USER", false), ("DeleteItem SESSIONS", true)] {
            let (jwt, session_token) = stay(&stand).await;
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            let reply = leave(&stand, &format!("token={jwt}"), "", &session_token).await;
            assert_said("session", said, &reply, call);
            proxy.heal();
            assert_eq!(is_there(&stand, &session_token).await, stays, "{call}");
        }
    }
    assert_eq!(raw::user(&stand, OWNER).await["epoch"], raw::number(0));
}

#[tokio::test]
async fn each_request_leaves_one_audit_event() {
    let stand = unlimited().await;
    let (jwt, session_token) = stay(&stand).await;
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
            audited(&stand, "session", LEAVE, token, &body, &format!("session-leave-{at}")).await;
        assert_eq!(events, [json!(["session", outcome, user_id])], "{reply:?}");
    }
}

/// A JWT without an epoch is told from a newer one by its `iat` only.
#[tokio::test]
async fn a_jwt_that_was_minted_elsewhere_and_is_no_good_ends_no_session() {
    let stand = unlimited().await;
    let (old, early) = (minted(&stand, json!({})), json!({"iat": stand.now().secs() + 100}));
    stand.advance(Duration::from_secs(1));
    stand.store.end_sessions(OWNER, stand.now()).await.unwrap();
    for jwt in [old, minted(&stand, early)] {
        let (_, session_token) = stay(&stand).await;
        let reply = leave(&stand, &format!("token={jwt}"), "", &session_token).await;
        assert_refused(Jwt::Incorrect, &reply, "issued before all sessions ended, or in the future");
        assert!(is_there(&stand, &session_token).await, "it was refused, and the session is gone");
    }
}
