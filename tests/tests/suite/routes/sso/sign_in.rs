//! `POST /api/v2/sso/signin/`: it accepts exactly the tokens that account issues, or that a backend with the same key
//! signs. Forged tokens are in [`crate::jwt`].

mod session;

use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::UserRecord;
use postern_local::demo::{self, USERS};
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::jwt::mint;
use crate::support::replies::text;
use crate::support::words::{Refused, assert_refusal, assert_reply, headers, words};

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const SSO_REPLY: &str = r#"{"id":1,"ext_id":42,"username":"johndoe","role":"moderator","tags":[3,5]}"#;

/// An access token that account issued to johndoe.
async fn account_token(deployment: &Deployment) -> String {
    let reply = deployment.password("account", "johndoe", "SecurePass123!").await;
    reply.json()["token"]["access_token"].as_str().unwrap().to_owned()
}

/// The claims of a token that the product's own backend signs for johndoe: a numbered `jti`, and no epoch.
fn claims_of_another_backend(deployment: &Deployment) -> Value {
    let iat = deployment.now().secs();
    json!({"token_type": "access", "exp": iat + 3600, "iat": iat, "jti": 4711, "user_id": 1})
}

#[track_caller]
fn assert_accepted(reply: &Reply, of: &str) {
    assert_reply(reply, 200, SSO_REPLY, json!({}), of);
}

/// 401 for a token that was sent and is invalid.
#[track_caller]
fn assert_refused(reply: &Reply, of: &str) {
    let (status, text) = words("sso", Refused::Wrong);
    assert_reply(reply, status, &text, json!({"www-authenticate": "Bearer error=\"invalid_token\""}), of);
}

#[tokio::test]
async fn request_without_a_bearer_token_is_not_authenticated() {
    let deployment = Deployment::start().await;
    let token = account_token(&deployment).await;
    let text = r#"{"errors":[{"message":"Authentication credentials were not provided.","code":"not_authenticated"}]}"#;
    let schemes = ["Basic am9obmRvZTpwdw==", "Digest x", "Token", "Bearers x", "", &token];
    for authorization in [None].into_iter().chain(schemes.into_iter().map(Some)) {
        let mut event = deployment.event("sso", Some("{}"));
        if let Some(authorization) = authorization {
            event["headers"]["authorization"] = json!(authorization);
        }
        // A token in another place is ignored (RFC 6750 §2.2 and §2.3 are optional).
        event["rawQueryString"] = json!(format!("access_token={token}"));
        event["cookies"] = json!([format!("access_token={token}")]);
        let reply = deployment.invoke("sso", event).await;
        let more = json!({"www-authenticate": "Bearer"});
        assert_reply(&reply, 401, text, more, &format!("{authorization:?}"));
    }
}

#[tokio::test]
async fn scheme_and_header_name_are_not_case_sensitive() {
    let deployment = Deployment::start().await;
    let token = account_token(&deployment).await;
    for (header, scheme) in
        [("authorization", "Bearer "), ("Authorization", "bearer "), ("AUTHORIZATION", "  BEARER   ")]
    {
        let mut event = deployment.event("sso", None);
        event["headers"][header] = json!(format!("{scheme}{token}"));
        assert_accepted(&deployment.invoke("sso", event).await, scheme);
    }
}

#[tokio::test]
async fn token_is_valid_until_the_second_of_its_expiry() {
    let deployment = Deployment::start().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let token = account_token(&deployment).await;
    deployment.advance(Duration::from_secs(604_799));
    assert_accepted(&deployment.sso(&token).await, "a second before");
    deployment.advance(Duration::from_secs(1));
    assert_refused(&deployment.sso(&token).await, "when it expires");
}

#[tokio::test]
async fn token_of_a_backend_that_shares_the_key_is_accepted() {
    let deployment = Deployment::start().await;
    let good = claims_of_another_backend(&deployment);
    for (member, values) in [
        ("jti", vec![json!("text"), json!(1), json!(1.5)]),
        ("exp", vec![json!(deployment.now().secs() as f64 + 60.5)]),
        ("nbf", vec![json!(deployment.now().secs() - 1), json!(deployment.now().secs() + 60)]),
        ("user_id", vec![json!("1")]),
        ("sub", vec![json!("johndoe"), json!(null)]),
        ("scope", vec![json!(["x"])]),
    ] {
        for value in values {
            let mut claims = good.clone();
            claims[member] = value;
            assert_accepted(&deployment.sso(&mint(HS256, &claims)).await, &claims.to_string());
        }
    }
    for header in [r#"{"alg":"HS256"}"#, r#"{"typ":"JWT","alg":"HS256","x":1}"#] {
        assert_accepted(&deployment.sso(&mint(header, &good)).await, header);
    }
}

