//! What a join of two users ends: no token outlives the password or the second factor under which it was issued.

use std::time::Duration;

use postern::second_factor::Mfa;
use postern::store::operator::{OtherUsername, PasswordOf};
use postern_tests::deployment::Deployment;
use ring::digest::{SHA256, digest};

use crate::support::raw::{self, number, text};
use crate::support::signed_in::{WHOAMI, get, mfa_jwt, sign_in};

const HUBER: u64 = 33;

/// A JWT that was kept when its user switched MFA on or off. Its epoch has ended.
async fn kept_jwt(deployment: &Deployment) -> String {
    let token = mfa_jwt(deployment, "st.huber", "Password1234!", None).await;
    let mut user = raw::user(deployment, HUBER).await;
    user.insert("epoch".to_owned(), number(7_u64));
    user.insert("kept_token".to_owned(), text(&hex::encode(digest(&SHA256, token.as_bytes()).as_ref())));
    raw::put(deployment, "USER#33", "USER", user).await;
    assert_eq!(get(deployment, "mfa", WHOAMI, &token).await.status, 200);
    token
}

#[tokio::test]
async fn join_with_a_newer_password_or_mfa_ends_the_token_that_was_kept_before() {
    for takes_mfa in [false, true] {
        let deployment = Deployment::start().await;
        let token = kept_jwt(&deployment).await;
        let mut other = deployment.store.user(HUBER).await.unwrap().unwrap();
        if takes_mfa {
            other.mfa = Some(Mfa { secret: "KBTSKUKRDJPEGCZK".into(), last_step: None });
        } else {
            other.password_hash =
                Some(deployment.app.passwords().hash("of the second source", [7; 16]).unwrap());
            other.last_sign_in = Some(deployment.now().plus(Duration::from_secs(60)));
        }
        let joined =
            deployment.store.join_user(HUBER, &other, PasswordOf::Newest, false, deployment.now()).await;
        let joined = joined.unwrap().unwrap();
        assert_eq!((joined.mfa, joined.password), (takes_mfa, !takes_mfa));
        assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 401, "MFA: {takes_mfa}");
        assert_eq!(raw::user(&deployment, HUBER).await["epoch"], number(8_u64));
    }
}

#[tokio::test]
async fn join_of_attributes_alone_ends_no_token() {
    let deployment = Deployment::start().await;
    let token = kept_jwt(&deployment).await;
    let mut other = deployment.store.user(HUBER).await.unwrap().unwrap();
    other.attributes.insert("sso".to_owned(), serde_json::json!({"ext_id": 4711}));
    let joined = deployment.store.join_user(HUBER, &other, PasswordOf::Newest, false, deployment.now()).await;
    let joined = joined.unwrap().unwrap();
    assert!(joined.attributes && !joined.mfa && !joined.password);
    assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 200);
    assert_eq!(raw::user(&deployment, HUBER).await["epoch"], number(7_u64));
}

#[tokio::test]
async fn joined_user_signs_in_by_the_username_of_either_product() {
    let deployment = Deployment::start().await;
    let mut other = deployment.store.user(HUBER).await.unwrap().unwrap();
    other.username = "Stefan_H".to_owned();
    other.source_id = Some("5e8f8c1d2f0a4b0017c0ffe0".to_owned());
    for added in [true, false] {
        let joined =
            deployment.store.join_user(HUBER, &other, PasswordOf::First, false, deployment.now()).await;
        let joined = joined.unwrap().unwrap();
        assert_eq!((joined.username == OtherUsername::Added, joined.source_id), (added, added));
    }
    for contract in ["session", "mfa"] {
        for username in ["stefan_h", "st.huber"] {
            let reply = sign_in(&deployment, contract, username, "Password1234!", None).await;
            assert_eq!(reply.status, 200, "{contract}, {username}");
        }
        let wrong = sign_in(&deployment, contract, "stefan_h", "Password1234?", None).await;
        assert_ne!(wrong.status, 200, "{contract}");
    }
    assert_eq!(deployment.store.users_of_source("5e8f8c1d2f0a4b0017c0ffe0").await.unwrap(), [HUBER]);
}

/// A further username gives no further guesses. An operator who unlocks it unlocks the user's.
#[tokio::test]
async fn attempts_by_a_further_username_count_as_those_by_the_username() {
    let deployment = Deployment::start().await;
    let mut other = deployment.store.user(HUBER).await.unwrap().unwrap();
    other.username = "stefan_h".to_owned();
    deployment
        .store
        .join_user(HUBER, &other, PasswordOf::First, false, deployment.now())
        .await
        .unwrap()
        .unwrap();
    for name in ["stefan_h", "st.huber", "stefan_h", "st.huber", "stefan_h"] {
        assert_eq!(sign_in(&deployment, "mfa", name, "wrong", None).await.status, 401, "{name}");
    }
    for name in ["stefan_h", "st.huber"] {
        assert_eq!(sign_in(&deployment, "mfa", name, "Password1234!", None).await.status, 429, "{name}");
    }
    let counter = raw::name_counter(&deployment, "st.huber").await;
    assert_eq!(raw::failures(&deployment, &counter).await, 5);
    assert_eq!(raw::name_counter(&deployment, "stefan_h").await, counter);
    assert_eq!(raw::own_counter("stefan_h").item(&deployment).await, None);
}
