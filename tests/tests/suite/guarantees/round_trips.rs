//! Each of these requests takes one round trip: its calls go out together, and no other follows.

use std::time::Duration;

use postern::session::GRACE;
use postern_tests::deployment::Reply;

use crate::support::proxy::{Fate, Proxy};
use crate::support::session::{delete, list, listed, resume, stay};
use crate::support::tokens::{
    REFRESHABLE, Tokens, assert_refused, end, present, refresh, refreshed, sign_in,
};

const ROTATE: &str = "UpdateItem SESSIONS";
const USER: &str = "GetItem USER";
const SESSION: &str = "GetItem SESSIONS";
const END: &str = "DeleteItem SESSIONS";

/// The operation and the kind of item of a call.
fn short(call: &str) -> String {
    call.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// Sends a request that makes these calls at once: none waits for another, and no other follows. Returns its reply.
async fn in_one_trip(proxy: &mut Proxy, calls: &[&str], request: impl Future<Output = Reply>) -> Reply {
    proxy.calls();
    proxy.rule(|_| Fate::Hold);
    let all_out = async {
        let mut out = Vec::new();
        for _ in calls {
            out.push(short(&proxy.reached().await));
        }
        out.sort();
        assert_eq!(out, calls, "these go out together");
        proxy.heal();
        calls.iter().for_each(|_| proxy.release());
        for _ in calls {
            assert!(proxy.reached().await.ends_with("at last"));
        }
    };
    let (reply, ()) = tokio::join!(request, all_out);
    let made: Vec<String> = proxy.calls().iter().map(|call| short(call)).collect();
    assert_eq!(made, calls, "and no more");
    reply
}

#[tokio::test]
async fn refresh_takes_one_round_trip_to_rotate_keep_or_repeat() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        let calls = [USER, ROTATE];
        let reply = in_one_trip(&mut proxy, &calls, refresh(&deployment, contract, &first.refresh)).await;
        let next = Tokens::of(contract, &reply);
        // The first presentation of a kept token is recorded in a second trip.
        proxy.calls();
        refreshed(&deployment, contract, &next.refresh).await;
        let made: Vec<String> = proxy.calls().iter().map(|call| short(call)).collect();
        assert_eq!(made, [USER, ROTATE, ROTATE], "{contract}");
        for token in [&first, &next] {
            let reply = in_one_trip(&mut proxy, &calls, refresh(&deployment, contract, &token.refresh)).await;
            assert_eq!(Tokens::of(contract, &reply).secret(contract), next.secret(contract), "{contract}");
        }
        deployment.advance(Duration::from_secs(400 * 24 * 3600));
        if contract == "account" {
            let reply = in_one_trip(&mut proxy, &calls, refresh(&deployment, contract, &next.refresh)).await;
            assert_refused(contract, &reply, "it is over");
        } else {
            // The token itself says so. The table is not asked.
            let reply = in_one_trip(&mut proxy, &[], refresh(&deployment, contract, &next.refresh)).await;
            assert_refused(contract, &reply, "it is over");
        }
    }
}

/// Reuse takes a second round trip.
#[tokio::test]
async fn reuse_takes_a_second_round_trip_that_ends_the_session() {
    let (deployment, proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
        let first = sign_in(&deployment, contract).await;
        refreshed(&deployment, contract, &first.refresh).await;
        deployment.advance(GRACE);
        // A late answer takes one, too.
        proxy.calls();
        refreshed(&deployment, contract, &first.refresh).await;
        let made: Vec<String> = proxy.calls().iter().map(|call| short(call)).collect();
        assert_eq!(made, [USER, ROTATE, ROTATE], "{contract}");
        deployment.advance(GRACE);
        proxy.calls();
        assert_refused(contract, &refresh(&deployment, contract, &first.refresh).await, "reuse");
        let made: Vec<String> = proxy.calls().iter().map(|call| short(call)).collect();
        assert_eq!(made, [END, USER, ROTATE], "{contract}");
    }
}

