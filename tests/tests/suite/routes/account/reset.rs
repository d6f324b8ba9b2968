//! `POST /api/v2/account/reset/`.

use std::time::Duration;

use postern::password_reset::MAX_TRIES;
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::mfa::{CODE, GUARDED, MOMENT};
use crate::support::raw;
use crate::support::replies::assert_token_reply;
use crate::support::reset::{
    INVALID_LINK, NEW, SECRET, failures, put_digits, put_link, reset_by_link, tries,
};
use crate::support::sign_in::put_counter;
use crate::support::signed_in::{assert_all, everything};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

const JIMMY: &str = "jimmy@example.com";
const OLD: &str = "correct horse battery staple";

#[tokio::test]
async fn link_changes_the_password_ends_every_session_and_signs_in() {
    let deployment = unlimited().await;
    let held = everything(&deployment, "jimmy", OLD, &[]).await;
    let code = put_link(&deployment, 14).await;
    deployment.advance(Duration::from_secs(1));
    let reply = reset_by_link(&deployment, &format!(" {code}\n"), json!({})).await;
    let order = ["token", "access_token", "expires_in", "token_type", "refresh_token", "client_id", "scope"];
    let tokens = assert_token_reply(&reply, &order);

    assert_all(&deployment, &held, false).await;
    let access = tokens["token"]["access_token"].as_str().unwrap();
    assert_eq!(deployment.sso(access).await.status, 200, "the new tokens are valid");
    let user = raw::user(&deployment, 14).await;
    assert_eq!(user["epoch"], raw::number(1));
    assert_eq!(user["last_sign_in"], raw::number(deployment.now().millis()));
    assert_eq!(deployment.password("account", "jimmy", NEW).await.status, 200);
    assert_refusal("account", Refused::Wrong, &deployment.password("account", "jimmy", OLD).await, "old");

    let messages = deployment.queued();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((&message["kind"], &message["owner"]), (&json!("password_changed"), &json!({"user": 14})));
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_reply(&reply, 400, INVALID_LINK, json!({}), "spent");
}

#[tokio::test]
async fn wrong_link_is_charged_to_the_address_and_uses_up_no_try() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, 14).await;
    put_digits(&deployment, 14).await;
    let wrong = format!("14-{}", SECRET.replace("77e5", "77e4"));
    let of_another = format!("1-{SECRET}");
    for (number, wrong) in (1..).zip([
        wrong.as_str(),
        &of_another,
        SECRET,
        "407446",
        "14-407446",
        "0-0",
        "-",
        "14-",
        "99999999999999999999-1",
        &code[..40],
        &code.to_uppercase()[..60],
    ]) {
        let reply = reset_by_link(&deployment, wrong, json!({})).await;
        assert_reply(&reply, 400, INVALID_LINK, json!({}), wrong);
        assert_eq!(failures(&deployment, JIMMY).await, (0, number), "{wrong}");
    }
    for _ in 0..=MAX_TRIES {
        reset_by_link(&deployment, &wrong, json!({})).await;
    }
    assert_eq!(tries(&deployment, "account", 14).await, 0, "nobody can use up the tries of another");
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200);
}

#[tokio::test]
async fn link_is_valid_for_a_day_and_for_its_epoch() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, 14).await;
    deployment.advance(Duration::from_secs(24 * 3600 + 1));
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_reply(&reply, 400, INVALID_LINK, json!({}), "expired");

    let code = put_link(&deployment, 14).await;
    put_digits(&deployment, 14).await;
    let more = json!({"new_password": "another phrase of theirs"});
    assert_eq!(crate::support::reset::reset(&deployment, "jimmy", more).await.status, 200);
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_reply(&reply, 400, INVALID_LINK, json!({}), "the password was changed since");
}

#[tokio::test]
async fn link_unlocks_the_username_and_the_address() {
    let deployment = unlimited().await;
    for name in ["jimmy", JIMMY] {
        put_counter(&deployment, &raw::name_counter(&deployment, name).await, 33).await;
    }
    let code = put_link(&deployment, 14).await;
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200);
    for name in ["jimmy", JIMMY] {
        assert_eq!(failures(&deployment, name).await.0, 0, "{name}");
    }
}

#[tokio::test]
async fn weak_password_keeps_the_link() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, 14).await;
    for (weak, message) in [
        ("1q9zT#k", "This password is too short."),
        ("password123", "This password is too common."),
        (JIMMY, "This password is too common."),
        (&"k7".repeat(513), "This password is too long."),
    ] {
        let reply = reset_by_link(&deployment, &code, json!({"password": weak})).await;
        let text = format!(
            r#"{{"errors":[{{"field":"password","messages":[{{"message":"{message}","code":"invalid"}}]}}]}}"#
        );
        assert_reply(&reply, 400, &text, json!({}), weak);
        assert_eq!(failures(&deployment, JIMMY).await, (0, 0), "{weak}");
    }
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200);
}

