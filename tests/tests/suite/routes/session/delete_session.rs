//! `DELETE /api/v1/user/myself/session/{id}`: a session that the list shows ends, and no other.

use std::time::Duration;

use postern::store::Written;
use postern_tests::deployment::{Deployment, event};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::{Fate, Proxy, error};
use crate::support::raw;
use crate::support::session::{DELETED, NOT_FOUND, delete, id_of, is_there, listed, resume, stay, stay_on};
use crate::support::session_jwt::{Jwt, OWNER, assert_refused, invalid, minted};
use crate::support::signed_in::{HeldToken, SESSIONS, member, sign_in};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

#[tokio::test]
async fn deleted_session_gives_no_more_jwts() {
    let deployment = unlimited().await;
    let (jwt, own) = stay(&deployment).await;
    let token = stay_on(&deployment, "lost").await;
    let id = id_of(&deployment, &jwt, "lost").await;
    assert_reply(&delete(&deployment, &jwt, id).await, 200, DELETED, json!({}), "an own session");
    let reply = resume(&deployment, &token).await;
    assert_eq!((reply.status, reply.json()["error_code"].as_str()), (400, Some("session_token_incorrect")));
    assert!(is_there(&deployment, &own).await, "only what was named has ended");
    assert_eq!(listed(&deployment, &jwt).await.len(), 1);
    assert_reply(&delete(&deployment, &jwt, id).await, 404, NOT_FOUND, json!({}), "a second time");
    // The JWT belongs to no session, so it lasts until it expires.
    assert!(HeldToken("session JWT", jwt).is_valid(&deployment).await);
}

#[tokio::test]
async fn jwt_in_the_query_and_a_slash_at_the_end_are_the_same_request() {
    let deployment = unlimited().await;
    let (jwt, _) = stay(&deployment).await;
    for slash in ["", "/"] {
        let token = stay_on(&deployment, "lost").await;
        let id = id_of(&deployment, &jwt, "lost").await;
        let path = format!("{SESSIONS}/{id}{slash}?token={jwt}");
        let reply = deployment.request("session", "DELETE", &path, &[], "").await;
        assert_reply(&reply, 200, DELETED, json!({}), &path);
        assert!(!is_there(&deployment, &token).await, "{path}");
    }
}

/// The client follows the list.
#[tokio::test]
async fn action_of_the_list_ends_its_session() {
    let deployment = unlimited().await;
    let (jwt, token) = stay(&deployment).await;
    let action = &listed(&deployment, &jwt).await[0]["delete_session"];
    let (method, href) = (action["method"].as_str().unwrap(), action["href"].as_str().unwrap());
    let path = format!("/{href}?token={jwt}");
    assert_eq!(deployment.request("session", method, &path, &[], "").await.status, 200);
    assert!(!is_there(&deployment, &token).await);
}

#[tokio::test]
async fn session_of_another_user_or_contract_is_not_found() {
    let deployment = unlimited().await;
    let (jwt, own) = stay(&deployment).await;
    let guest = sign_in(&deployment, "session", "johndoe", "SecurePass123!", None).await;
    let (guests_jwt, guests) = (member(&guest, "/token"), member(&guest, "/session_token"));
    let id = listed(&deployment, &guests_jwt).await[0]["id"].as_u64().unwrap();
    assert_reply(&delete(&deployment, &jwt, id).await, 404, NOT_FOUND, json!({}), "another user's");
    // By the same rule, account's session has a number too.
    sign_in(&deployment, "account", "st.huber", "Password1234!", None).await;
    let sessions = deployment.store.sessions(OWNER).await.unwrap();
    let accounts = sessions.iter().find(|session| session.kind == "account").unwrap();
    assert_reply(&delete(&deployment, &jwt, accounts.number()).await, 404, NOT_FOUND, json!({}), "account's");
    assert_eq!(deployment.store.sessions(OWNER).await.unwrap().len(), 2);
    assert!(is_there(&deployment, &own).await && is_there(&deployment, &guests).await);
    assert_eq!(delete(&deployment, &guests_jwt, id).await.status, 200);
}

#[tokio::test]
async fn text_that_is_no_id_of_the_list_is_not_found() {
    let deployment = unlimited().await;
    let (jwt, token) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    for text in [
        "0".to_owned(),
        "153".to_owned(),
        (id + 1).to_string(),
        format!("+{id}"),
        format!("0{id}"),
        format!("{id}.0"),
        format!("-{id}"),
        format!(" {id}"),
        format!("{id:x}"),
        "9".repeat(1000),
        "☃".to_owned(),
        "{id}".to_owned(),
    ] {
        assert_reply(&delete(&deployment, &jwt, &text).await, 404, NOT_FOUND, json!({}), &text);
    }
    assert!(is_there(&deployment, &token).await);
}

