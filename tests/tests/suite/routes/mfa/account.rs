//! `GET /whoami/jwt` and `GET /account/jwt`.

use std::collections::BTreeSet;
use std::time::Duration;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::Written;
use postern_tests::deployment::Deployment;
use serde_json::{Value, json};

use crate::support::jwt::{encode, mint, mint_with};
use crate::support::mfa::{HUBER, MOMENT, PASSWORD, assert_unauthenticated};
use crate::support::signed_in::{ACCOUNT, HeldToken, WHOAMI, audited, everything, get, mfa_jwt, with};
use crate::support::words::{headers, unlimited};

const ROUTES: [&str; 2] = [WHOAMI, ACCOUNT];
const INVALID: &str = r#"Bearer error="invalid_token""#;
const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

const MEMBERS: [&str; 20] = [
    "id",
    "bio",
    "consent",
    "control",
    "createdAt",
    "email",
    "github",
    "img",
    "imperial",
    "initial",
    "language",
    "lastSignIn",
    "mfaEnabled",
    "newsletter",
    "patron",
    "role",
    "status",
    "updatedAt",
    "username",
    "lusername",
];

/// Claims as another backend signs them with the shared key.
fn claims(deployment: &Deployment, more: Value) -> Value {
    let iat = deployment.now().secs();
    let all = json!({
        "_id": HUBER, "username": "st.huber", "role": "user", "status": 1,
        "aud": "postern", "iss": "postern", "iat": iat, "exp": iat + 3600,
    });
    with(all, more)
}

async fn assert_none_shown(deployment: &Deployment, token: &str, of: &str) {
    for path in ROUTES {
        assert_unauthenticated(&get(deployment, "mfa", path, token).await, INVALID, of);
    }
}

#[tokio::test]
async fn account_equals_that_of_the_sign_in() {
    let deployment = unlimited().await;
    for (name, password) in
        [("jimmy", "correct horse battery staple"), ("johndoe", "SecurePass123!"), ("Zoë", "pässwörd ☃")]
    {
        let signed_in = deployment.password("mfa", name, password).await.json();
        let token = signed_in["token"].as_str().unwrap();
        deployment.advance(Duration::from_secs(1));
        for path in ROUTES {
            let reply = get(&deployment, "mfa", path, token).await;
            assert_eq!((reply.status, &reply.headers), (200, &headers(json!({}))), "{name}");
            let body = reply.json();
            assert_eq!(body, json!({"result": "success", "account": signed_in["account"]}), "{name}");
            let members: BTreeSet<&str> =
                body["account"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, BTreeSet::from(MEMBERS));
        }
    }
}

