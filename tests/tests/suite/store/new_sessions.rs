//! The session that a sign-in stores. Of its token only hashes are stored.

use postern::clock::Timestamp;
use postern_tests::deployment::{Deployment, credentials, name_at};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::jwt::claims;
use crate::support::raw::{self, Attribute, Item, number, text};

const DAY: u64 = 24 * 3600;

fn sha256(token: &str) -> String {
    hex::encode(digest(&SHA256, token.as_bytes()).as_ref())
}

/// Signs st.huber in. Returns the parts of the token: the user id, the family and the secret.
async fn sign_in(deployment: &Deployment, contract: &str, more: Value) -> (String, String, String) {
    let mut body = credentials(contract, &name_at(contract, "st.huber"), "Password1234!");
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = deployment.sign_in(contract, body).await.json();
    if contract == "email" {
        let claims = claims(reply["refresh"].as_str().unwrap());
        let part = |name: &str| claims[name].as_str().unwrap().to_owned();
        return (claims["user_id"].to_string(), part("sid"), part("jti"));
    }
    let token = reply.pointer("/session_token").or_else(|| reply.pointer("/token/refresh_token")).unwrap();
    let (id, rest) = token.as_str().unwrap().split_at(11);
    let (family, secret) = rest.split_at(10);
    (id.to_owned(), family.to_owned(), secret.to_owned())
}

/// All sessions in the table.
async fn stored(deployment: &Deployment) -> Vec<Item> {
    let is_session = |item: &Item| matches!(&item["pk"], Attribute::S(pk) if pk.starts_with("SESSIONS#"));
    raw::all(deployment).await.into_iter().filter(is_session).collect()
}

#[tokio::test]
async fn session_is_stored_as_hashes_with_its_ends() {
    let now = 1_700_000_000;
    for (contract, more, idle, device, id) in [
        ("account", json!({}), 30 * DAY, None, "0000000000X"),
        ("session", json!({"stay_logged_in": true}), 30 * DAY, None, "0000000000X"),
        (
            "session",
            json!({"stay_logged_in": 1, "session_information": "Firefox ☃"}),
            30 * DAY,
            Some("Firefox ☃"),
            "0000000000X",
        ),
        ("email", json!({}), DAY, None, "33"),
    ] {
        let deployment = Deployment::start().await;
        deployment.set_time(Timestamp::from_millis(now * 1000));
        let (user_id, family, secret) = sign_in(&deployment, contract, more).await;
        assert_eq!(user_id, id, "{contract}");
        let mut expected = Item::from(
            [
                ("pk", text("SESSIONS#33")),
                ("sk", text(&sha256(&family))),
                ("kind", text(contract)),
                ("current_hash", text(&sha256(&secret))),
                ("epoch", number(0)),
                ("created_at", number(now * 1000)),
                // One grace ago, so that the first refresh rotates.
                ("rotated_at", number((now - 30) * 1000)),
                ("expires_at", number(now + idle)),
                ("ends_at", number(now + 365 * DAY)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        expected.extend(device.map(|device| ("device".to_owned(), text(device))));
        assert_eq!(stored(&deployment).await, [expected], "{contract}");
    }
}

#[tokio::test]
async fn sessions_live_as_long_as_the_settings_say() {
    let deployment = Deployment::start_with(|env| {
        env.with("SESSION_IDLE_SECONDS", "500")
            .with("SESSION_ABSOLUTE_SECONDS", "400")
            .with("EMAIL_REFRESH_TOKEN_SECONDS", "300")
    })
    .await;
    let now = deployment.now().secs();
    for (contract, expires) in [("account", 400), ("session", 400), ("email", 300)] {
        sign_in(&deployment, contract, json!({"stay_logged_in": true})).await;
        let sessions = stored(&deployment).await;
        let session = sessions.iter().find(|item| item["kind"] == text(contract)).unwrap();
        assert_eq!(session["expires_at"], number(now + expires), "{contract}");
        assert_eq!(session["ends_at"], number(now + 400), "{contract}");
    }
}

#[tokio::test]
async fn sign_in_without_stay_logged_in_or_refused_leaves_no_session() {
    let deployment = Deployment::start().await;
    assert_eq!(deployment.password("session", "st.huber", "Password1234!").await.status, 200);
    assert_eq!(deployment.password("mfa", "st.huber", "Password1234!").await.status, 200);
    for contract in ["account", "session", "email"] {
        for name in ["johndoe", "blocked", "dormant", "changer", "guarded", "nobody"] {
            let password = if name == "johndoe" { "wrong" } else { "Password1234!" };
            let mut body = credentials(contract, &name_at(contract, name), password);
            body["stay_logged_in"] = json!(true);
            assert_ne!(deployment.sign_in(contract, body).await.status, 200, "{contract} {name}");
        }
    }
    assert_eq!(stored(&deployment).await, Vec::<Item>::new());
}
