//! Success, member by member: what each contract's reply holds, how it is typed, and which settings it honours.

use std::time::Duration;

use postern::clock::Timestamp;
use postern::session::SessionToken;
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, Reply, name_at};
use serde_json::{Value, json};

use crate::support::jwt::{claims, parts};
use crate::support::raw;
use crate::support::words::{Refused, assert_refusal, headers};

const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// A successful reply with a token, whose members come in this order.
#[track_caller]
fn assert_token_reply(reply: &Reply, order: &[&str]) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers, headers(json!({"pragma": "no-cache"})));
    assert_order(&reply.text, order);
    reply.json()
}

/// The members' names come in this order, and there are no others.
#[track_caller]
fn assert_order(text: &str, order: &[&str]) {
    let places: Vec<_> = order.iter().map(|name| text.find(&format!("\"{name}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{order:?} in {text}");
    assert_eq!(text.matches("\":").count(), order.len(), "{order:?} and no more in {text}");
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}"))
}

#[track_caller]
fn assert_alphabet(text: &str, length: usize, alphabet: fn(&u8) -> bool) {
    assert!(text.len() == length && text.as_bytes().iter().all(alphabet), "{text}");
}

fn is_hex(byte: &u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)
}

#[tokio::test]
async fn sso_tells_who_the_user_is_in_five_members() {
    let deployment = Deployment::start().await;
    for (username, password, body) in [
        (
            "johndoe",
            "SecurePass123!",
            r#"{"id":1,"ext_id":42,"username":"johndoe","role":"moderator","tags":[3,5]}"#,
        ),
        (
            "st.huber",
            "Password1234!",
            r#"{"id":33,"ext_id":null,"username":"st.huber","role":null,"tags":null}"#,
        ),
        ("Zoë", "pässwörd ☃", r#"{"id":44,"ext_id":null,"username":"Zoë","role":null,"tags":null}"#),
    ] {
        let account = deployment.password("account", username, password).await.json();
        let reply = deployment.sso(text(&account["token"]["access_token"])).await;
        assert_eq!((reply.status, reply.text.as_str()), (200, body));
        // It holds no token, and so needs no Pragma.
        assert_eq!(reply.headers, headers(json!({})));
    }
}

#[tokio::test]
async fn account_gives_an_access_token_for_seven_days_and_a_refresh_token() {
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
async fn account_honours_its_settings() {
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
async fn session_gives_a_jwt_for_an_hour_with_an_integer_subject() {
    for (issuer, expected) in [("", "lumen-jwt"), ("https://example.com/☃", "https://example.com/☃")] {
        let deployment = Deployment::start_with(|env| env.with("SESSION_JWT_ISSUER", issuer)).await;
        let reply = deployment.password("session", "st.huber", "Password1234!").await;
        let body = assert_token_reply(&reply, &["token"]);
        let (header, claims) = parts(text(&body["token"]));
        assert_eq!(header, HS256);
        let iat = deployment.now().secs();
        assert_eq!(claims, json!({"iss": expected, "sub": 33, "iat": iat, "exp": iat + 3600, "epoch": 0}));
    }
}

#[tokio::test]
async fn session_gives_64_base62_characters_to_who_stays_logged_in() {
    let deployment = Deployment::start().await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true});
    let mut tokens = Vec::new();
    for more in [json!(null), json!("Firefox on Linux")] {
        let mut body = body.clone();
        body["session_information"] = more;
        let reply = deployment.sign_in("session", body).await;
        let body = assert_token_reply(&reply, &["token", "session_token"]);
        let token = text(&body["session_token"]).to_owned();
        assert_alphabet(&token, 64, u8::is_ascii_alphanumeric);
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn mfa_gives_a_jwt_for_seven_days_and_the_account_in_twenty_members() {
    let deployment = Deployment::start().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_123));
    let reply = deployment.password("mfa", "jimmy", "correct horse battery staple").await;
    let order = "result token account id bio consent control createdAt email github img imperial initial language \
                 lastSignIn mfaEnabled newsletter patron role status updatedAt username lusername";
    let body = assert_token_reply(&reply, &order.split_whitespace().collect::<Vec<_>>());
    assert_eq!(body["result"], json!("success"));
    assert_eq!(
        body["account"],
        json!({
            "id": 14, "bio": "", "consent": 1, "control": 1, "createdAt": "2022-11-19T18:15:22.642Z",
            "email": "jimmy@example.com", "github": "", "img": "", "imperial": false,
            "initial": "jimmy@example.com", "language": "en", "lastSignIn": "2023-11-14T22:13:20.123Z",
            "mfaEnabled": false, "newsletter": false, "patron": 0, "role": "user", "status": 1,
            "updatedAt": "2023-11-14T22:13:20.123Z", "username": "jimmy", "lusername": "jimmy",
        })
    );
    let (header, claims) = parts(text(&body["token"]));
    assert_eq!(header, HS256);
    let iat = 1_700_000_000;
    let jti = text(&claims["jti"]);
    assert_alphabet(jti, 32, is_hex);
    assert_eq!(
        claims,
        json!({
            "_id": 14, "username": "jimmy", "role": "user", "status": 1, "aud": "postern", "iss": "postern",
            "iat": iat, "exp": iat + 7 * 24 * 3600, "epoch": 0, "jti": jti,
        })
    );
}

#[tokio::test]
async fn mfa_shows_the_name_as_registered_and_in_lower_case_and_that_mfa_is_on() {
    let deployment = Deployment::start_with(|env| {
        env.with("MFA_JWT_ISSUER", "freesewing.org").with("MFA_JWT_AUDIENCE", "freesewing.org/x")
    })
    .await;
    let zoe = deployment.password("mfa", "zoe@example.com", "pässwörd ☃").await.json();
    assert_eq!((&zoe["account"]["username"], &zoe["account"]["lusername"]), (&json!("Zoë"), &json!("zoë")));
    let claims = claims(text(&zoe["token"]));
    assert_eq!(claims["username"], json!("Zoë"));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("freesewing.org"), &json!("freesewing.org/x")));
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let body = json!({"username": "guarded", "password": "Password1234!", "token": "582969"});
    assert_eq!(deployment.sign_in("mfa", body).await.json()["account"]["mfaEnabled"], json!(true));
}

