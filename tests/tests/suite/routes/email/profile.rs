//! `GET` and `POST /api/profile/`.

use std::time::Duration;

use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::email::{HS256, changed, tokens_of_others};
use crate::support::jwt::{claims, mint, mint_with};
use crate::support::tokens::{
    API_REALM, Tokens, assert_access_refused, profile, profile_refusal, refreshed, sign_in,
};
use crate::support::words::assert_reply;

const PROFILE: &str = "/api/profile/";

#[tokio::test]
async fn profile_equals_the_user_of_the_sign_in_byte_for_byte() {
    let deployment = Deployment::start().await;
    for (email, password) in [
        ("johndoe@example.com", "SecurePass123!"),
        ("st.huber@example.com", "Password1234!"),
        ("zoe@example.com", "pässwörd ☃"),
    ] {
        let reply = deployment.password("email", email, password).await;
        let (_, user) = reply.text.split_once(r#","user":"#).unwrap();
        let user = user.strip_suffix('}').unwrap();
        assert!(user.contains(email), "{user}");
        let tokens = Tokens::of("email", &reply);
        assert_reply(&profile(&deployment, &tokens.access).await, 200, user, json!({}), email);
        let tokens = refreshed(&deployment, "email", &tokens.refresh).await;
        assert_reply(&profile(&deployment, &tokens.access).await, 200, user, json!({}), email);
        let lower = [("authorization", &*format!("bearer  {} ", tokens.access))];
        for path in [PROFILE, "/api/profile", "/api/profile/?token=x"] {
            let reply = deployment.request("email", "GET", path, &lower, "ignored").await;
            assert_reply(&reply, 200, user, json!({}), path);
        }
    }
    // The product's own web page posts, with any body.
    let tokens = sign_in(&deployment, "email").await;
    let bearer = [("authorization", &*format!("Bearer {}", tokens.access))];
    let get = deployment.request("email", "GET", PROFILE, &bearer, "").await;
    for body in ["", "{}", "no json", &"x".repeat(70_000)] {
        let post = deployment.request("email", "POST", PROFILE, &bearer, body).await;
        assert_reply(&post, 200, &get.text, json!({}), "a POST");
    }
    let reply = deployment.request("email", "PUT", PROFILE, &[], "{}").await;
    let text = r#"{"message":"Method Not Allowed"}"#;
    assert_reply(&reply, 405, text, json!({"allow": "GET, HEAD, POST"}), "a PUT");
}

#[tokio::test]
async fn profile_is_shown_for_a_valid_access_token_only() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let good = claims(&tokens.access);
    let iat = deployment.now().secs();
    let realm = json!({"www-authenticate": API_REALM});
    let missing = r#"{"detail":"Authentication credentials were not provided."}"#;
    for headers in [
        &[][..],
        &[("authorization", "")],
        &[("authorization", "Basic am9objpqb2hu")],
        &[("authorization", &*tokens.access)],
        &[("authorization", &*format!("Bearer{}", tokens.access))],
        &[("x-authorization", &*format!("Bearer {}", tokens.access))],
    ] {
        let reply = deployment.request("email", "GET", PROFILE, headers, "").await;
        assert_reply(&reply, 401, missing, realm.clone(), "no Bearer");
    }
    let in_query = format!("{PROFILE}?token={0}&access_token={0}", tokens.access);
    let reply = deployment.request("email", "GET", &in_query, &[], "").await;
    assert_reply(&reply, 401, missing, realm.clone(), "in the query");
    let words = r#"{"detail":"Authorization header must contain two space-delimited values","code":"bad_authorization_header"}"#;
    for header in ["Bearer".to_owned(), "Bearer ".to_owned(), format!("Bearer {0} {0}", tokens.access)] {
        let reply = deployment.request("email", "GET", PROFILE, &[("authorization", &*header)], "").await;
        assert_reply(&reply, 401, words, realm.clone(), &header);
    }
    for (token, message) in [
        ("a.b.c".to_owned(), "Token is invalid"),
        (tokens.refresh.clone(), "Token has wrong type"),
        (mint(HS256, &changed(&good, json!({"exp": iat}))), "Token is expired"),
    ] {
        let reply = profile(&deployment, &token).await;
        assert_reply(&reply, 401, &profile_refusal(message), realm.clone(), message);
    }

    let mut presented = tokens_of_others(&deployment).await;
    presented.push(tokens.refresh.clone());
    presented.extend(
        [
            json!({"token_type": "refresh"}),
            json!({"token_type": null}),
            json!({"iss": null}),
            json!({"iss": "lumen-jwt"}),
            json!({"user_id": 999}),
            json!({"user_id": "33"}),
            json!({"epoch": 1}),
            json!({"epoch": "0"}),
            json!({"exp": iat}),
            json!({"exp": null}),
            json!({"iat": null}),
            json!({"iat": iat + 3600, "epoch": null}),
        ]
        .map(|changes| mint(HS256, &changed(&good, changes))),
    );
    presented.push(mint(r#"{"alg":"none"}"#, &good));
    presented.push(mint_with(b"another key of thirty-two bytes.", HS256, &good));
    for token in &presented {
        assert_access_refused("email", &profile(&deployment, token).await, token);
    }
    assert_eq!(profile(&deployment, &mint(HS256, &good)).await.status, 200, "unchanged claims are accepted");

    deployment.advance(Duration::from_millis(299_000 - deployment.now().millis() % 1000));
    assert_eq!(profile(&deployment, &tokens.access).await.status, 200);
    deployment.advance(Duration::from_secs(1));
    assert_access_refused("email", &profile(&deployment, &tokens.access).await, "expired");
}
