//! `POST /api/token/refresh/`.

use std::time::Duration;

use postern::session::GRACE;
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::email::{HS256, changed, post, tokens_of_others};
use crate::support::jwt::{claims, mint, mint_with, parts};
use crate::support::tokens::{
    OWNER, Tokens, assert_refused, end, post_bytes, refresh, refreshed, sessions, sign_in,
};
use crate::support::words::assert_reply;

const REFRESH: &str = "/api/token/refresh/";
const BLACKLIST: &str = "/api/token/blacklist/";

#[tokio::test]
async fn refresh_replies_with_two_tokens_and_their_claims() {
    let deployment = Deployment::start_with(|env| {
        env.with("EMAIL_ACCESS_TOKEN_SECONDS", "111").with("EMAIL_REFRESH_TOKEN_SECONDS", "2222")
    })
    .await;
    let first = sign_in(&deployment, "email").await;
    let before = claims(&first.refresh);
    deployment.advance(Duration::from_secs(60));
    let reply = refresh(&deployment, "email", &first.refresh).await;
    let next = Tokens::of("email", &reply);
    let text = format!(r#"{{"access":"{}","refresh":"{}"}}"#, next.access, next.refresh);
    assert_reply(&reply, 200, &text, json!({"pragma": "no-cache"}), "a refresh");

    let (iat, hex) = (deployment.now().secs(), |jti: &Value| {
        let jti = jti.as_str().unwrap();
        jti.len() == 32 && jti.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let (access, refreshed) = (claims(&next.access), claims(&next.refresh));
    assert!(hex(&access["jti"]) && hex(&refreshed["jti"]), "{access} {refreshed}");
    assert_ne!(access["jti"], refreshed["jti"], "an access token must not show the secret");
    assert_ne!(refreshed["jti"], before["jti"]);
    let both = json!({"iat": iat, "user_id": OWNER, "iss": "email", "epoch": 0});
    let of = |more: Value| changed(&both, more);
    let expected = of(json!({"token_type": "access", "exp": iat + 111, "jti": access["jti"]}));
    assert_eq!(access, expected);
    let expected = of(json!({
        "token_type": "refresh", "exp": iat + 2222, "jti": refreshed["jti"], "sid": before["sid"],
    }));
    assert_eq!(refreshed, expected);
    for token in [&next.access, &next.refresh] {
        let header: Value = serde_json::from_str(&parts(token).0).unwrap();
        assert_eq!((&header["typ"], &header["alg"]), (&json!("JWT"), &json!("HS256")));
    }
}

#[tokio::test]
async fn token_that_was_rotated_twice_ends_the_session_after_the_grace() {
    let deployment = Deployment::start().await;
    let first = sign_in(&deployment, "email").await;
    let next = refreshed(&deployment, "email", &first.refresh).await;
    deployment.advance(GRACE);
    let last = refreshed(&deployment, "email", &next.refresh).await;
    let claims = claims(&first.refresh);
    assert!(claims["exp"].as_u64().unwrap() > deployment.now().secs(), "it has not expired by itself");
    assert_refused("email", &refresh(&deployment, "email", &first.refresh).await, "rotated twice");
    assert_refused("email", &refresh(&deployment, "email", &last.refresh).await, "the family is over");
    assert_eq!(sessions(&deployment, "email").await.len(), 0);
}

#[tokio::test]
async fn request_without_a_refresh_token_is_a_missing_field() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let before = sessions(&deployment, "email").await;
    let large = json!({"refresh": tokens.refresh, "x": "x".repeat(70 * 1024)}).to_string();
    let twice = format!(r#"{{"refresh":"{}","refresh":null}}"#, tokens.refresh);
    for path in [REFRESH, BLACKLIST] {
        for body in [
            "",
            "{}",
            r#"{"refresh":null}"#,
            r#"{"refresh":""}"#,
            r#"{"refresh":7}"#,
            r#"{"refresh":true}"#,
            r#"{"refresh":["a.b.c"]}"#,
            r#"{"refresh":{"refresh":"a.b.c"}}"#,
            r#"{"Refresh":"a.b.c"}"#,
            r#"{"token":"a.b.c"}"#,
            r#"["a.b.c"]"#,
            r#""a.b.c""#,
            "null",
            "{",
            "garbage",
            "token=a.b.c",
            large.as_str(),
            twice.as_str(),
        ] {
            let of = format!("{path} {}", body.chars().take(60).collect::<String>());
            let text = r#"{"refresh":["This field is required."]}"#;
            let status = if body.len() > 64 * 1024 { 413 } else { 400 };
            assert_reply(&post(&deployment, path, body).await, status, text, json!({}), &of);
        }
        let reply = post_bytes(&deployment, "email", path, &[], b"{\"refresh\":\"\xff\"}").await;
        assert_eq!(reply.status, 400, "{path}: no UTF-8");
    }
    assert!(sessions(&deployment, "email").await == before, "a session was touched");
    refreshed(&deployment, "email", &tokens.refresh).await;
}

#[tokio::test]
async fn duplicate_member_counts_as_the_last_and_unknown_members_are_ignored() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let body = format!(r#"{{"refresh":7,"x":{{}},"refresh":"{}"}}"#, tokens.refresh);
    Tokens::of("email", &deployment.request("email", "POST", REFRESH, &[], &body).await);
}

#[tokio::test]
async fn token_of_another_kind_or_contract_is_not_valid_and_ends_nothing() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let good = claims(&tokens.refresh);
    let iat = deployment.now().secs();
    let mut presented = tokens_of_others(&deployment).await;
    presented.push(tokens.access.clone());
    presented.push(tokens.session("email").to_plain());
    presented.extend(
        [
            json!({"sid": "0123456789"}),
            json!({"sid": ""}),
            json!({"sid": null}),
            json!({"sid": tokens.session("email").session_id()}),
            json!({"jti": null}),
            json!({"jti": 7}),
            json!({"user_id": 1}),
            json!({"user_id": 999}),
            json!({"user_id": "33"}),
            json!({"user_id": null}),
            json!({"iss": null}),
            json!({"iss": "postern"}),
            json!({"iss": ["email"]}),
            json!({"token_type": "access"}),
            json!({"token_type": "Refresh"}),
            json!({"token_type": null}),
            json!({"exp": iat}),
            json!({"exp": iat - 1}),
            json!({"exp": null}),
        ]
        .map(|changes| mint(HS256, &changed(&good, changes))),
    );
    let (header, signed) = (parts(&tokens.refresh).0, tokens.refresh.rsplit_once('.').unwrap().0);
    presented.extend([
        mint(r#"{"alg":"none"}"#, &good),
        mint(r#"{"alg":"None","typ":"JWT"}"#, &good),
        mint(&header.replace("HS256", "HS512"), &good),
        mint_with(b"another key of thirty-two bytes.", HS256, &good),
        signed.to_owned(),
        format!("{signed}."),
        format!("{} ", tokens.refresh),
    ]);
    let before = [sessions(&deployment, "email").await, sessions(&deployment, "account").await];
    for token in &presented {
        assert_refused("email", &refresh(&deployment, "email", token).await, token);
        assert_refused("email", &end(&deployment, "email", token).await, token);
    }
    let none = mint(r#"{"alg":"none"}"#, &good);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    assert_refused("email", &refresh(&deployment, "email", &unsigned).await, "unsigned");
    assert!([sessions(&deployment, "email").await, sessions(&deployment, "account").await] == before);
    // The same claims, unchanged, are accepted: the changes were the reason.
    Tokens::of("email", &refresh(&deployment, "email", &mint(HS256, &good)).await);
}
