//! Replies with members and words that no sample event shows. Most need what no sample event can have: a code of this
//! moment, other keys, other attributes, or a token that has expired. The others are refusals that have a sample event
//! already, here in other words.

use std::time::Duration;

use postern::password_reset::MAX_TRIES;
use postern::store::operator::{ChangeOutcome, UserChange};
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::table::DISCOVERY_ISSUER;
use serde_json::{Value, json};

use super::shown::Shown;
use crate::support::forge;
use crate::support::mfa::{begin, confirmation};
use crate::support::operations::{self, Maker};
use crate::support::raw;
use crate::support::reset::{self, CHECK, RESET, RESET_BY_LINK, SEND};
use crate::support::signed_in::{CHANGE_PASSWORD, MFA, RESUME, code, mfa_jwt, set, with};
use crate::support::words::unlimited;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const PASSWORD: &str = "Password1234!";

pub(super) async fn all() -> Vec<Shown> {
    let deployment = unlimited().await;
    let mut shown = of_other_bodies(&deployment).await;
    shown.push(of_a_confirmed_enrolment(&deployment).await);
    shown.extend(of_other_roles(&deployment).await);
    shown.extend(of_resets().await);
    shown.push(of_an_expired_token(&deployment).await);
    shown.extend(of_all_kinds_of_keys().await);
    shown.extend(of_no_issuer().await);
    shown
}

