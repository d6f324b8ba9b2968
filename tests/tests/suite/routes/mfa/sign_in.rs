//! `POST /signin`.

use postern::clock::Timestamp;
use postern::store::operator::{ChangeOutcome, UserChange};
use postern_local::demo;
use postern_tests::deployment::Deployment;
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::jwt::{claims, parts};
use crate::support::mfa::{CODE, GUARDED, MOMENT, PASSWORD};
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw;
use crate::support::replies::{HS256, assert_alphabet, assert_token_reply, is_hex, text};
use crate::support::routes::with_id;
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

#[tokio::test]
async fn sign_in_gives_a_jwt_for_seven_days_and_the_account_in_twenty_members() {
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
async fn account_shows_the_registered_and_the_lower_case_name_and_mfa() {
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

/// jimmy has the id 14.
#[tokio::test]
async fn id_is_accepted_as_a_number_or_a_string_of_its_digits_only() {
    let deployment = unlimited().await;
    for typed in ["14", "14.0", "1.4e1", "140e-1", r#""14""#, r#"" 14\n""#, r#""１４""#] {
        let body = format!(r#"{{"username":{typed},"password":"correct horse battery staple"}}"#);
        let reply = deployment.post("mfa", &body).await;
        assert_eq!((reply.status, reply.json()["account"]["id"].as_u64()), (200, Some(14)), "{typed}");
    }
    for typed in [
        "-14",
        "14.5",
        "140",
        "1e300",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "18446744073709551630",
        r#""014""#,
        r#""0""#,
        r#""-14""#,
        r#""+14""#,
        r#""12abc""#,
        r#""14abc""#,
        r#""14.0""#,
        r#""1.4e1""#,
        r#""0x0e""#,
        r#""1 4""#,
    ] {
        let body = format!(r#"{{"username":{typed},"password":"correct horse battery staple"}}"#);
        assert_refusal("mfa", Refused::UnknownUser, &deployment.post("mfa", &body).await, typed);
    }
}

/// If ids are no login names, an id is an unknown name: in its bytes, in its calls and in its hashes.
#[tokio::test]
async fn id_is_an_unknown_name_if_the_setting_says_so() {
    let (deployment, proxy) = Proxy::deployment(|env| {
        env.with("MFA_ACCEPT_IDS", "false").with("THROTTLE_ADDRESS_LIMIT", "1000000")
    })
    .await;
    let attempt = async |name: Value| {
        let before = deployment.app.passwords().verifications();
        proxy.calls();
        let body = json!({"username": name, "password": "correct horse battery staple"});
        let reply = deployment.sign_in("mfa", body).await;
        (reply, proxy.requests_of_any_name(), deployment.app.passwords().verifications() - before)
    };
    let unknown = attempt(json!("nobody")).await;
    assert_refusal("mfa", Refused::UnknownUser, &unknown.0, "nobody");
    // jimmy has the id 14, and nobody 999.
    for name in [json!(14), json!("14"), json!(" 14 "), json!("１４"), json!(999)] {
        assert!(attempt(name.clone()).await == unknown, "{name}");
    }
    for name in ["jimmy", "jimmy@example.com"] {
        assert_eq!(attempt(json!(name)).await.0.status, 200, "{name}");
    }
    // A username of digits stays a username.
    let mut user = demo::user(&deployment.app, &demo::USERS[0]);
    (user.id, user.username, user.email) = (0, "4915112345678".to_owned(), "digits@example.com".to_owned());
    deployment.store.create_user(user).await.unwrap();
    assert_eq!(deployment.password("mfa", "4915112345678", "SecurePass123!").await.status, 200);
}

/// A user is created together with the login names. So an item without them was not created as a user, and its id signs
/// nobody in. Only a caller with the right password learns of it.
#[tokio::test]
async fn id_of_a_user_whose_username_leads_elsewhere_or_nowhere_signs_nobody_in() {
    let (deployment, proxy) = Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
    deployment.set_time(MOMENT);
    let attempt = async |name: u64, password: &str, request_id: &str| {
        let body = json!({"username": name, "password": password, "token": CODE}).to_string();
        let event = with_id(&deployment.event("mfa", Some(&body)), request_id);
        let mut reply = deployment.invoke("mfa", event).await;
        reply.headers["x-request-id"] = json!("test-request");
        reply
    };
    let wrong = async |name: u64| {
        proxy.calls();
        (attempt(name, "wrong", "wrong").await, proxy.requests_of_any_name())
    };
    let unknown = wrong(999).await;
    let name = raw::item(&deployment, "LOGIN#guarded", "LOGIN").await.unwrap();
    let user = raw::user(&deployment, GUARDED).await;
    for of_another in [false, true] {
        raw::remove(&deployment, "LOGIN#guarded", "LOGIN").await;
        if of_another {
            let mut name = name.clone();
            name.insert("user_id".to_owned(), raw::number(14));
            raw::put(&deployment, "LOGIN#guarded", "LOGIN", name).await;
        }
        assert!(wrong(GUARDED).await == unknown, "a wrong password learns nothing");
        let id = format!("no login name, {of_another}");
        assert_refusal("mfa", Refused::Fault, &attempt(GUARDED, PASSWORD, &id).await, &id);
        let lines = logs::so_far();
        let lines = lines.lines().filter(|line| line.contains(&id));
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        let [error, event] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&error["level"], &error["user_id"]), (&json!("ERROR"), &json!(GUARDED)));
        assert_eq!((&event["outcome"], &event["user_id"]), (&json!("fault"), &json!(GUARDED)));
        let counter = raw::own_counter(&GUARDED.to_string());
        assert_eq!(raw::failures(&deployment, &counter).await, 1, "only the wrong password stays charged");
        assert_eq!(raw::user(&deployment, GUARDED).await, user, "nothing is written");
        raw::remove(&deployment, &counter.pk, counter.sk).await;
    }
    raw::put(&deployment, "LOGIN#guarded", "LOGIN", name).await;
    let mut reads = 0;
    proxy.rule(move |call| {
        let is_read = call.starts_with("GetItem LOGIN");
        reads += u32::from(is_read);
        if is_read && reads > 1 { Fate::Fail(503, String::new()) } else { Fate::Pass }
    });
    let reply = attempt(GUARDED, PASSWORD, "unread").await;
    assert_refusal("mfa", Refused::Unavailable(1), &reply, "the login name cannot be read");
    assert_eq!(raw::failures(&deployment, &raw::own_counter("43")).await, 0);
    proxy.heal();
    // No attempt has spent the code.
    assert_eq!(attempt(GUARDED, PASSWORD, "whole again").await.status, 200);
}

#[tokio::test]
async fn user_who_is_renamed_during_a_sign_in_by_the_id_signs_in() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    deployment.set_time(MOMENT);
    let mut reads = 0;
    proxy.rule(move |call| {
        reads += u32::from(call.starts_with("GetItem LOGIN"));
        if reads == 2 { Fate::Hold } else { Fate::Pass }
    });
    let sign_in = async {
        let body = json!({"username": GUARDED, "password": PASSWORD, "token": CODE}).to_string();
        deployment.post("mfa", &body).await
    };
    let rename = async {
        proxy.reached().await;
        proxy.heal();
        let user = deployment.store.user(GUARDED).await.unwrap().unwrap();
        let change = UserChange { username: Some("renamed".to_owned()), ..UserChange::default() };
        let outcome = deployment.store.change_user(&user, &change, deployment.now()).await.unwrap();
        assert!(matches!(outcome, ChangeOutcome::Changed(..)));
        proxy.release();
    };
    let (reply, ()) = tokio::join!(sign_in, rename);
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn sign_in_checks_the_body_then_the_username_then_the_password() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords().verifications();
    for (error, body) in [
        ("postBodyMissing", "{}"),
        ("postBodyMissing", " { } "),
        ("usernameMissing", r#"{"x":1}"#),
        ("usernameMissing", r#"{"password":"x"}"#),
        ("usernameMissing", r#"{"password":""}"#),
        ("usernameMissing", r#"{"username":"","password":""}"#),
        ("usernameMissing", r#"{"username":0,"password":"x"}"#),
        ("usernameMissing", r#"{"username":0.0,"password":"x"}"#),
        ("usernameMissing", r#"{"username":-0,"password":"x"}"#),
        ("usernameMissing", r#"{"username":-0.0,"password":"x"}"#),
        ("usernameMissing", r#"{"username":null,"password":"x"}"#),
        ("usernameMissing", r#"{"username":false,"password":"x"}"#),
        ("usernameMissing", r#"{"username":true,"password":"x"}"#),
        ("usernameMissing", r#"{"username":["jimmy"],"password":"x"}"#),
        ("usernameMissing", r#"{"username":{},"password":"x"}"#),
        ("passwordMissing", r#"{"username":"jimmy"}"#),
        ("passwordMissing", r#"{"username":14,"password":""}"#),
        ("passwordMissing", r#"{"username":"jimmy","password":0}"#),
        ("passwordMissing", r#"{"username":"jimmy","password":1234}"#),
        ("passwordMissing", r#"{"username":"jimmy","password":true}"#),
        ("passwordMissing", r#"{"username":"jimmy","password":["x"]}"#),
    ] {
        let text = format!(r#"{{"result":"error","error":"{error}"}}"#);
        assert_reply(&deployment.post("mfa", body).await, 400, &text, json!({}), body);
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
}
