//! MFA begun: it needs the password, or a JWT that is less than five minutes old.

use std::time::Duration;

use postern::store::Written;
use postern_tests::deployment::Deployment;
use serde_json::json;

use crate::support::mfa::{
    HUBER, PASSWORD, assert_error, assert_unauthenticated, begin, confirmation, counted, post_mfa, switch_on,
};
use crate::support::proxy::{Fate, Proxy};
use crate::support::raw;
use crate::support::signed_in::{MFA, WHOAMI, audited, code, get, member, mfa_jwt};
use crate::support::words::{Refused, assert_refusal, unlimited};

const FAILED: &str = "authenticationFailed";
const MISSING: &str = "passwordMissing";
const NEW: Duration = Duration::from_secs(300);

/// A JWT of st.huber that is five minutes old.
async fn old_jwt(deployment: &Deployment) -> String {
    let token = mfa_jwt(deployment, "st.huber", PASSWORD, None).await;
    deployment.advance(NEW);
    token
}

#[tokio::test]
async fn jwt_of_five_minutes_begins_mfa_only_with_the_password() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    // `iat` has whole seconds.
    deployment.advance(NEW - Duration::from_secs(1));
    begin(&deployment, &token).await;
    deployment.advance(Duration::from_secs(1));
    let before = raw::user(&deployment, HUBER).await;
    for password in [json!(null), json!(""), json!(7), json!(true), json!([PASSWORD])] {
        let body = json!({"mfa": true, "password": password});
        assert_error(&post_mfa(&deployment, &token, &body).await, 400, MISSING, &body.to_string());
    }
    assert_error(&post_mfa(&deployment, &token, &json!({"mfa": true})).await, 400, MISSING, "no password");
    assert_eq!(raw::user(&deployment, HUBER).await, before);
    assert_eq!(deployment.app.passwords().verifications(), 1, "the sign-in");

    let reply = post_mfa(&deployment, &token, &json!({"mfa": true, "password": PASSWORD})).await;
    let secret = member(&reply, "/mfa/secret");
    let reply = post_mfa(&deployment, &token, &confirmation(&secret, &code(&deployment, &secret, 0))).await;
    assert_eq!(reply.status, 200, "the confirmation asks for no password: {reply:?}");
}

#[tokio::test]
async fn jwt_of_any_age_begins_mfa_if_the_setting_is_off() {
    let deployment = Deployment::start_with(|env| env.with("MFA_ENROL_NEEDS_PASSWORD", "false")).await;
    let token = old_jwt(&deployment).await;
    begin(&deployment, &token).await;
    for set in ["true", ""] {
        let deployment = Deployment::start_with(|env| env.with("MFA_ENROL_NEEDS_PASSWORD", set)).await;
        let token = old_jwt(&deployment).await;
        let reply = post_mfa(&deployment, &token, &json!({"mfa": true})).await;
        assert_error(&reply, 400, MISSING, set);
    }
}

#[tokio::test]
async fn wrong_password_is_charged_like_a_sign_in_and_begins_nothing() {
    let deployment = unlimited().await;
    let token = old_jwt(&deployment).await;
    let wrong = json!({"mfa": true, "password": "wrong"});
    for failures in 1..=5 {
        assert_error(&post_mfa(&deployment, &token, &wrong).await, 401, FAILED, "wrong");
        assert_eq!(counted(&deployment, HUBER).await, (failures, failures), "{failures}");
    }
    let hashes = deployment.app.passwords().verifications();
    let right = json!({"mfa": true, "password": PASSWORD});
    let reply = post_mfa(&deployment, &token, &right).await;
    assert_refusal("mfa", Refused::Throttled(1), &reply, "too soon");
    let reply = deployment.password("mfa", "st.huber", PASSWORD).await;
    assert_refusal("mfa", Refused::Throttled(1), &reply, "too soon, at the sign-in");
    assert_eq!(deployment.app.passwords().verifications(), hashes);
    assert!(!raw::user(&deployment, HUBER).await.contains_key("pending_mfa_secret"));
    deployment.advance(Duration::from_secs(1));
    let before = counted(&deployment, HUBER).await;
    assert_eq!(post_mfa(&deployment, &token, &right).await.status, 200);
    assert_eq!(counted(&deployment, HUBER).await, before, "its own charge is refunded, and no other");
}

#[tokio::test]
async fn password_that_is_sent_with_a_new_jwt_is_verified() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let wrong = json!({"mfa": true, "password": "wrong"});
    assert_error(&post_mfa(&deployment, &token, &wrong).await, 401, FAILED, "wrong");
    assert_eq!(counted(&deployment, HUBER).await.0, 1);
}