/// A reply to a request that is made here.
async fn send(
    deployment: &Deployment,
    contract: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Shown {
    let reply = deployment.request(contract, method, path, headers, body).await;
    to(contract, method, path, format!("{path} {body:.40}"), reply)
}

fn to(contract: &str, method: &str, path: &str, how: String, reply: Reply) -> Shown {
    let route = path.strip_suffix('/').unwrap_or(path);
    let is_asked = |each: &&operations::Operation| {
        each.description.name == contract && each.method == method && each.route() == route
    };
    let operation = *operations::all().iter().find(is_asked).unwrap();
    Shown { operation, how, maker: Maker::Function, reply }
}

async fn of_other_bodies(deployment: &Deployment) -> Vec<Shown> {
    let change = |username: &str, new: &str| {
        json!({"username": username, "old_password": PASSWORD, "new_password": new}).to_string()
    };
    let new = "a new one, long enough";
    let wrong_types = json!({
        "username": 1, "password": 2, "old_password": 3, "new_password": 4, "session_information": 5,
        "stay_logged_in": "perhaps", "session_token": 6, "code": null,
    })
    .to_string();
    let bodies = [
        ("session", "/api/auth/signin", JSON, wrong_types.clone()),
        ("session", RESUME, JSON, wrong_types.clone()),
        ("session", CHANGE_PASSWORD, JSON, wrong_types.clone()),
        ("session", CHECK, JSON, wrong_types.clone()),
        ("session", CHECK, JSON, reset::body("").to_string()),
        ("session", RESET, JSON, reset::body("").to_string()),
        ("session", RESET, JSON, wrong_types),
        (
            "session",
            RESET,
            JSON,
            with(reset::body("changer"), json!({"new_password": "x".repeat(1025)})).to_string(),
        ),
        ("session", CHANGE_PASSWORD, JSON, change("changer", &"x".repeat(1025))),
        ("session", CHANGE_PASSWORD, JSON, change("", new)),
        ("session", CHANGE_PASSWORD, JSON, change("guarded", new)),
        ("session", CHANGE_PASSWORD, JSON, change("dormant", new)),
        ("account", "/oauth/revoke_token/", FORM, "token=x&client_id=another".to_owned()),
        ("account", "/oauth/revoke_token/", JSON, json!({"token": "x"}).to_string()),
    ];
    let mut shown = Vec::new();
    for (contract, path, kind, body) in &bodies {
        shown.push(send(deployment, contract, "POST", path, &[("content-type", kind)], body).await);
    }
    shown
}

/// Resets of users whose codes are used up, who may not sign in, who have no e-mail address, or who have asked too
/// often.
async fn of_resets() -> Vec<Shown> {
    let deployment = unlimited().await;
    let mut shown = Vec::new();
    let mut post = async |contract: &str, path: &str, body: Value| {
        let headers = [("content-type", JSON)];
        shown.push(send(&deployment, contract, "POST", path, &headers, &body.to_string()).await);
    };
    reset::put_digits(&deployment, 33).await;
    let wrong = json!({"username": "st.huber", "code": "000000"});
    for _ in 0..=MAX_TRIES {
        post("session", CHECK, wrong.clone()).await;
    }
    post("session", RESET, reset::body("st.huber")).await;
    reset::put_digits(&deployment, 40).await;
    post("session", RESET, reset::body("dormant")).await;
    reset::put_digits(&deployment, 41).await;
    post("session", RESET, with(reset::body("changer"), json!({"new_password": PASSWORD}))).await;
    for _ in 0..4 {
        post("session", SEND, json!({"username": "st.huber"})).await;
    }
    set(&deployment, 1, "email", raw::text("")).await;
    post("session", SEND, json!({"username": "johndoe"})).await;

    let link = |code: &str, password: &str| json!({"validation_code": code, "password": password});
    let code = reset::put_link(&deployment, 14).await;
    for weak in ["short", &"x".repeat(1025)] {
        post("account", RESET_BY_LINK, link(&code, weak)).await;
    }
    let code = reset::put_link(&deployment, 41).await;
    post("account", RESET_BY_LINK, link(&code, PASSWORD)).await;
    for id in [40, 42] {
        let code = reset::put_link(&deployment, id).await;
        post("account", RESET_BY_LINK, link(&code, reset::NEW)).await;
    }
    shown
}

async fn of_a_confirmed_enrolment(deployment: &Deployment) -> Shown {
    let token = mfa_jwt(deployment, "st.huber", PASSWORD, None).await;
    let secret = begin(deployment, &token).await;
    let body = confirmation(&secret, &code(deployment, &secret, 0)).to_string();
    let headers = [("authorization", format!("Bearer {token}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    send(deployment, "mfa", "POST", MFA, &headers, &body).await
}

/// sso knows three roles, and the demo users have one of them.
async fn of_other_roles(deployment: &Deployment) -> Vec<Shown> {
    let user = deployment.store.user(1).await.unwrap().unwrap();
    let mut shown = Vec::new();
    for role in ["admin", "editor"] {
        let attributes = vec![("sso".to_owned(), "role".to_owned(), json!(role))];
        let change = UserChange { attributes, ..UserChange::default() };
        let outcome = deployment.store.change_user(&user, &change, deployment.now()).await.unwrap();
        assert!(matches!(outcome, ChangeOutcome::Changed(..)));
        let reply = deployment.invoke("sso", deployment.right_sign_in("sso").await).await;
        shown.push(to("sso", "POST", "/api/v2/sso/signin/", role.to_owned(), reply));
    }
    shown
}

async fn of_an_expired_token(deployment: &Deployment) -> Shown {
    let reply = deployment.password("email", "johndoe@example.com", "SecurePass123!").await.json();
    let bearer = format!("Bearer {}", reply["access"].as_str().unwrap());
    deployment.advance(Duration::from_secs(600));
    send(deployment, "email", "GET", "/api/profile/", &[("authorization", &bearer)], "").await
}

/// The key set, and the metadata of an issuer that is also account's.
async fn of_all_kinds_of_keys() -> [Shown; 2] {
    let mut deployment = forge::deployment().await;
    deployment.restart(|env| env.with("ACCOUNT_JWT_ISSUER", DISCOVERY_ISSUER)).await;
    let shown = send(&deployment, "jwks", "GET", "/.well-known/jwks.json", &[], "").await;
    assert_eq!(shown.reply.json()["keys"].as_array().map(Vec::len), Some(3));
    let discovery = send(&deployment, "jwks", "GET", "/.well-known/openid-configuration", &[], "").await;
    [shown, discovery]
}

/// The path of the discovery document is not there if no issuer is set. Every sample event has one.
async fn of_no_issuer() -> Vec<Shown> {
    let mut deployment = unlimited().await;
    deployment.restart(|env| env.with("DISCOVERY_ISSUER", "")).await;
    let mut shown = Vec::new();
    for method in ["GET", "HEAD"] {
        shown.push(send(&deployment, "jwks", method, "/.well-known/openid-configuration", &[], "").await);
    }
    shown
}