/// A path variable is decoded, so it may hold a slash.
#[tokio::test]
async fn path_of_another_route_or_with_other_segments_is_no_id() {
    let deployment = unlimited().await;
    let (jwt, token) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    let headers = [("authorization", format!("Bearer {jwt}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (text, status) in [
        (format!("x/{id}"), 404),
        (format!("{id}//"), 404),
        (String::new(), 405),
        // Another route has this path.
        ("logoutCurrentSession".to_owned(), 405),
    ] {
        let mut request = event("DELETE", &format!("{SESSIONS}/1"), &headers, None);
        request["pathParameters"] = json!({"id": text});
        assert_eq!(deployment.invoke("session", request).await.status, status, "{text}");
    }
    assert!(is_there(&deployment, &token).await);
}

#[tokio::test]
async fn delete_without_a_valid_jwt_is_refused_and_ends_nothing() {
    let deployment = unlimited().await;
    let token = stay_on(&deployment, "mine").await;
    let id = id_of(&deployment, &minted(&deployment, json!({})), "mine").await;
    let path = format!("{SESSIONS}/{id}");
    for (authorization, jwt) in invalid(&deployment).await {
        let headers = [("authorization", authorization.as_str())];
        let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
        let reply = deployment.request("session", "DELETE", &path, headers, "").await;
        assert_refused(jwt, &reply, &authorization);
    }
    assert!(is_there(&deployment, &token).await);
}

/// A JWT of another backend has no epoch. Only its `iat` tells an older one from a newer one.
#[tokio::test]
async fn jwt_of_before_all_sessions_ended_ends_no_new_session() {
    let deployment = unlimited().await;
    let olds = [minted(&deployment, json!({})), minted(&deployment, json!({"epoch": 0}))];
    deployment.advance(Duration::from_secs(1));
    assert_eq!(deployment.store.end_sessions(OWNER, deployment.now()).await.unwrap(), Written::Done);
    let (jwt, token) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    for old in olds {
        assert_refused(Jwt::Incorrect, &delete(&deployment, &old, id).await, &old);
    }
    assert!(is_there(&deployment, &token).await);
}

/// A use of the session that arrives before the end succeeds, and one that arrives after it begins no new session.
#[tokio::test]
async fn session_that_is_used_while_it_is_deleted_ends() {
    let (deployment, mut proxy) =
        Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    for (held, resumed_meanwhile) in [("DeleteItem SESSIONS", true), ("UpdateItem SESSIONS", false)] {
        let (jwt, token) = stay(&deployment).await;
        let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
        proxy.rule(move |call| if call.starts_with(held) { Fate::Hold } else { Fate::Pass });
        let (first, second) = if resumed_meanwhile {
            let meanwhile = async {
                proxy.reached().await;
                let reply = resume(&deployment, &token).await;
                proxy.heal();
                proxy.release();
                reply
            };
            tokio::join!(delete(&deployment, &jwt, id), meanwhile)
        } else {
            let meanwhile = async {
                proxy.reached().await;
                let reply = delete(&deployment, &jwt, id).await;
                proxy.heal();
                proxy.release();
                reply
            };
            let (resumed, deleted) = tokio::join!(resume(&deployment, &token), meanwhile);
            (deleted, resumed)
        };
        assert_reply(&first, 200, DELETED, json!({}), held);
        assert_eq!(second.status, if resumed_meanwhile { 202 } else { 400 }, "{held}");
        assert!(!is_there(&deployment, &token).await, "{held}");
        assert_eq!(raw::sessions(&deployment, OWNER).await, 0, "{held}");
    }
}

/// The SDK sends the end again if its answer is lost, and then there is no session. It has ended all the same.
#[tokio::test]
async fn delete_whose_answer_is_lost_is_answered_as_done() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let (jwt, token) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    proxy.first(&["DeleteItem SESSIONS"], Fate::lose);
    assert_reply(&delete(&deployment, &jwt, id).await, 200, DELETED, json!({}), "a lost answer");
    assert!(!is_there(&deployment, &token).await);
}

#[tokio::test]
async fn failure_of_each_call_is_an_error_and_leaves_the_session() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    let (jwt, token) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    for (fault, refused) in [
        (error(400, "AccessDeniedException"), Refused::Fault),
        (error(503, "ServiceUnavailable"), Refused::Unavailable(1)),
    ] {
        for call in ["GetItem USER", "Query SESSIONS", "DeleteItem SESSIONS"] {
            let fault = fault.clone();
            proxy.fail(move |seen| seen.starts_with(call).then(|| fault.clone()));
            assert_refusal("session", refused, &delete(&deployment, &jwt, id).await, call);
            proxy.heal();
            assert!(is_there(&deployment, &token).await, "{call}");
        }
    }
    assert_eq!(delete(&deployment, &jwt, id).await.status, 200);
}

#[tokio::test]
async fn every_request_leaves_one_audit_event() {
    let deployment = unlimited().await;
    let (jwt, _) = stay(&deployment).await;
    let id = listed(&deployment, &jwt).await[0]["id"].as_u64().unwrap();
    for (at, (token, outcome, user_id)) in [
        (None, "no_token", json!(null)),
        (Some("nonsense"), "bad_token", json!(null)),
        (Some(jwt.as_str()), "signed_out", json!(OWNER)),
        (Some(&jwt), "session_invalid", json!(OWNER)),
    ]
    .into_iter()
    .enumerate()
    {
        let (reply, events) = audited(&deployment, id, token, &format!("session-delete-{at}")).await;
        assert_eq!(events, [json!(["session", outcome, user_id])], "{reply:?}");
    }
}

/// Sends a DELETE with this request id. Returns the status, and what its audit events say.
async fn audited(
    deployment: &Deployment,
    id: u64,
    token: Option<&str>,
    request_id: &str,
) -> (u64, Vec<Value>) {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let headers = [("authorization", bearer.as_str())];
    let headers = if token.is_some() { &headers[..] } else { &[] };
    let mut event = event("DELETE", &format!("{SESSIONS}/{id}"), headers, None);
    event["requestContext"]["requestId"] = json!(request_id);
    let reply = deployment.invoke("session", event).await;
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = lines.filter(|line| line["request_id"] == json!(request_id));
    (reply.status, events.map(|line| json!([line["message"], line["outcome"], line["user_id"]])).collect())
}
