//! `POST /api/auth/signin`.

use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::jwt::parts;
use crate::support::replies::{HS256, assert_alphabet, assert_token_reply, text};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

#[tokio::test]
async fn sign_in_gives_a_jwt_for_an_hour_with_an_integer_subject() {
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
async fn sign_in_with_stay_logged_in_gives_a_session_token_of_64_base62_characters() {
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

/// A sign-in by `st.huber` at session, with additional members.
async fn huber(deployment: &Deployment, more: Value) -> Reply {
    let mut body = json!({"username": "st.huber", "password": "Password1234!"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    deployment.sign_in("session", body).await
}

fn unprocessable(reply: &Reply, member: &str, message: &str, of: &str) {
    assert_reply(reply, 422, &format!(r#"{{"{member}":["{message}"]}}"#), json!({}), of);
}

#[tokio::test]
async fn field_of_190_code_points_is_accepted_and_of_191_is_refused() {
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
async fn session_information_that_is_null_or_empty_counts_as_absent() {
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
async fn stay_logged_in_accepts_the_booleans_of_the_framework_only() {
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
async fn sign_in_with_several_failing_fields_lists_them_all() {
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
