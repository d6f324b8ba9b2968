//! `POST /api/sign-in/`.

use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::jwt::parts;
use crate::support::replies::{HS256, assert_alphabet, assert_token_reply, is_hex, text};
use crate::support::words::{Refused, assert_refusal};

#[tokio::test]
async fn sign_in_gives_two_jwts_and_the_user() {
    let deployment = Deployment::start().await;
    let reply = deployment.password("email", "johndoe@example.com", "SecurePass123!").await;
    let order = "refresh access user id username email first_name last_name number_phone avatar";
    let body = assert_token_reply(&reply, &order.split_whitespace().collect::<Vec<_>>());
    assert_eq!(
        body["user"],
        json!({
            "id": 1, "username": "johndoe", "email": "johndoe@example.com", "first_name": "John",
            "last_name": "Doe", "number_phone": "5551234567", "avatar": "/media/avatars/profile.jpg",
        })
    );
    assert_email_tokens(&body, deployment.now().secs(), 300, 86_400);
    let huber = deployment.password("email", "st.huber@example.com", "Password1234!").await.json();
    assert_eq!(
        huber["user"],
        json!({
            "id": 33, "username": "st.huber", "email": "st.huber@example.com", "first_name": "",
            "last_name": "", "number_phone": "", "avatar": null,
        })
    );
}

#[tokio::test]
async fn tokens_live_as_long_as_the_settings_say() {
    let deployment = Deployment::start_with(|env| {
        env.with("EMAIL_ACCESS_TOKEN_SECONDS", "61").with("EMAIL_REFRESH_TOKEN_SECONDS", "7200")
    })
    .await;
    let body = deployment.password("email", "johndoe@example.com", "SecurePass123!").await.json();
    assert_email_tokens(&body, deployment.now().secs(), 61, 7200);
}

#[track_caller]
fn assert_email_tokens(body: &Value, iat: u64, access: u64, refresh: u64) {
    let mut ids = Vec::new();
    for (kind, lifetime) in [("access", access), ("refresh", refresh)] {
        let (header, claims) = parts(text(&body[kind]));
        assert_eq!(header, HS256, "{kind}");
        let jti = text(&claims["jti"]);
        assert_alphabet(jti, 32, is_hex);
        ids.push(jti.to_owned());
        let mut expected = json!({
            "token_type": kind, "exp": iat + lifetime, "iat": iat, "jti": jti, "user_id": 1, "iss": "email",
            "epoch": 0,
        });
        if kind == "refresh" {
            assert_alphabet(text(&claims["sid"]), 10, u8::is_ascii_alphanumeric);
            expected["sid"] = claims["sid"].clone();
        }
        assert_eq!(claims, expected, "{kind}");
    }
    assert_ne!(ids[0], ids[1], "each token has an id of its own");
}

#[tokio::test]
async fn sign_in_with_any_field_missing_gets_the_same_reply() {
    let deployment = Deployment::start().await;
    for body in [
        json!({}),
        json!({"email": "johndoe@example.com"}),
        json!({"password": "SecurePass123!"}),
        json!({"username": "johndoe@example.com", "password": "SecurePass123!"}),
        json!({"email": "", "password": ""}),
        json!({"email": ["johndoe@example.com"], "password": 1}),
    ] {
        let reply = deployment.sign_in("email", body.clone()).await;
        assert_refusal("email", Refused::NoObject, &reply, &body.to_string());
    }
}