#[tokio::test]
async fn access_token_check_and_sign_out_take_one_round_trip_each() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    for contract in REFRESHABLE {
        let reads: &[&str] = if contract == "account" { &[SESSION, USER] } else { &[USER] };
        let tokens = sign_in(&deployment, contract).await;
        let reply = in_one_trip(&mut proxy, reads, present(&deployment, contract, &tokens.access)).await;
        assert_eq!(reply.status, 200, "{contract}");
        let reply = in_one_trip(&mut proxy, &[END], end(&deployment, contract, &tokens.refresh)).await;
        assert_eq!(reply.status, 200, "{contract}");
        // A refusal takes one trip, too.
        let reply = in_one_trip(&mut proxy, reads, present(&deployment, contract, &tokens.access)).await;
        assert_eq!(reply.status, if contract == "account" { 401 } else { 200 }, "{contract}");
    }
    let tokens = sign_in(&deployment, "account").await;
    let reply = in_one_trip(&mut proxy, &[END], end(&deployment, "account", &tokens.access)).await;
    assert_eq!(reply.status, 200, "an access token is revoked");
}

#[tokio::test]
async fn malformed_token_is_refused_without_a_call_to_the_table() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let mixed = sign_in(&deployment, "email").await;
    for contract in REFRESHABLE {
        let reply = in_one_trip(&mut proxy, &[], refresh(&deployment, contract, "garbage")).await;
        assert_refused(contract, &reply, "garbage");
        let reply = in_one_trip(&mut proxy, &[], refresh(&deployment, contract, &mixed.access)).await;
        assert_refused(contract, &reply, "an access token");
        let reply = in_one_trip(&mut proxy, &[], end(&deployment, contract, "garbage")).await;
        assert_eq!(reply.status, if contract == "account" { 200 } else { 401 }, "{contract}");
        let reply = in_one_trip(&mut proxy, &[], present(&deployment, contract, &mixed.refresh)).await;
        assert_eq!(reply.status, 401, "{contract}");
    }
    let free = crate::support::jwt::claims(&mixed.access);
    let minted = serde_json::json!({
        "token_type": "access", "exp": free["exp"], "iat": free["iat"], "jti": "x", "user_id": 33,
    });
    let token = crate::support::jwt::mint(r#"{"alg":"HS256"}"#, &minted);
    let reply = in_one_trip(&mut proxy, &[USER], deployment.sso(&token)).await;
    assert_eq!(reply.status, 200, "of no session, one read");
}

#[tokio::test]
async fn resume_takes_one_round_trip() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let (_, session_token) = stay(&deployment).await;
    proxy.calls();
    proxy.rule(|_| Fate::Hold);
    let both_before_either_is_answered = async {
        proxy.reached().await;
        proxy.reached().await;
        proxy.release();
        proxy.release();
    };
    let (reply, ()) = tokio::join!(resume(&deployment, &session_token), both_before_either_is_answered);
    assert_eq!(reply.status, 202);
    assert_eq!(
        proxy.calls(),
        ["GetItem USER", "UpdateItem SESSIONS SET expires_at = :expires_at, last_used = :last_used"]
    );
    // A malformed token is not looked up.
    proxy.heal();
    assert_eq!(resume(&deployment, "no session token").await.status, 400);
    assert_eq!(proxy.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn list_of_sessions_takes_one_round_trip_and_the_end_of_one_takes_two() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let (jwt, _) = stay(&deployment).await;
    let reads = [USER, "Query SESSIONS"];
    let reply = in_one_trip(&mut proxy, &reads, list(&deployment, &jwt)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = in_one_trip(&mut proxy, &reads, delete(&deployment, &jwt, 153)).await;
    assert_eq!(reply.status, 404, "{reply:?}");
    let id = listed(&deployment, &jwt).await[0]["id"].clone();
    proxy.calls();
    assert_eq!(delete(&deployment, &jwt, id).await.status, 200);
    assert_eq!(proxy.calls(), [END, USER, "Query SESSIONS"]);
    // A malformed JWT is refused without a call.
    let reply = in_one_trip(&mut proxy, &[], list(&deployment, "nonsense")).await;
    assert_eq!(reply.status, 401, "{reply:?}");
}
