//! The finer rules of each contract's fields, and of the member `token` that all password contracts share.

use crate::support::words::LONGEST_WAIT;
use postern::clock::Timestamp;
use postern_local::demo;
use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS, Reply, credentials, name_at};
use serde_json::{Value, json};

use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

/// A sign-in by `st.huber` at session, with these members more.
async fn huber(deployment: &Deployment, more: Value) -> Reply {
    let mut body = json!({"username": "st.huber", "password": "Password1234!"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    deployment.sign_in("session", body).await
}

fn unprocessable(reply: &Reply, member: &str, message: &str, of: &str) {
    assert_reply(reply, 422, &format!(r#"{{"{member}":["{message}"]}}"#), json!({}), of);
}

#[tokio::test]
async fn session_takes_190_code_points_and_not_one_more() {
    let deployment = unlimited().await;
    for character in ["a", "é", "☃", "🦀", "e\u{301}"] {
        let points = character.chars().count();
        let longest = character.repeat(190 / points);
        let longer = format!("{longest}a");
        let reply = deployment.password("session", &longest, "Password1234!").await;
        assert_refusal("session", Refused::UnknownUser, &reply, &longest);
        let reply = deployment.password("session", &longer, "Password1234!").await;
        let message = "The username may not be greater than 190 characters.";
        unprocessable(&reply, "username", message, &longer);
        let reply = huber(&deployment, json!({"session_information": longest})).await;
        assert_eq!(reply.status, 200, "{longest}");
        let reply = huber(&deployment, json!({"session_information": longer})).await;
        let message = "The session information may not be greater than 190 characters.";
        unprocessable(&reply, "session_information", message, &longer);
    }
    // A password has no such limit.
    let reply = deployment.password("session", "st.huber", &"x".repeat(191)).await;
    assert_refusal("session", Refused::Wrong, &reply, "a long password");
}

#[tokio::test]
async fn session_information_null_or_empty_counts_as_not_sent() {
    let deployment = Deployment::start().await;
    for value in [json!(null), json!(""), json!("Firefox on Linux")] {
        let reply = huber(&deployment, json!({"session_information": value, "stay_logged_in": true})).await;
        assert_eq!(reply.status, 200, "{value}");
    }
    for value in [json!(true), json!(0), json!(1.5), json!([]), json!({})] {
        let reply = huber(&deployment, json!({"session_information": value})).await;
        let message = "The session information must be a string.";
        unprocessable(&reply, "session_information", message, &value.to_string());
    }
}

#[tokio::test]
async fn stay_logged_in_is_true_false_or_what_the_framework_takes_for_them() {
    let deployment = Deployment::start().await;
    let members = |reply: &Reply| -> Vec<String> {
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(members(&huber(&deployment, json!({})).await), ["token"]);
    for value in [json!(false), json!(0), json!("0"), json!(null)] {
        let reply = huber(&deployment, json!({"stay_logged_in": value})).await;
        assert_eq!(members(&reply), ["token"], "{value}");
    }
    for value in [json!(true), json!(1), json!("1")] {
        let reply = huber(&deployment, json!({"stay_logged_in": value})).await;
        let mut names = members(&reply);
        names.sort();
        assert_eq!(names, ["session_token", "token"], "{value}");
    }
    for value in ["true", "false", "yes", "on", "2", "01", ""].map(Value::from).into_iter().chain([
        json!(2),
        json!(-1),
        json!(0.5),
        json!([]),
        json!([true]),
        json!({}),
    ]) {
        let reply = huber(&deployment, json!({"stay_logged_in": value})).await;
        let message = "The stay logged in field must be true or false.";
        unprocessable(&reply, "stay_logged_in", message, &value.to_string());
    }
}

#[tokio::test]
async fn session_lists_every_failing_field() {
    let deployment = Deployment::start().await;
    let long = "x".repeat(191);
    let body = json!({
        "stay_logged_in": "maybe", "session_information": long, "password": 7, "username": long,
    });
    let text = concat!(
        r#"{"username":["The username may not be greater than 190 characters."],"#,
        r#""password":["The password must be a string."],"#,
        r#""session_information":["The session information may not be greater than 190 characters."],"#,
        r#""stay_logged_in":["The stay logged in field must be true or false."]}"#
    );
    assert_reply(&deployment.sign_in("session", body).await, 422, text, json!({}), "all four");
    let text = concat!(
        r#"{"password":["The password field is required."],"#,
        r#""stay_logged_in":["The stay logged in field must be true or false."]}"#
    );
    let body = json!({"username": "x", "stay_logged_in": []});
    assert_reply(&deployment.sign_in("session", body).await, 422, text, json!({}), "two");
}

#[tokio::test]
async fn account_lists_every_failing_field() {
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

#[tokio::test]
async fn email_says_one_thing_whatever_is_missing() {
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

/// jimmy has the id 14.
#[tokio::test]
async fn mfa_takes_an_id_as_a_number_or_a_string_and_nothing_that_only_begins_like_one() {
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

#[tokio::test]
async fn mfa_checks_the_body_then_the_username_then_the_password() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords.verifications();
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
    assert_eq!(deployment.app.passwords.verifications(), before);
}

/// A sign-in by `guarded`, who has MFA on.
async fn guarded(deployment: &Deployment, contract: &str, token: Option<Value>) -> Reply {
    let mut body = credentials(contract, &name_at(contract, "guarded"), "Password1234!");
    if let Some(token) = token {
        body["token"] = token;
    }
    deployment.sign_in(contract, body).await
}

#[tokio::test]
async fn token_missing_null_false_or_empty_is_none() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        for token in [None, Some(json!(null)), Some(json!(false)), Some(json!("")), Some(json!(" -"))] {
            let reply = guarded(&deployment, contract, token.clone()).await;
            assert_refusal(contract, Refused::MfaRequired, &reply, &format!("{token:?}"));
        }
    }
}

#[tokio::test]
async fn token_of_any_other_type_or_form_is_a_wrong_code() {
    let deployment = unlimited().await;
    for contract in PASSWORD_CONTRACTS {
        for token in [
            json!(true),
            json!([]),
            json!(["582969"]),
            json!({}),
            json!(582969.5),
            json!(-1),
            json!(1_000_000),
            json!(1e300),
            json!("null"),
            json!("58296 9 0"),
            json!("x".repeat(60_000)),
        ] {
            let reply = guarded(&deployment, contract, Some(token.clone())).await;
            assert_refusal(
                contract,
                Refused::Wrong,
                &reply,
                &token.to_string().chars().take(20).collect::<String>(),
            );
            deployment.advance(LONGEST_WAIT);
            // Now and then a right code, or the name is shut after 33.
            if token == json!({}) {
                let code =
                    demo::RECOVERY_CODES[PASSWORD_CONTRACTS.iter().position(|c| *c == contract).unwrap()];
                assert_eq!(guarded(&deployment, contract, Some(json!(code))).await.status, 200);
            }
        }
    }
}

/// At 1700069190 the code is 000178, at 1700000000 it is 582969.
#[tokio::test]
async fn token_as_an_integer_has_its_leading_zeros_back() {
    let codes = [
        (1_700_000_000, json!(582_969)),
        (1_700_069_190, json!(178)),
        (1_700_152_920, json!("000077")),
        (1_700_191_200, json!(799)),
    ];
    let deployment = Deployment::start().await;
    for (contract, (seconds, token)) in PASSWORD_CONTRACTS.into_iter().zip(codes) {
        deployment.set_time(Timestamp::from_millis(seconds * 1000));
        assert_eq!(
            guarded(&deployment, contract, Some(token.clone())).await.status,
            200,
            "{contract} {token}"
        );
    }
    deployment.set_time(Timestamp::from_millis(1_700_201_610_000));
    let reply = guarded(&deployment, "mfa", Some(json!("166"))).await;
    assert_refusal("mfa", Refused::Wrong, &reply, "a string has the zeros that it has");
}

#[tokio::test]
async fn token_is_not_read_for_users_without_mfa() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS {
        for token in [json!("000000"), json!(true), json!([]), json!({}), json!(-1), json!(null)] {
            let mut body = credentials(contract, &name_at(contract, "johndoe"), "SecurePass123!");
            body["token"] = token.clone();
            assert_eq!(deployment.sign_in(contract, body).await.status, 200, "{contract} {token}");
        }
    }
}