/// Only mfa shows when a user last signed in; every door writes it, and only a success does.
#[tokio::test]
async fn last_sign_in_is_this_moment_and_is_stored_by_every_door() {
    let deployment = Deployment::start().await;
    for (contract, seconds) in PASSWORD_CONTRACTS.into_iter().zip(1_700_000_000..) {
        let moment = Timestamp::from_millis(seconds * 1000);
        deployment.set_time(moment);
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "SecurePass123!").await;
        assert_eq!(reply.status, 200, "{contract}");
        deployment.advance(Duration::from_millis(500));
        let reply = deployment.password(contract, &name_at(contract, "johndoe"), "wrong").await;
        assert_refusal(contract, Refused::Wrong, &reply, "a wrong password");
        let stored = raw::user(&deployment, 1).await;
        for attribute in ["last_sign_in", "updated_at"] {
            assert_eq!(stored[attribute], raw::number(moment.millis()), "{contract} {attribute}");
        }
    }
}

#[tokio::test]
async fn email_gives_two_jwts_and_the_user() {
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
async fn email_honours_its_lifetimes() {
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
async fn a_name_is_found_however_it_is_typed_and_shown_as_it_was_registered() {
    let deployment = Deployment::start().await;
    for (contract, typed, password) in [
        ("account", "  JohnDoe\n", "SecurePass123!"),
        ("session", "ZOË", "pässwörd ☃"),
        ("session", "Zoe\u{308}", "pässwörd ☃"),
        ("mfa", "\u{a0}ＪＯＨＮＤＯＥ\u{3000}", "SecurePass123!"),
        ("mfa", "JimMy@Example.COM", "correct horse battery staple"),
        ("email", "\tZOE@example.com ", "pässwörd ☃"),
    ] {
        assert_eq!(deployment.password(contract, typed, password).await.status, 200, "{contract} {typed}");
    }
    let body = deployment.password("email", "ZOE@EXAMPLE.COM", "pässwörd ☃").await.json();
    assert_eq!(
        (&body["user"]["username"], &body["user"]["email"]),
        (&json!("Zoë"), &json!("zoe@example.com"))
    );
}

#[tokio::test]
async fn every_reply_names_its_request() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS.into_iter().chain(["sso"]) {
        let mut event = deployment.event(contract, None);
        event["requestContext"]["requestId"] = json!("JKJaXmPLvHcESHA=");
        assert_eq!(deployment.invoke(contract, event).await.header("x-request-id"), Some("JKJaXmPLvHcESHA="));
    }
}