#[tokio::test]
async fn password_that_must_be_changed_is_changed() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, 41).await;
    let reply = reset_by_link(&deployment, &code, json!({"password": "Password1234!"})).await;
    let text = concat!(
        r#"{"errors":[{"field":"password","messages":"#,
        r#"[{"message":"The new password must differ from the old one.","code":"invalid"}]}]}"#
    );
    assert_reply(&reply, 400, text, json!({}), "the same password");
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200);
}

#[tokio::test]
async fn user_who_may_not_sign_in_learns_it_only_by_the_right_link() {
    let deployment = unlimited().await;
    for (id, refused) in [(40, Refused::NotActivated), (42, Refused::Disabled)] {
        let code = put_link(&deployment, id).await;
        let wrong = reset_by_link(&deployment, &code.replace("77e5", "77e4"), json!({})).await;
        assert_reply(&wrong, 400, INVALID_LINK, json!({}), &code);
        assert_refusal("account", refused, &reset_by_link(&deployment, &code, json!({})).await, &code);
    }
}

/// A link names its user by the id. A user is created together with the login names, so an item without them was not
/// created as a user.
#[tokio::test]
async fn link_of_a_user_whose_username_does_not_lead_there_signs_nobody_in() {
    let deployment = unlimited().await;
    let name = raw::item(&deployment, "LOGIN#jimmy", "LOGIN").await.unwrap();
    raw::remove(&deployment, "LOGIN#jimmy", "LOGIN").await;
    let user = raw::user(&deployment, 14).await;
    let code = put_link(&deployment, 14).await;
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_refusal("account", Refused::Fault, &reply, "no login name");
    assert_eq!(raw::user(&deployment, 14).await, user, "nothing is written");
    assert_eq!((raw::sessions(&deployment, 14).await, failures(&deployment, JIMMY).await), (0, (0, 0)));
    raw::put(&deployment, "LOGIN#jimmy", "LOGIN", name).await;
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 200, "the link stays valid");
}

/// The MFA code is charged to the e-mail address, as at a sign-in.
#[tokio::test]
async fn mfa_code_is_asked_for_after_the_right_link_and_counted() {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    let name = "guarded@example.com";
    let code = put_link(&deployment, GUARDED).await;
    let of = async |token: Value| reset_by_link(&deployment, &code, json!({"token": token})).await;
    assert_refusal("account", Refused::MfaRequired, &of(json!(null)).await, "no MFA code");
    assert_eq!(failures(&deployment, name).await, (0, 0));
    for number in 1..=5 {
        assert_refusal("account", Refused::Wrong, &of(json!("000000")).await, "a wrong MFA code");
        assert_eq!(failures(&deployment, name).await, (number, number));
    }
    assert_refusal("account", Refused::Throttled(1), &of(json!(CODE)).await, "the name has to wait");
    assert_eq!(failures(&deployment, name).await, (5, 5));
    deployment.advance(Duration::from_secs(1));
    assert_eq!(of(json!(CODE)).await.status, 200);
    assert_eq!(failures(&deployment, name).await.0, 0);
    let user = raw::user(&deployment, GUARDED).await;
    assert_eq!(user["mfa"].as_m().unwrap()["last_step"], raw::number(MOMENT.secs() / 30), "it is spent");
    put_link(&deployment, GUARDED).await;
    assert_refusal("account", Refused::Wrong, &of(json!(CODE)).await, "an MFA code again");
}

#[tokio::test]
async fn right_link_has_twelve_tries_at_the_mfa_code() {
    let deployment = unlimited().await;
    let code = put_link(&deployment, GUARDED).await;
    for _ in 0..MAX_TRIES {
        let reply = reset_by_link(&deployment, &code, json!({})).await;
        assert_refusal("account", Refused::MfaRequired, &reply, "no MFA code");
    }
    let reply = reset_by_link(&deployment, &code, json!({})).await;
    assert_reply(&reply, 400, INVALID_LINK, json!({}), "used up");
}

#[tokio::test]
async fn address_over_its_limit_may_try_no_link() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    let code = put_link(&deployment, 14).await;
    reset_by_link(&deployment, "14-0", json!({})).await;
    assert_eq!(reset_by_link(&deployment, &code, json!({})).await.status, 429);
}
