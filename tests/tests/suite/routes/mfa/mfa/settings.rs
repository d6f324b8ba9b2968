//! The settings of issuers and audiences.

use postern_local::demo::{self, USERS};
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::jwt::claims;
use crate::support::mfa::{PASSWORD, assert_unauthenticated, begin, post_mfa};
use crate::support::signed_in::{HeldToken, WHOAMI, get, member, mfa_jwt, sign_in};

#[tokio::test]
async fn otpauth_uri_names_the_configured_issuer() {
    for (set, shown) in [("", "Postern"), ("A & B", "A%20%26%20B"), ("Größe: 7", "Gr%C3%B6%C3%9Fe%3A%207")]
    {
        let deployment = Deployment::start_with(|env| env.with("MFA_TOTP_ISSUER", set)).await;
        let token = mfa_jwt(&deployment, "Zoë", "pässwörd ☃", None).await;
        let mfa = &post_mfa(&deployment, &token, &json!({"mfa": true})).await.json()["mfa"];
        let secret = mfa["secret"].as_str().unwrap();
        let expected = format!("otpauth://totp/{shown}:Zo%C3%AB?secret={secret}&issuer={shown}");
        assert_eq!(mfa["otpauth"], json!(expected));
    }
}

#[tokio::test]
async fn longest_names_fit_into_a_qr_code() {
    let issuer = "😀".repeat(300);
    let deployment = Deployment::start_with(|env| env.with("MFA_TOTP_ISSUER", issuer)).await;
    let mut user = demo::user(&deployment.app, &USERS[2]);
    (user.id, user.username, user.email) = (500, "😀".repeat(190), "smile@example.com".to_owned());
    deployment.store.create_user(user).await.unwrap();
    let token = mfa_jwt(&deployment, "500", PASSWORD, None).await;
    let reply = post_mfa(&deployment, &token, &json!({"mfa": true})).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let qrcode = member(&reply, "/mfa/qrcode");
    assert!(qrcode.starts_with("<svg") && qrcode.ends_with("</svg>"));
}

#[tokio::test]
async fn jwt_of_another_issuer_or_audience_is_refused() {
    let mut deployment = Deployment::start().await;
    let old = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let old_session = member(&sign_in(&deployment, "session", "st.huber", PASSWORD, None).await, "/token");
    for (name, claim) in
        [("MFA_JWT_ISSUER", "iss"), ("MFA_JWT_AUDIENCE", "aud"), ("SESSION_JWT_ISSUER", "iss")]
    {
        deployment.restart(|env| env.with(name, "another")).await;
        if name == "SESSION_JWT_ISSUER" {
            assert!(!HeldToken("session JWT", old_session.clone()).is_valid(&deployment).await);
            let new = member(&sign_in(&deployment, "session", "st.huber", PASSWORD, None).await, "/token");
            assert_eq!(claims(&new)[claim], json!("another"));
            assert!(HeldToken("session JWT", new).is_valid(&deployment).await);
        } else {
            let reply = get(&deployment, "mfa", WHOAMI, &old).await;
            assert_unauthenticated(&reply, r#"Bearer error="invalid_token""#, name);
            let new = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
            assert_eq!(claims(&new)[claim], json!("another"));
            begin(&deployment, &new).await;
        }
        deployment.restart(|env| env.with(name, "")).await;
    }
}
