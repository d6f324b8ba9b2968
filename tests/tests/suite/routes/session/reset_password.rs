//! `POST /api/auth/forgotPassword/resetPassword`.

use postern::identity::Status;
use postern::password_reset::{CodeOwner, MAX_TRIES};
use postern_local::demo::RECOVERY_CODES;
use postern_tests::deployment::{PASSWORD_CONTRACTS, name_at};
use serde_json::{Value, json};

use crate::support::mfa::{CODE, GUARDED, MOMENT, NEXT};
use crate::support::raw::{self, Attribute};
use crate::support::reset::{
    CHANGED, INCORRECT, NEW, NO_CODE, UNKNOWN, USED_UP, check, failures, put, put_digits, reset, tries,
};
use crate::support::sign_in::{LOCK_AFTER, put_counter};
use crate::support::signed_in::{assert_all, everything, set};
use crate::support::words::{Refused, assert_refusal, assert_reply, unlimited};

const OLD: &str = "Password1234!";

#[tokio::test]
async fn right_code_changes_the_password_and_ends_every_session_and_token() {
    let deployment = unlimited().await;
    let held = everything(&deployment, "st.huber", OLD, &[]).await;
    let before = raw::user(&deployment, 33).await;
    let sessions = raw::sessions(&deployment, 33).await;
    put_digits(&deployment, 33).await;
    let reply = reset(&deployment, "St.Huber", json!({})).await;
    assert_reply(&reply, 200, CHANGED, json!({}), "st.huber");

    assert_all(&deployment, &held, false).await;
    let after = raw::user(&deployment, 33).await;
    assert_eq!(after["epoch"], raw::number(1));
    assert_eq!(after["sessions_ended_at"], raw::number(deployment.now().millis()));
    assert_eq!(after.get("last_sign_in"), before.get("last_sign_in"), "nobody is signed in");
    assert_eq!(raw::sessions(&deployment, 33).await, sessions, "no session begins");
    for contract in PASSWORD_CONTRACTS {
        let name = name_at(contract, "st.huber");
        assert_refusal(contract, Refused::Wrong, &deployment.password(contract, &name, OLD).await, "old");
        assert_eq!(deployment.password(contract, &name, NEW).await.status, 200, "{contract}");
    }
}

#[tokio::test]
async fn code_is_spent_and_the_user_is_told() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    assert_eq!(reset(&deployment, "st.huber", json!({})).await.status, 200);
    let messages = deployment.queued();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    let told = [&message["contract"], &message["kind"], &message["owner"]];
    assert_eq!(told, [&json!("session"), &json!("password_changed"), &json!({"user": 33})]);
    let reply = reset(&deployment, "st.huber", json!({"new_password": "another phrase of a thief"})).await;
    // As at a name that no user has, whose code cannot be spent.
    assert_reply(&reply, 400, INCORRECT, json!({}), "spent");
    assert_eq!(deployment.password("session", "st.huber", NEW).await.status, 200);
}

#[tokio::test]
async fn reset_unlocks_the_username_and_the_address_and_a_wrong_code_does_not() {
    let deployment = unlimited().await;
    let names = ["st.huber", "st.huber@example.com"];
    for name in names {
        put_counter(&deployment, &raw::name_counter(&deployment, name).await, LOCK_AFTER).await;
    }
    put_counter(&deployment, &raw::known_counter(33), LOCK_AFTER).await;
    put_digits(&deployment, 33).await;
    let reply = reset(&deployment, "st.huber", json!({"code": "407447"})).await;
    assert_reply(&reply, 400, INCORRECT, json!({}), "wrong");
    assert_eq!(failures(&deployment, names[0]).await.0, LOCK_AFTER as i64);
    assert_eq!(deployment.password("account", names[0], OLD).await.status, 429);

    assert_eq!(reset(&deployment, "st.huber", json!({})).await.status, 200);
    for name in names {
        assert_eq!(failures(&deployment, name).await.0, 0, "{name}");
    }
    assert!(!raw::user(&deployment, 33).await.contains_key("known_failures"), "the known addresses too");
    assert_eq!(deployment.password("account", names[0], NEW).await.status, 200);
    assert_eq!(deployment.password("email", names[1], NEW).await.status, 200);
}

#[tokio::test]
async fn refusals_are_those_of_the_check() {
    let deployment = unlimited().await;
    let of = async |name: &str| reset(&deployment, name, json!({})).await;
    assert_reply(&of("nobody").await, 404, UNKNOWN, json!({}), "nobody");
    assert_reply(&of("st.huber").await, 400, NO_CODE, json!({}), "none");
    put(&deployment, "session", &CodeOwner::User(33), "407440", 0).await;
    for _ in 0..MAX_TRIES {
        assert_reply(&of("st.huber").await, 400, INCORRECT, json!({}), "wrong");
    }
    assert_reply(&of("st.huber").await, 400, USED_UP, json!({}), "used up");
    assert_eq!(raw::user(&deployment, 33).await["epoch"], raw::number(0));
}

#[tokio::test]
async fn checked_code_resets_once() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    assert_eq!(check(&deployment, "st.huber", "407446").await.status, 200);
    assert_reply(&reset(&deployment, "st.huber", json!({})).await, 200, CHANGED, json!({}), "checked");
}