#[tokio::test]
async fn token_with_a_missing_or_mistyped_claim_is_refused() {
    let deployment = Deployment::start().await;
    let good = claims_of_another_backend(&deployment);
    for (member, values) in [
        (
            "user_id",
            vec![
                json!("01"),
                json!("+1"),
                json!(""),
                json!("1.0"),
                json!(1.5),
                json!(-1),
                json!(null),
                json!([1]),
                json!(1e30),
            ],
        ),
        // Wrong values are tested in `jwt`.
        ("token_type", vec![]),
        ("exp", vec![]),
        ("iat", vec![json!("1"), json!(null), json!({})]),
        ("jti", vec![json!(null), json!(true), json!([]), json!({})]),
    ] {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(member);
        assert_refused(&deployment.sso(&mint(HS256, &without)).await, &format!("no {member}"));
        for value in values {
            let mut claims = good.clone();
            claims[member] = value;
            assert_refused(&deployment.sso(&mint(HS256, &claims)).await, &claims.to_string());
        }
    }
    for claims in [json!([]), json!("access"), json!(null), json!({})] {
        assert_refused(&deployment.sso(&mint(HS256, &claims)).await, &claims.to_string());
    }
}

async fn create(deployment: &Deployment, id: u64, change: impl FnOnce(&mut UserRecord)) {
    let mut user = demo::user(&deployment.app, &USERS[0]);
    (user.id, user.username, user.email) = (id, format!("u{id}"), format!("u{id}@example.com"));
    change(&mut user);
    deployment.store.create_user(user).await.unwrap();
}

#[tokio::test]
async fn token_ends_with_the_password_it_was_issued_for() {
    let deployment = Deployment::start().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let ended = Timestamp::from_millis(1_700_000_000_000);
    create(&deployment, 301, |user| (user.epoch, user.sessions_ended_at) = (2, Some(ended))).await;
    let token = |more: Value| {
        let mut claims = claims_of_another_backend(&deployment);
        claims["user_id"] = json!(301);
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        mint(HS256, &claims)
    };
    for more in [json!({"epoch": 2}), json!({"iat": 1_700_000_000}), json!({"iat": 1_700_000_000.5})] {
        assert_eq!(deployment.sso(&token(more.clone())).await.status, 200, "{more}");
    }
    for more in [
        json!({"epoch": 1}),
        json!({"epoch": 3}),
        json!({"epoch": "2"}),
        json!({"epoch": -2}),
        json!({"iat": 1_699_999_999}),
        json!({"iat": 1_699_999_999.9}),
        json!({"iat": 0}),
        json!({"iat": -1}),
    ] {
        assert_refused(&deployment.sso(&token(more.clone())).await, &more.to_string());
    }
}

#[tokio::test]
async fn token_of_a_user_who_may_not_sign_in_discloses_the_state() {
    let deployment = Deployment::start().await;
    create(&deployment, 310, |user| user.status = Status::Disabled).await;
    create(&deployment, 311, |user| user.status = Status::Blocked).await;
    create(&deployment, 312, |user| user.status = Status::NotActivated).await;
    create(&deployment, 313, |user| user.must_change_password = true).await;
    // Disabling ends every session. A client with an older token still learns the reason.
    create(&deployment, 314, |user| (user.status, user.epoch) = (Status::Disabled, 1)).await;
    let token = |id: u64| {
        let mut claims = claims_of_another_backend(&deployment);
        (claims["user_id"], claims["epoch"]) = (json!(id), json!(0));
        mint(HS256, &claims)
    };
    for (id, refused) in [
        (310, Refused::Disabled),
        (311, Refused::Disabled),
        (312, Refused::NotActivated),
        (313, Refused::MustChangePassword),
        (314, Refused::Disabled),
    ] {
        assert_refusal("sso", refused, &deployment.sso(&token(id)).await, &id.to_string());
    }
    for id in [0, 999, u64::MAX] {
        assert_refused(&deployment.sso(&token(id)).await, &format!("user {id}"));
    }
}

#[tokio::test]
async fn token_of_a_user_with_mfa_needs_no_code() {
    let deployment = Deployment::start().await;
    deployment.set_time(Timestamp::from_millis(1_700_000_000_000));
    let body = json!({"username": "guarded", "password": "Password1234!", "token": "582969"});
    let reply = deployment.sign_in("account", body).await.json();
    let reply = deployment.sso(reply["token"]["access_token"].as_str().unwrap()).await;
    let text = r#"{"id":43,"ext_id":null,"username":"guarded","role":null,"tags":null}"#;
    assert_reply(&reply, 200, text, json!({}), "guarded");
}

/// The contract exempts sso from throttling: no attempt there costs a sign-in elsewhere.
#[tokio::test]
async fn sso_is_not_throttled_and_counts_nothing() {
    let deployment = Deployment::start_with(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    for attempt in 0..40 {
        assert_refused(&deployment.sso("eyJ.not.good").await, &attempt.to_string());
    }
    assert_accepted(&deployment.sso(&account_token(&deployment).await).await, "after forty invalid tokens");
}

#[tokio::test]
async fn sign_in_shows_the_user_in_five_members() {
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
        // The reply holds no token, and so needs no Pragma.
        assert_eq!(reply.headers, headers(json!({})));
    }
}
