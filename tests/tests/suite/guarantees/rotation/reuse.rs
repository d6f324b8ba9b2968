//! A token that was used before ends its session. The table holds no token.

use std::time::Duration;

use postern::session::{GRACE, SessionSecret, SessionToken};
use postern_tests::deployment::Deployment;
use postern_tests::logs;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::raw::{self, Attribute};
use crate::support::sessions::{KINDS, MOMENT, OWNER, item, policy, refresh, sign_in};

/// Refreshes under a request id. Returns the outcome and the user id of its one audit event.
pub(super) async fn audited(
    deployment: &Deployment,
    kind: &'static str,
    token: &SessionToken,
    id: &str,
) -> (bool, Value, Value) {
    let mut caller = deployment.caller(kind);
    caller.request_id = id.to_owned();
    let granted = deployment.app.refresh(&caller, token, &policy(kind)).await.unwrap().is_some();
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = lines.filter(|line| line["request_id"] == json!(id)).collect();
    let [event] = events.as_slice() else { panic!("{id}: {events:?}") };
    // The metrics of sign-ins are made of lines with another message, so a refresh does not count as a
    // sign-in.
    assert_eq!((&event["message"], &event["contract"]), (&json!("session"), &json!(kind)), "{id}");
    (granted, event["outcome"].clone(), event.get("user_id").cloned().unwrap_or_default())
}

#[tokio::test]
async fn token_reused_after_the_grace_ends_the_session_for_thief_and_victim() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let stolen = sign_in(&deployment, kind).await;
        let elsewhere = sign_in(&deployment, kind).await;
        let victims = refresh(&deployment, kind, &stolen).await.unwrap();
        deployment.advance(GRACE - MOMENT);
        let id = |what: &str| format!("reuse-{kind}-{what}");
        let good = (true, json!("session_refreshed"), json!(OWNER));
        assert_eq!(audited(&deployment, kind, &stolen, &id("in time")).await, good);
        deployment.advance(MOMENT);
        let victims = refresh(&deployment, kind, &victims).await.unwrap();
        let reused = (false, json!("session_reused"), json!(OWNER));
        assert_eq!(audited(&deployment, kind, &stolen, &id("too late")).await, reused);
        assert_eq!(item(&deployment, &stolen).await, None, "{kind}");
        let gone = (false, json!("session_invalid"), Value::Null);
        assert_eq!(audited(&deployment, kind, &victims, &id("victim")).await, gone);
        assert_eq!(audited(&deployment, kind, &stolen, &id("again")).await, gone);
        assert!(refresh(&deployment, kind, &elsewhere).await.is_some(), "{kind}: another session lives on");
    }
}

/// The thief refreshes first, several times. The session knows of the victim's token only that it was used.
#[tokio::test]
async fn token_older_than_the_previous_ends_the_session_even_within_the_grace() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let stolen = sign_in(&deployment, kind).await;
        let second = refresh(&deployment, kind, &stolen).await.unwrap();
        deployment.advance(GRACE);
        let third = refresh(&deployment, kind, &second).await.unwrap();
        assert!(refresh(&deployment, kind, &stolen).await.is_none(), "{kind}");
        for token in [&second, &third, &stolen] {
            assert!(refresh(&deployment, kind, token).await.is_none(), "{kind}");
        }
        assert_eq!(item(&deployment, &stolen).await, None, "{kind}");
    }
}

#[tokio::test]
async fn guessed_secret_ends_the_session_and_guessed_family_ends_nothing() {
    let deployment = Deployment::start().await;
    for kind in KINDS {
        let token = sign_in(&deployment, kind).await;
        let mut unknown_tokens = vec![
            SessionToken { family: "0000000000".to_owned(), ..token.clone() },
            SessionToken { family: token.family.to_lowercase() + "x", ..token.clone() },
            SessionToken { family: String::new(), ..token.clone() },
        ];
        unknown_tokens.extend([0, 1, 34, u64::MAX].map(|user_id| SessionToken { user_id, ..token.clone() }));
        for (at, token_of_nobody) in unknown_tokens.iter().enumerate() {
            let id = format!("guess-{kind}-{at}");
            let unknown = (false, json!("session_invalid"), Value::Null);
            assert_eq!(audited(&deployment, kind, token_of_nobody, &id).await, unknown);
        }
        let token = refresh(&deployment, kind, &token).await.expect("nothing was ended");
        for secret in
            ["", "guess", &token.secret[1..], &token.family, &crate::support::sessions::sha256(&token.secret)]
        {
            let token = sign_in(&deployment, kind).await;
            let guess = SessionToken { secret: SessionSecret::base62(secret), ..token.clone() };
            assert!(refresh(&deployment, kind, &guess).await.is_none(), "{kind} {secret}");
            assert_eq!(item(&deployment, &token).await, None, "{kind} {secret}");
        }
    }
}

#[tokio::test]
async fn table_holds_no_token_secret_or_successor_in_the_clear() {
    let deployment = Deployment::start().await;
    let mut words = Vec::new();
    for kind in KINDS {
        let mut token = sign_in(&deployment, kind).await;
        for _ in 0..4 {
            words.extend([token.to_plain(), token.secret.to_string(), token.family.clone()]);
            token = refresh(&deployment, kind, &token).await.unwrap();
            deployment.advance(GRACE + Duration::from_secs(1));
        }
        words.extend([token.to_plain(), token.secret.to_string()]);
    }
    let table = format!("{:?}", raw::all(&deployment).await);
    let logged = logs::so_far();
    for word in &words {
        assert!(!table.contains(word.as_str()), "{word} is stored");
        assert!(!logged.contains(word.as_str()), "{word} is logged");
    }
}

/// The token and the nonce give the successor. What is stored does not.
#[tokio::test]
async fn successor_cannot_be_derived_from_the_item_alone() {
    let deployment = Deployment::start().await;
    let token = sign_in(&deployment, "email").await;
    let next = refresh(&deployment, "email", &token).await.unwrap();
    let item = item(&deployment, &token).await.unwrap();
    let words: Vec<&str> = item
        .values()
        .filter_map(|value| match value {
            Attribute::S(word) | Attribute::N(word) => Some(word.as_str()),
            _ => None,
        })
        .collect();
    let Attribute::S(nonce) = &item["derived_with"] else { panic!("{item:?}") };
    let derive = |key: &str, message: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hex::encode(hmac::sign(&key, message.as_bytes()).as_ref())[..32].to_owned()
    };
    assert_eq!(derive(&token.secret, &format!("postern refresh{nonce}")), *next.secret);
    for key in words.iter().chain(&["", "postern refresh"]) {
        for word in &words {
            for message in [(*word).to_owned(), format!("postern refresh{word}")] {
                assert_ne!(derive(key, &message), *next.secret, "{key} {message}");
            }
        }
    }
    assert!(words.iter().all(|word| !word.contains(&*next.secret) && !word.contains(&*token.secret)));
}
