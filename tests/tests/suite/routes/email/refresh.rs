//! Email's refresh, blacklist and profile, in the framework's words.

use std::time::Duration;

use postern::session::GRACE;
use postern_tests::deployment::{Deployment, Reply, credentials};
use serde_json::{Value, json};

use crate::support::jwt::{claims, mint, mint_with, parts};
use crate::support::tokens::{
    API_REALM, OWNER, Tokens, assert_access_refused, assert_refused, end, post_bytes, profile,
    profile_refusal, refresh, sessions, sign_in, upgrade,
};
use crate::support::words::assert_reply;

const REFRESH: &str = "/api/token/refresh/";
const BLACKLIST: &str = "/api/token/blacklist/";
const PROFILE: &str = "/api/profile/";
const HS256: &str = r#"{"alg":"HS256"}"#;

async fn post(deployment: &Deployment, path: &str, body: &str) -> Reply {
    deployment.request("email", "POST", path, &[("content-type", "application/json")], body).await
}

/// The JWTs and session tokens of the other contracts, and one of nobody's.
async fn tokens_of_others(deployment: &Deployment) -> Vec<String> {
    let account = sign_in(deployment, "account").await;
    let mut body = credentials("session", "st.huber", "Password1234!");
    body["stay_logged_in"] = json!(true);
    let session = deployment.sign_in("session", body).await.json();
    let mfa = deployment.password("mfa", "st.huber", "Password1234!").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let words = [&session["token"], &session["session_token"], &mfa["token"]].map(text);
    [account.access, account.refresh, "garbage".to_owned(), "a.b.c".to_owned()]
        .into_iter()
        .chain(words)
        .collect()
}

/// The same claims with some changed; `null` takes one away.
fn changed(of: &Value, changes: Value) -> Value {
    let mut claims = of.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

#[tokio::test]
async fn a_refresh_replies_with_two_tokens_and_their_claims_are_these() {
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
    assert_ne!(access["jti"], refreshed["jti"], "whoever sees an access token must not see the secret");
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
async fn a_rotated_token_is_revoked_and_after_the_grace_ends_the_family() {
    let deployment = Deployment::start().await;
    let first = sign_in(&deployment, "email").await;
    let next = upgrade(&deployment, "email", &first.refresh).await;
    deployment.advance(GRACE);
    let last = upgrade(&deployment, "email", &next.refresh).await;
    let claims = claims(&first.refresh);
    assert!(claims["exp"].as_u64().unwrap() > deployment.now().secs(), "it has not expired by itself");
    assert_refused("email", &refresh(&deployment, "email", &first.refresh).await, "rotated twice");
    assert_refused("email", &refresh(&deployment, "email", &last.refresh).await, "the family is over");
    assert_eq!(sessions(&deployment, "email").await.len(), 0);
}

#[tokio::test]
async fn a_request_without_a_refresh_token_lacks_a_field() {
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
    upgrade(&deployment, "email", &tokens.refresh).await;
}

#[tokio::test]
async fn of_duplicate_members_the_last_counts_and_unknown_ones_are_ignored() {
    let deployment = Deployment::start().await;
    let tokens = sign_in(&deployment, "email").await;
    let body = format!(r#"{{"refresh":7,"x":{{}},"refresh":"{}"}}"#, tokens.refresh);
    Tokens::of("email", &deployment.request("email", "POST", REFRESH, &[], &body).await);
}

#[tokio::test]
async fn a_token_that_is_no_refresh_token_of_this_contract_is_not_valid_and_ends_nothing() {
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
    // And the same claims, unchanged, are good: it was what was changed that was refused.
    Tokens::of("email", &refresh(&deployment, "email", &mint(HS256, &good)).await);
}

#[tokio::test]
async fn a_blacklisted_token_is_gone_with_its_family_and_is_not_valid_the_second_time() {
    let deployment = Deployment::start().await;
    for which in 0..3 {
        let elsewhere = sign_in(&deployment, "email").await;
        let first = sign_in(&deployment, "email").await;
        let second = upgrade(&deployment, "email", &first.refresh).await;
        deployment.advance(GRACE);
        let third = upgrade(&deployment, "email", &second.refresh).await;
        let presented = [&third, &second, &first][which];
        let reply = end(&deployment, "email", &presented.refresh).await;
        assert_reply(&reply, 200, "{}", json!({}), &format!("token {which}"));
        for tokens in [presented, &third, &second, &first] {
            let of = format!("token {which}");
            assert_refused("email", &end(&deployment, "email", &tokens.refresh).await, &of);
            assert_refused("email", &refresh(&deployment, "email", &tokens.refresh).await, &of);
        }
        upgrade(&deployment, "email", &elsewhere.refresh).await;
        assert_eq!(sessions(&deployment, "email").await.len(), which + 1, "another session stays");
    }
}

#[tokio::test]
async fn the_profile_is_the_user_of_the_sign_in_byte_for_byte() {
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
        let tokens = upgrade(&deployment, "email", &tokens.refresh).await;
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
async fn the_profile_is_shown_to_the_holder_of_an_access_token_and_nobody_else() {
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
    assert_eq!(profile(&deployment, &mint(HS256, &good)).await.status, 200, "and unchanged, it is good");

    deployment.advance(Duration::from_millis(299_000 - deployment.now().millis() % 1000));
    assert_eq!(profile(&deployment, &tokens.access).await.status, 200);
    deployment.advance(Duration::from_secs(1));
    assert_access_refused("email", &profile(&deployment, &tokens.access).await, "expired");
}
