//! `POST /oauth/revoke_token/` (RFC 7009).

use postern::session::{GRACE, SessionToken};
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::account::{REVOKE, assert_error, assert_no_form, post, tokens_of_others};
use crate::support::jwt::{claims, mint};
use crate::support::tokens::{
    OWNER, assert_access_refused, assert_refused, end, refresh, refreshed, sessions, sign_in,
};
use crate::support::words::assert_reply;

#[tokio::test]
async fn revocation_by_any_token_of_the_family_ends_the_session() {
    let deployment = Deployment::start().await;
    for which in 0..5 {
        let elsewhere = sign_in(&deployment, "account").await;
        let first = sign_in(&deployment, "account").await;
        let second = refreshed(&deployment, "account", &first.refresh).await;
        deployment.advance(GRACE);
        let third = refreshed(&deployment, "account", &second.refresh).await;
        let revoked =
            [&third.refresh, &second.refresh, &first.refresh, &third.access, &first.access][which].clone();
        let reply = end(&deployment, "account", &revoked).await;
        assert_reply(&reply, 200, "{}", json!({}), &format!("token {which}"));
        for tokens in [&third, &second, &first] {
            let refused = refresh(&deployment, "account", &tokens.refresh).await;
            assert_refused("account", &refused, &format!("token {which}"));
            let refused = deployment.sso(&tokens.access).await;
            assert_access_refused("account", &refused, &format!("token {which}"));
        }
        // The second time there is nothing to end.
        assert_reply(&end(&deployment, "account", &revoked).await, 200, "{}", json!({}), "again");
        assert_eq!(deployment.sso(&elsewhere.access).await.status, 200, "another session stays");
        let elsewhere = refreshed(&deployment, "account", &elsewhere.refresh).await;
        assert_reply(
            &end(&deployment, "account", &elsewhere.refresh).await,
            200,
            "{}",
            json!({}),
            "the other",
        );
        assert_eq!(sessions(&deployment, "account").await.len(), 0, "token {which}");
    }
}

#[tokio::test]
async fn revocation_of_an_invalid_token_succeeds_and_ends_nothing() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let session = tokens.session("account");
    let mut presented = tokens_of_others(&deployment).await;
    let iat = deployment.now().secs();
    let sid = session.session_id();
    let good = json!({
        "token_type": "access", "exp": iat + 60, "iat": iat, "jti": "x", "user_id": OWNER, "epoch": 0,
        "sid": sid,
    });
    let changed = |member: &str, value: Value| {
        let mut claims = good.clone();
        claims[member] = value;
        mint(r#"{"alg":"HS256"}"#, &claims)
    };
    presented.extend([
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        "0".repeat(64),
        "%ff".to_owned(),
        SessionToken { user_id: 1, ..session.clone() }.to_plain(),
        SessionToken { family: "0".repeat(10), ..session.clone() }.to_plain(),
        changed("exp", json!(iat)),
        changed("token_type", json!("refresh")),
        changed("user_id", json!(1)),
        changed("sid", json!("0".repeat(64))),
        changed("sid", json!(null)),
        changed("sid", json!(session.family)),
        mint(r#"{"alg":"none"}"#, &good),
        crate::support::jwt::mint_with(b"another key of thirty-two bytes.", r#"{"alg":"HS256"}"#, &good),
    ]);
    for token in &presented {
        assert_reply(&end(&deployment, "account", token).await, 200, "{}", json!({}), token);
    }
    assert_eq!(sessions(&deployment, "email").await.len(), 1);
    assert_eq!(sessions(&deployment, "session").await.len(), 1);
    let tokens = refreshed(&deployment, "account", &tokens.refresh).await;
    assert_eq!(deployment.sso(&tokens.access).await.status, 200);
    // The same claims, unchanged, end the session.
    assert_reply(
        &end(&deployment, "account", &changed("jti", json!("y"))).await,
        200,
        "{}",
        json!({}),
        "good",
    );
    assert_refused("account", &refresh(&deployment, "account", &tokens.refresh).await, "it is over");
}

#[tokio::test]
async fn revocation_without_a_token_or_with_another_client_is_refused() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let token = &tokens.refresh;
    for (form, error) in [
        (String::new(), "invalid_request"),
        ("token=".to_owned(), "invalid_request"),
        ("client_id=postern".to_owned(), "invalid_request"),
        ("client_id=another".to_owned(), "invalid_request"),
        (format!("token={token}&token={token}"), "invalid_request"),
        (format!("token={token}&client_id=postern&client_id=postern"), "invalid_request"),
        (format!("token={token}&client_id=another"), "invalid_client"),
        ("token=garbage&client_id=another".to_owned(), "invalid_client"),
    ] {
        let of = form.chars().take(100).collect::<String>();
        assert_error(&post(&deployment, REVOKE, &form).await, error, &of);
    }
    assert_no_form(&post(&deployment, REVOKE, &json!({"token": token}).to_string()).await, 400, "JSON");
    let large = format!("token={token}&x={}", "x".repeat(70 * 1024));
    assert_no_form(&post(&deployment, REVOKE, &large).await, 413, "over 64 KiB");
    assert_eq!(deployment.sso(&tokens.access).await.status, 200);
    let tokens = refreshed(&deployment, "account", token).await;
    for form in ["token=T", "token=T&client_id=&token_type_hint=access_token&client_secret=x"] {
        let form = form.replace('T', &tokens.refresh);
        assert_reply(&post(&deployment, REVOKE, &form).await, 200, "{}", json!({}), &form);
    }
    assert_refused("account", &refresh(&deployment, "account", &tokens.refresh).await, "it is over");
}

/// Only a backend that shares the key can send this, and it may send it wrongly.
#[tokio::test]
async fn revocation_with_an_impossible_session_id_succeeds() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "account").await;
    let mut claims = claims(&tokens.access);
    for sid in [String::new(), "s".repeat(1025), "s".repeat(5000)] {
        claims["sid"] = json!(sid);
        let reply = end(&deployment, "account", &mint(r#"{"alg":"HS256"}"#, &claims)).await;
        assert_reply(&reply, 200, "{}", json!({}), &format!("a sid of {} bytes", sid.len()));
    }
}
