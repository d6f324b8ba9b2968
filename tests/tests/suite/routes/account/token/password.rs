//! The password grant (RFC 6749 §4.3), which a setting switches on.

use postern_tests::contracts::{self, credentials};
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use super::TOKEN;
use crate::support::account::{assert_error, post};
use crate::support::jwt::claims;
use crate::support::raw;
use crate::support::signed_in::{member, with};
use crate::support::tokens::{Tokens, end, grant, refreshed};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

const ROUTE: &str = "account/token";

fn form(more: Value) -> String {
    contracts::body(ROUTE, &with(credentials(ROUTE, "johndoe", "SecurePass123!"), more))
}

async fn sign_in(deployment: &Deployment) -> Reply {
    deployment.password(ROUTE, "johndoe", "SecurePass123!").await
}

#[tokio::test]
async fn password_grant_replies_with_the_tokens_of_a_sign_in() {
    let deployment = Deployment::start_with(|env| env.with("ACCOUNT_ACCESS_TOKEN_SECONDS", "1234")).await;
    let reply = sign_in(&deployment).await;
    let (access, refresh) = (member(&reply, "/access_token"), member(&reply, "/refresh_token"));
    let text = format!(
        "{{\"access_token\":\"{access}\",\"token_type\":\"Bearer\",\"expires_in\":1234,\
         \"refresh_token\":\"{refresh}\",\"scope\":\"read write\"}}"
    );
    assert_reply(&reply, 200, &text, json!({"pragma": "no-cache"}), "the password grant");
    let by_sign_in = deployment.password("account", "johndoe", "SecurePass123!").await;
    let (ours, theirs) = (claims(&access), claims(&member(&by_sign_in, "/token/access_token")));
    for claim in ["token_type", "exp", "iat", "user_id", "epoch"] {
        assert_eq!(ours[claim], theirs[claim], "{claim}");
    }
    assert_eq!(deployment.sso(&access).await.status, 200);
    let next = refreshed(&deployment, "account", &refresh).await;
    assert_eq!(end(&deployment, "account", &next.refresh).await.status, 200);
    assert_eq!(deployment.sso(&access).await.status, 401, "the session has ended");
    Tokens::of("account", &sign_in(&deployment).await);
}

#[tokio::test]
async fn password_grant_that_is_off_checks_no_password() {
    for setting in ["", "false"] {
        let deployment = Deployment::start_with(|env| env.with("ACCOUNT_PASSWORD_GRANT", setting)).await;
        let before = (deployment.app.passwords().verifications(), raw::all(&deployment).await);
        for form in [form(json!({})), form(json!({"client_id": "another"})), "grant_type=password".to_owned()]
        {
            assert_error(&post(&deployment, TOKEN, &form).await, "unsupported_grant_type", &form);
        }
        assert_eq!(deployment.app.passwords().verifications(), before.0, "nothing is hashed");
        assert!(raw::all(&deployment).await == before.1, "nothing is counted");
    }
}

#[tokio::test]
async fn malformed_password_grant_is_refused_before_it_is_counted() {
    let deployment = Deployment::start().await;
    let before = (deployment.app.passwords().verifications(), raw::all(&deployment).await);
    let good = form(json!({}));
    for (form, error) in [
        ("grant_type=password".to_owned(), "invalid_request"),
        ("grant_type=password&username=johndoe".to_owned(), "invalid_request"),
        ("grant_type=password&username=johndoe&password=".to_owned(), "invalid_request"),
        ("grant_type=password&username=&password=x".to_owned(), "invalid_request"),
        ("grant_type=password&password=x".to_owned(), "invalid_request"),
        (format!("{good}&username=jimmy"), "invalid_request"),
        (format!("{good}&password=x"), "invalid_request"),
        (format!("{good}&token=1&token=2"), "invalid_request"),
        (format!("{good}&grant_type=password"), "invalid_request"),
        (format!("{good}&client_id=another"), "invalid_client"),
        (format!("{good}&scope=admin"), "invalid_scope"),
        (good.replace("=password&", "=PASSWORD&"), "unsupported_grant_type"),
    ] {
        assert_error(&post(&deployment, TOKEN, &form).await, error, &form);
    }
    // A query is no body.
    let path = format!("{TOKEN}?{good}");
    assert_error(&post(&deployment, &path, "").await, "invalid_request", "a query");
    assert_eq!(deployment.app.passwords().verifications(), before.0, "nothing is hashed");
    assert!(raw::all(&deployment).await == before.1, "nothing is counted");
}

#[tokio::test]
async fn password_grant_with_the_client_and_a_part_of_the_scope_is_accepted() {
    let deployment = Deployment::start().await;
    for more in
        [json!({}), json!({"client_id": "postern"}), json!({"scope": "read"}), json!({"client_secret": "x"})]
    {
        let reply = post(&deployment, TOKEN, &form(more.clone())).await;
        assert_eq!((reply.status, &reply.json()["scope"]), (200, &json!("read write")), "{more}");
    }
}

/// Failures here and at the sign-in are failures of one name.
#[tokio::test]
async fn password_grant_and_sign_in_share_the_counter_of_the_name() {
    let deployment = unlimited().await;
    for route in ["account", ROUTE, "account", ROUTE, ROUTE] {
        let reply = deployment.password(route, "johndoe", "wrong").await;
        assert_refusal(route, Refused::Wrong, &reply, "a wrong password");
    }
    for route in ["account", ROUTE] {
        let reply = deployment.password(route, "johndoe", "SecurePass123!").await;
        assert_refusal(route, Refused::Throttled(1), &reply, "the sixth attempt");
    }
}

/// A refresh does not read the parameters of the other grant.
#[tokio::test]
async fn refresh_ignores_a_username_and_a_password() {
    let deployment = Deployment::start().await;
    let refresh = member(&sign_in(&deployment).await, "/refresh_token");
    let before = deployment.app.passwords().verifications();
    let form = format!("{}&username=johndoe&password=wrong", grant(&refresh));
    assert_eq!(post(&deployment, TOKEN, &form).await.status, 200);
    assert_eq!(deployment.app.passwords().verifications(), before);
}
