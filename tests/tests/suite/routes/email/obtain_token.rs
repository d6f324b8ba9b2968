//! `POST /api/token/`.

use postern_tests::contracts::credentials;
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::email::post;
use crate::support::jwt::claims;
use crate::support::raw::{self, Attribute, Item};
use crate::support::signed_in::{set, with};
use crate::support::tokens::{Tokens, end, profile, refreshed};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

const PATH: &str = "/api/token/";
const ROUTE: &str = "email/obtain_token";

async fn sign_in(deployment: &Deployment) -> Reply {
    deployment.password(ROUTE, "johndoe", "SecurePass123!").await
}

#[tokio::test]
async fn username_and_password_give_the_tokens_of_a_sign_in() {
    let deployment = Deployment::start().await;
    let reply = sign_in(&deployment).await;
    let tokens = Tokens::of("email", &reply);
    let text = format!(r#"{{"refresh":"{}","access":"{}"}}"#, tokens.refresh, tokens.access);
    assert_reply(&reply, 200, &text, json!({"pragma": "no-cache"}), "the tokens");
    let by_sign_in = deployment.password("email", "johndoe@example.com", "SecurePass123!").await;
    let theirs = Tokens::of("email", &by_sign_in);
    for (ours, theirs) in [(&tokens.access, &theirs.access), (&tokens.refresh, &theirs.refresh)] {
        let (ours, theirs) = (claims(ours), claims(theirs));
        for claim in ["token_type", "exp", "iat", "user_id", "iss", "epoch"] {
            assert_eq!(ours[claim], theirs[claim], "{claim}");
        }
        assert_eq!(ours.as_object().unwrap().len(), theirs.as_object().unwrap().len());
    }
    assert_eq!(profile(&deployment, &tokens.access).await.status, 200);
    let next = refreshed(&deployment, "email", &tokens.refresh).await;
    assert_eq!(end(&deployment, "email", &next.refresh).await.status, 200);
}

/// The framework takes the `USERNAME_FIELD`.
#[tokio::test]
async fn e_mail_address_is_no_username() {
    let deployment = Deployment::start().await;
    for body in [
        credentials(ROUTE, "johndoe@example.com", "SecurePass123!"),
        json!({"username": "nobody", "email": "johndoe@example.com", "password": "SecurePass123!"}),
    ] {
        let reply = deployment.sign_in(ROUTE, body.clone()).await;
        assert_refusal(ROUTE, Refused::UnknownUser, &reply, &body.to_string());
    }
}

#[tokio::test]
async fn hide_unknown_users_changes_nothing_here() {
    for setting in ["true", "false"] {
        let deployment = Deployment::start_with(|env| env.with("HIDE_UNKNOWN_USERS", setting)).await;
        let wrong = deployment.password(ROUTE, "johndoe", "wrong").await;
        assert_refusal(ROUTE, Refused::Wrong, &wrong, setting);
        assert_eq!(deployment.password(ROUTE, "nobody", "wrong").await, wrong, "{setting}");
    }
}

#[tokio::test]
async fn field_that_is_no_text_gets_the_frameworks_error_and_is_not_counted() {
    let deployment = Deployment::start().await;
    let before = (deployment.app.passwords().verifications(), raw::all(&deployment).await);
    let good = credentials(ROUTE, "johndoe", "SecurePass123!");
    for (value, error) in [
        (None, "This field is required."),
        (Some(Value::Null), "This field may not be null."),
        (Some(json!("")), "This field may not be blank."),
        (Some(json!(true)), "Not a valid string."),
        (Some(json!(17)), "Not a valid string."),
        (Some(json!(["johndoe"])), "Not a valid string."),
        (Some(json!({"$ne": null})), "Not a valid string."),
    ] {
        for field in ["username", "password"] {
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove(field);
            if let Some(value) = &value {
                body[field] = value.clone();
            }
            let text = format!(r#"{{"{field}":["{error}"]}}"#);
            assert_reply(&deployment.sign_in(ROUTE, body).await, 400, &text, json!({}), error);
        }
    }
    for body in ["", "{", "[]", "null", "x"] {
        assert_refusal(ROUTE, Refused::NoObject, &post(&deployment, PATH, body).await, body);
    }
    assert_eq!(deployment.app.passwords().verifications(), before.0, "nothing is hashed");
    assert!(raw::all(&deployment).await == before.1, "nothing is counted");
}

/// The framework trims a password. A password that begins or ends with white space is another one here.
#[tokio::test]
async fn password_is_not_trimmed() {
    let deployment = Deployment::start().await;
    let reply = deployment.password(ROUTE, "johndoe", " SecurePass123! ").await;
    assert_refusal(ROUTE, Refused::Wrong, &reply, "with spaces");
}

/// Attributes that the reply does not show cannot refuse it.
#[tokio::test]
async fn malformed_attributes_do_not_matter() {
    let deployment = Deployment::start().await;
    let broken = Attribute::M(Item::from([("first_name".to_owned(), Attribute::Bool(true))]));
    let attributes = Attribute::M(Item::from([("email".to_owned(), broken)]));
    set(&deployment, 1, "attributes", attributes).await;
    let at_sign_in = deployment.password("email", "johndoe@example.com", "SecurePass123!").await;
    assert_refusal("email", Refused::Fault, &at_sign_in, "the sign-in shows them");
    assert_eq!(sign_in(&deployment).await.status, 200);
}

/// Failures at every route that takes the username are failures of one name.
#[tokio::test]
async fn failures_count_for_the_username_at_every_contract() {
    let deployment = unlimited().await;
    for route in [ROUTE, "account", "session", "mfa", ROUTE] {
        let reply = deployment.password(route, "johndoe", "wrong").await;
        assert_refusal(route, Refused::Wrong, &reply, "a wrong password");
    }
    let reply = sign_in(&deployment).await;
    assert_refusal(ROUTE, Refused::Throttled(1), &reply, "the sixth attempt");
    let by_email = deployment.password("email", "johndoe@example.com", "SecurePass123!").await;
    assert_eq!(by_email.status, 200, "the e-mail address has a counter of its own");
    let members = with(credentials(ROUTE, "johndoe", "SecurePass123!"), json!({"token": "ignored"}));
    deployment.advance(std::time::Duration::from_secs(1));
    assert_eq!(deployment.sign_in(ROUTE, members).await.status, 200);
}