#[tokio::test]
async fn request_without_a_valid_jwt_shows_nothing() {
    let deployment = unlimited().await;
    for path in ROUTES {
        for headers in [&[][..], &[("authorization", "Basic c3QuaHViZXI6eA==")]] {
            let reply = deployment.request("mfa", "GET", path, headers, "").await;
            assert_unauthenticated(&reply, "Bearer", "no token");
        }
    }
    for token in ["", "nonsense", "a.b.c", "☃"] {
        assert_none_shown(&deployment, token, token).await;
    }
    for HeldToken(what, token) in everything(&deployment, "st.huber", PASSWORD, &[]).await {
        if what != "mfa JWT" {
            assert_none_shown(&deployment, &token, what).await;
        }
    }
    let iat = deployment.now().secs();
    for more in [
        json!({"exp": iat}),
        json!({"aud": "another"}),
        json!({"aud": null}),
        json!({"aud": ["postern"]}),
        json!({"iss": "another"}),
        json!({"iss": "email"}),
        json!({"iss": "lumen-jwt"}),
        json!({"_id": "33"}),
        json!({"_id": 999}),
        json!({"_id": -33}),
        json!({"iat": null}),
        json!({"iat": iat + 61}),
        json!({"epoch": 1}),
        json!({"epoch": "0"}),
    ] {
        assert_none_shown(&deployment, &mint(HS256, &claims(&deployment, more.clone())), &more.to_string())
            .await;
    }
    let good = claims(&deployment, json!({}));
    let forged = mint_with(b"another key, which no function ever had", HS256, &good);
    assert_none_shown(&deployment, &forged, "another key").await;
    let unsigned = format!("{}.{}.", encode(br#"{"alg":"none"}"#), encode(good.to_string().as_bytes()));
    assert_none_shown(&deployment, &unsigned, "no signature").await;
    for path in ROUTES {
        assert_eq!(
            get(&deployment, "mfa", path, &mint(HS256, &good)).await.status,
            200,
            "nothing wrong with it"
        );
    }
}

#[tokio::test]
async fn jwt_expires_after_a_week_to_the_second() {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    deployment.advance(Duration::from_millis(7 * 24 * 3_600_000 - 1));
    assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 200);
    deployment.advance(Duration::from_millis(1));
    assert_none_shown(&deployment, &token, "a week later").await;
}

#[tokio::test]
async fn jwt_that_an_operator_ends_is_refused_at_once() {
    let deployment = unlimited().await;
    let hash = deployment.app.passwords().hash(PASSWORD, [7; 16]).unwrap();
    for must_change in [false, true] {
        let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
        assert_eq!(get(&deployment, "mfa", WHOAMI, &token).await.status, 200);
        assert_eq!(
            deployment.store.set_password(HUBER, &hash, must_change, deployment.now()).await.unwrap(),
            Written::Done
        );
        assert_none_shown(&deployment, &token, "the password is set").await;
    }
    assert_eq!(
        deployment.store.set_password(HUBER, &hash, false, deployment.now()).await.unwrap(),
        Written::Done
    );
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    assert_eq!(deployment.store.end_sessions(HUBER, deployment.now()).await.unwrap(), Written::Done);
    assert_none_shown(&deployment, &token, "all sessions are ended").await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    for status in [Status::Disabled, Status::Blocked] {
        assert_eq!(
            deployment.store.set_status(HUBER, status, deployment.now()).await.unwrap(),
            Written::Done
        );
        assert_none_shown(&deployment, &token, "disabled").await;
    }
    assert_eq!(
        deployment.store.set_status(HUBER, Status::Active, deployment.now()).await.unwrap(),
        Written::Done
    );
    assert_none_shown(&deployment, &token, "active again").await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    let user = deployment.store.user(HUBER).await.unwrap().unwrap();
    assert_eq!(deployment.store.delete_user(&user).await, Ok(Written::Done));
    assert_none_shown(&deployment, &token, "deleted").await;
}

#[tokio::test]
async fn jwt_of_another_backend_is_valid_until_all_sessions_end() {
    let deployment = unlimited().await;
    let at = |iat: Value| mint(HS256, &claims(&deployment, json!({"iat": iat})));
    let now = deployment.now().secs();
    let (old, exact, ahead) = (at(json!(now)), at(json!(now + 10)), at(json!(now + 60)));
    for token in [&old, &exact, &ahead, &at(json!(now as f64 + 0.5))] {
        assert_eq!(get(&deployment, "mfa", WHOAMI, token).await.status, 200);
    }
    deployment.set_time(Timestamp::from_millis((now + 10) * 1000));
    assert_eq!(deployment.store.end_sessions(HUBER, deployment.now()).await.unwrap(), Written::Done);
    assert_none_shown(&deployment, &old, "issued before").await;
    assert_none_shown(&deployment, &at(json!(now as f64 + 9.999)), "issued a moment before").await;
    for token in [&exact, &ahead] {
        assert_eq!(get(&deployment, "mfa", WHOAMI, token).await.status, 200, "issued since");
    }
}

#[tokio::test]
async fn every_request_leaves_one_audit_event() {
    let deployment = unlimited().await;
    let token = mfa_jwt(&deployment, "st.huber", PASSWORD, None).await;
    for (at, (token, outcome, user_id)) in [
        (Some(token.as_str()), "token_accepted", json!(HUBER)),
        (Some("nonsense"), "bad_token", json!(null)),
        (None, "no_token", json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let (_, events) =
            audited(&deployment, "mfa", WHOAMI, token, &Value::Null, &format!("mfa-whoami-{at}")).await;
        assert_eq!(events, [json!(["session", outcome, user_id])]);
    }
}