/// A thief has an older JWT, and learned the secret and its code.
#[tokio::test]
async fn only_the_jwt_that_began_mfa_confirms_it_and_stays_valid() {
    let deployment = unlimited().await;
    let stolen = old_jwt(&deployment).await;
    let own = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &own).await;
    let body = confirmation(&secret, &code(&deployment, &secret, 0));
    assert_error(&post_mfa(&deployment, &stolen, &body).await, 403, "mfaTokenInvalid", "another JWT");
    assert_eq!(counted(&deployment, HUBER).await.0, 1);
    assert_eq!(post_mfa(&deployment, &own, &body).await.status, 200);
    assert_eq!(get(&deployment, "mfa", WHOAMI, &own).await.status, 200);
    let reply = get(&deployment, "mfa", WHOAMI, &stolen).await;
    assert_unauthenticated(&reply, r#"Bearer error="invalid_token""#, "the stolen JWT");
}

/// The JWT that began MFA is ended, and so is what it began.
#[tokio::test]
async fn secret_that_was_begun_by_an_ended_jwt_is_confirmed_by_none() {
    let deployment = unlimited().await;
    let stolen = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(&deployment, &stolen).await;
    assert_eq!(deployment.store.end_sessions(HUBER, deployment.now()).await.unwrap(), Written::Done);
    let body = confirmation(&secret, &code(&deployment, &secret, 0));
    assert_eq!(post_mfa(&deployment, &stolen, &body).await.status, 401);
    let own = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    assert_error(&post_mfa(&deployment, &own, &body).await, 403, "mfaTokenInvalid", "another JWT");
}

#[tokio::test]
async fn operator_who_switches_mfa_off_ends_the_kept_jwt() {
    let deployment = unlimited().await;
    let kept = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    switch_on(&deployment, &kept).await;
    assert_eq!(get(&deployment, "mfa", WHOAMI, &kept).await.status, 200);
    assert_eq!(deployment.store.remove_mfa(HUBER, deployment.now()).await.unwrap(), Written::Done);
    assert!(!raw::user(&deployment, HUBER).await.contains_key("kept_token"));
    let reply = get(&deployment, "mfa", WHOAMI, &kept).await;
    assert_unauthenticated(&reply, r#"Bearer error="invalid_token""#, "the kept JWT");
}

/// MFA is switched on after the JWT is checked and before the password is.
#[tokio::test]
async fn jwt_that_ends_meanwhile_begins_nothing_and_costs_no_failure() {
    let (deployment, mut proxy) = Proxy::deployment(|env| env).await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    deployment.advance(Duration::from_secs(1));
    let other = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    deployment.advance(NEW);
    let held = std::cell::Cell::new(false);
    proxy.rule(move |seen| {
        if seen.starts_with("GetItem LOGIN") && !held.replace(true) { Fate::Hold } else { Fate::Pass }
    });
    let body = json!({"mfa": true, "password": PASSWORD});
    let meanwhile = async {
        proxy.reached().await;
        let secret = member(&post_mfa(&deployment, &other, &body).await, "/mfa/secret");
        let confirmed = confirmation(&secret, &code(&deployment, &secret, 0));
        assert_eq!(post_mfa(&deployment, &other, &confirmed).await.status, 200);
        proxy.release();
    };
    let (reply, ()) = tokio::join!(post_mfa(&deployment, &token, &body), meanwhile);
    assert_unauthenticated(&reply, r#"Bearer error="invalid_token""#, "MFA is on");
    assert_eq!(counted(&deployment, HUBER).await.0, 0);
    assert!(!raw::user(&deployment, HUBER).await.contains_key("pending_mfa_secret"));
}

#[tokio::test]
async fn password_leaves_the_audit_event_of_an_attempt() {
    let deployment = unlimited().await;
    let token = old_jwt(&deployment).await;
    let accepted = json!(["session", "token_accepted", HUBER]);
    for (password, outcome) in [("wrong", "wrong_password"), (PASSWORD, "mfa_begun")] {
        let body = json!({"mfa": true, "password": password});
        let id = format!("mfa-begin-{outcome}");
        let (_, events) = audited(&deployment, "mfa", MFA, Some(&token), &body, &id).await;
        assert_eq!(events, [accepted.clone(), json!(["sign-in attempt", outcome, HUBER])]);
    }
}