#[tokio::test]
async fn weak_password_keeps_the_code() {
    let deployment = unlimited().await;
    put_digits(&deployment, 33).await;
    for (number, (weak, problem)) in (0..).zip([
        ("1q9zT#k", "must be at least 8 characters."),
        ("password123", "is too common."),
        (" ST.Huber", "is too common."),
        ("St.Huber@example.com", "is too common."),
    ]) {
        let reply = reset(&deployment, "st.huber", json!({"new_password": weak})).await;
        let text = format!(r#"{{"new_password":["The new password {problem}"]}}"#);
        assert_reply(&reply, 422, &text, json!({}), weak);
        assert_eq!(failures(&deployment, "st.huber").await, (0, 0), "{weak}");
        // Only the last needs the user.
        assert_eq!(tries(&deployment, "session", 33).await, u64::from(number == 3), "{weak}");
    }
    assert_eq!(reset(&deployment, "st.huber", json!({})).await.status, 200);
}

#[tokio::test]
async fn user_who_may_not_sign_in_learns_it_only_by_the_right_code() {
    let deployment = unlimited().await;
    for (id, name) in [(40, "dormant"), (42, "blocked")] {
        put_digits(&deployment, id).await;
        let reply = reset(&deployment, name, json!({"code": "407447"})).await;
        assert_reply(&reply, 400, INCORRECT, json!({}), name);
        let failed = failures(&deployment, name).await;
        assert_refusal("session", Refused::Disabled, &reset(&deployment, name, json!({})).await, name);
        assert_eq!(failures(&deployment, name).await, failed, "{name}: it was no guess");
        assert_eq!(raw::user(&deployment, id).await["epoch"], raw::number(0), "{name}");
    }
    put_digits(&deployment, 33).await;
    assert!(deployment.store.set_status(33, Status::Disabled, deployment.now()).await.is_ok());
    let reply = reset(&deployment, "st.huber", json!({})).await;
    assert_reply(&reply, 400, INCORRECT, json!({}), "disabled after the mail");
}

#[tokio::test]
async fn password_that_must_be_changed_is_changed() {
    let deployment = unlimited().await;
    put_digits(&deployment, 41).await;
    let reply = reset(&deployment, "changer", json!({"new_password": OLD})).await;
    let text = r#"{"new_password":["The new password and old password must be different."]}"#;
    assert_reply(&reply, 422, text, json!({}), "the same password");
    assert_eq!(raw::user(&deployment, 41).await["must_change_password"], Attribute::Bool(true));
    assert_eq!(reset(&deployment, "changer", json!({})).await.status, 200);
    assert_eq!(raw::user(&deployment, 41).await["must_change_password"], Attribute::Bool(false));
    assert_eq!(deployment.password("session", "changer", NEW).await.status, 200);
}

#[tokio::test]
async fn user_without_a_password_gets_one_and_user_without_an_address_does_not() {
    let deployment = unlimited().await;
    let mut user = raw::user(&deployment, 33).await;
    user.remove("password_hash");
    raw::put(&deployment, "USER#33", "USER", user).await;
    put_digits(&deployment, 33).await;
    assert_eq!(reset(&deployment, "st.huber", json!({})).await.status, 200);
    assert_eq!(deployment.password("session", "st.huber", NEW).await.status, 200);

    set(&deployment, 1, "email", raw::text("")).await;
    put_digits(&deployment, 1).await;
    assert_reply(&reset(&deployment, "johndoe", json!({})).await, 400, INCORRECT, json!({}), "no address");
}

#[tokio::test]
async fn mfa_stays_on_and_its_code_is_asked_for_after_the_right_code() {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    let of = async |code: &str, token: Value| {
        reset(&deployment, "guarded", json!({"code": code, "token": token})).await
    };
    put_digits(&deployment, GUARDED).await;
    for token in [json!(null), json!(CODE), json!("000000")] {
        let reply = of("407447", token.clone()).await;
        assert_reply(&reply, 400, INCORRECT, json!({}), &format!("a wrong code with {token}"));
    }
    assert_eq!(failures(&deployment, "guarded").await, (3, 3));
    assert_refusal("session", Refused::MfaRequired, &of("407446", json!(null)).await, "no MFA code");
    assert_eq!(failures(&deployment, "guarded").await, (3, 3));
    assert_refusal("session", Refused::Wrong, &of("407446", json!("000000")).await, "a wrong MFA code");
    assert_eq!(failures(&deployment, "guarded").await, (4, 4), "it stays charged");
    assert_eq!(tries(&deployment, "session", GUARDED).await, 5);

    assert_reply(&of("407446", json!(CODE)).await, 200, CHANGED, json!({}), "right");
    let user = raw::user(&deployment, GUARDED).await;
    assert_eq!(user["mfa"].as_m().unwrap()["last_step"], raw::number(MOMENT.secs() / 30), "it is spent");
    put_digits(&deployment, GUARDED).await;
    assert_refusal("session", Refused::Wrong, &of("407446", json!(CODE)).await, "an MFA code again");
    assert_reply(&of("407446", json!(NEXT)).await, 200, CHANGED, json!({}), "the next one");

    for (recovery_code, right) in [(RECOVERY_CODES[3], true), (RECOVERY_CODES[3], false)] {
        put_digits(&deployment, GUARDED).await;
        let reply = of("407446", json!(recovery_code)).await;
        assert_eq!(reply.status, if right { 200 } else { 400 }, "{recovery_code}");
    }
}
