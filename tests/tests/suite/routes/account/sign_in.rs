//! `POST /api/v2/account/signin/`.

use postern::session::SessionToken;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::jwt::{claims, parts};
use crate::support::replies::{HS256, assert_alphabet, assert_token_reply, is_hex, text};
use crate::support::words::assert_reply;

#[tokio::test]
async fn sign_in_gives_an_access_token_for_seven_days_and_a_refresh_token() {
    let deployment = Deployment::start().await;
    let reply = deployment.password("account", "johndoe", "SecurePass123!").await;
    let order = ["token", "access_token", "expires_in", "token_type", "refresh_token", "client_id", "scope"];
    let token = &assert_token_reply(&reply, &order)["token"];
    assert_eq!(token["expires_in"], json!("604800"));
    assert_eq!(token["token_type"], json!("Bearer"));
    assert_eq!(token["client_id"], json!("postern"));
    assert_eq!(token["scope"], json!("read write"));
    assert_alphabet(text(&token["refresh_token"]), 64, u8::is_ascii_alphanumeric);
    let (header, claims) = parts(text(&token["access_token"]));
    assert_eq!(header, HS256);
    let iat = deployment.now().secs();
    let jti = text(&claims["jti"]);
    assert_alphabet(jti, 32, is_hex);
    let session = SessionToken::from_plain(text(&token["refresh_token"])).unwrap();
    assert_eq!(
        claims,
        json!({
            "token_type": "access", "exp": iat + 604_800, "iat": iat, "jti": jti, "user_id": 1, "epoch": 0,
            "sid": session.session_id(),
        })
    );
}

#[tokio::test]
async fn sign_in_follows_its_settings() {
    let deployment = Deployment::start_with(|env| {
        env.with("ACCOUNT_ACCESS_TOKEN_SECONDS", "90")
            .with("ACCOUNT_CLIENT_ID", "my \"client\"")
            .with("ACCOUNT_SCOPE", "everything")
    })
    .await;
    let token = deployment.password("account", "johndoe", "SecurePass123!").await.json()["token"].clone();
    assert_eq!(token["expires_in"], json!("90"));
    assert_eq!(token["client_id"], json!("my \"client\""));
    assert_eq!(token["scope"], json!("everything"));
    let claims = claims(text(&token["access_token"]));
    let (exp, iat) = (claims["exp"].as_u64().unwrap(), claims["iat"].as_u64().unwrap());
    assert_eq!((exp - iat, iat), (90, deployment.now().secs()));
}

#[tokio::test]
async fn sign_in_with_several_failing_fields_lists_them_all() {
    let deployment = Deployment::start().await;
    let required = r#"{"message":"This field is required.","code":"required"}"#;
    let invalid = r#"{"message":"Not a valid string.","code":"invalid"}"#;
    for (body, username, password) in [
        (json!({}), required, required),
        (json!({"username": null, "password": ""}), required, required),
        (json!({"username": 1, "password": null}), invalid, required),
        (json!({"username": "", "password": ["x"]}), required, invalid),
        (json!({"username": {}, "password": false}), invalid, invalid),
    ] {
        let text = format!(
            r#"{{"errors":[{{"field":"username","messages":[{username}]}},{{"field":"password","messages":[{password}]}}]}}"#
        );
        let reply = deployment.sign_in("account", body.clone()).await;
        assert_reply(&reply, 400, &text, json!({}), &body.to_string());
    }
}
