//! The routes of a reset answer an unknown name as a known one, in bytes, calls and on a step of time.

use std::time::{Duration, Instant};

use postern::identity::LoginName;
use postern::password_reset::{CodeOwner, MAX_TRIES};
use postern_tests::deployment::{Deployment, Reply};
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::raw;
use crate::support::reset::{
    CHECK, DIGITS, NEW, RECOVER, RESET, RESET_BY_LINK, SECRET, SEND, code_item, put, put_digits, put_link,
};
use crate::support::signed_in::{post, set};

/// What an attacker sees, and what the table sees.
async fn seen(
    deployment: &Deployment,
    proxy: &Proxy,
    (contract, path): (&str, &str),
    body: &Value,
) -> (Reply, Vec<(String, String)>, usize) {
    proxy.calls();
    let reply = post(deployment, contract, path, None, body).await;
    (reply, proxy.requests_of_any_name(), deployment.queued().len())
}

async fn hiding() -> (Deployment, Proxy) {
    let (deployment, proxy) = Proxy::deployment(|env| {
        env.with("HIDE_UNKNOWN_USERS", "true").with("THROTTLE_ADDRESS_LIMIT", "1000000")
    })
    .await;
    set(&deployment, 1, "email", raw::text("")).await;
    (deployment, proxy)
}

#[tokio::test]
async fn request_of_a_code_is_the_same_for_every_name() {
    for (contract, path, member, names) in [
        // The second has no e-mail address, one may not sign in, one is no user, and the last is no username.
        ("session", SEND, "username", ["st.huber", "johndoe", "blocked", "nobody", "jimmy@example.com"]),
        (
            "account",
            RECOVER,
            "email",
            [
                "jimmy@example.com",
                "blocked@example.com",
                "dormant@example.com",
                "nobody@example.com",
                "jimmy",
            ],
        ),
    ] {
        let (deployment, proxy) = hiding().await;
        // Three mails, and one too many. The address may ask for twenty in an hour.
        for mail in 0..4 {
            let mut first = None;
            for name in names {
                let of = seen(&deployment, &proxy, (contract, path), &json!({member: name})).await;
                let first = first.get_or_insert_with(|| of.clone());
                assert_eq!(&of, first, "{path} {name} {mail}");
                assert_eq!((of.1.len(), of.2), (4, usize::from(mail < 3)), "{path} {name} {mail}");
            }
        }
    }
}

#[tokio::test]
async fn wrong_code_is_the_same_for_every_name() {
    let (deployment, proxy) = hiding().await;
    let names = ["st.huber", "johndoe", "blocked", "guarded", "nobody", "jimmy@example.com"];
    let body = |name: &str| json!({"username": name, "code": "407440", "new_password": NEW});
    for path in [CHECK, RESET] {
        // Without a code, with one until it is used up, and when it has expired.
        for (of_code, tries) in [("none", 0), ("put", MAX_TRIES + 1), ("expired", 0)] {
            for name in names {
                let id = [("st.huber", 33), ("johndoe", 1), ("blocked", 42), ("guarded", 43)];
                let id = id.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
                let owner = CodeOwner::of(id, &LoginName::new(name));
                raw::remove(&deployment, &format!("RESET#{owner}"), "session").await;
                if of_code != "none" {
                    put(&deployment, "session", &owner, DIGITS, 0).await;
                }
            }
            if of_code == "expired" {
                deployment.advance(Duration::from_secs(901));
            }
            for _ in 0..=tries {
                let mut first = None;
                for name in names {
                    let of = seen(&deployment, &proxy, ("session", path), &body(name)).await;
                    let first = first.get_or_insert_with(|| of.clone());
                    assert_eq!(&of, first, "{path} {name}, {of_code}");
                    assert_eq!((of.1.len(), of.2), (4, 0), "{path} {name}, {of_code}");
                }
                deployment.advance(Duration::from_secs(1));
            }
        }
        deployment.advance(Duration::from_secs(900));
    }
}

#[tokio::test]
async fn wrong_link_is_the_same_whether_its_user_has_one() {
    let (deployment, proxy) = hiding().await;
    put_link(&deployment, 33).await;
    put_link(&deployment, 43).await;
    let mut first = None;
    for id in ["33", "43", "14", "42", "99"] {
        let code = format!("{id}-{}", SECRET.replace("77e5", "77e4"));
        let body = json!({"validation_code": code, "password": NEW});
        let of = seen(&deployment, &proxy, ("account", RESET_BY_LINK), &body).await;
        assert_eq!(&of, first.get_or_insert_with(|| of.clone()), "{id}");
    }
    assert!(code_item(&deployment, "account", 33).await.is_some());
}

/// Replies that come too early are measured. No machine is too fast.
#[tokio::test]
async fn request_of_a_code_and_refusal_of_a_code_come_on_a_step() {
    const STEP: Duration = Duration::from_millis(500);
    let deployment = Deployment::start_with(|env| env.with("REFUSAL_STEP_MILLISECONDS", "500")).await;
    put_digits(&deployment, 33).await;
    for (contract, path, body, status) in [
        ("session", SEND, json!({"username": "st.huber"}), 200),
        ("session", SEND, json!({"username": "nobody"}), 404),
        ("account", RECOVER, json!({"email": "jimmy@example.com"}), 204),
        ("session", CHECK, json!({"username": "st.huber", "code": "407440"}), 400),
        ("session", CHECK, json!({"username": "nobody", "code": "407440"}), 404),
        ("session", RESET, json!({"username": "st.huber", "code": "407440", "new_password": NEW}), 400),
        ("account", RESET_BY_LINK, json!({"validation_code": "14-0", "password": NEW}), 400),
    ] {
        let began = Instant::now();
        let reply = post(&deployment, contract, path, None, &body).await;
        assert_eq!(reply.status, status, "{path}");
        assert!(began.elapsed() >= STEP, "{path}: {:?}", began.elapsed());
    }
}
