//! A right password that is a common one emits one more audit event, so that an operator sees whom a password spray would
//! find. Nothing else depends on it: no reply, no call to the table, no metric.

use postern_tests::contracts::{self, credentials};
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, event, name_at};
use postern_tests::logs;
use postern_tests::template::Template;
use serde_json::{Value, json};

use super::alarms::{counts, patterns};
use crate::support::mfa::{CODE, GUARDED, HUBER, MOMENT, NEXT};
use crate::support::proxy::Proxy;
use crate::support::raw;
use crate::support::routes::with_id;
use crate::support::session::CHANGER;
use crate::support::signed_in::{CHANGE_PASSWORD, MFA, mfa_jwt, set};
use crate::support::words::unlimited;

/// Gives a user this password, as an import does: no rule for new passwords is asked.
async fn import_password(deployment: &Deployment, user_id: u64, password: &str) {
    let hash = deployment.app.passwords().hash(password, [7; 16]).unwrap();
    set(deployment, user_id, "password_hash", raw::text(&hash)).await;
}

/// The audit events of a request.
fn events_of(request_id: &str) -> Vec<Value> {
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["request_id"] == request_id).collect()
}

/// Sends a sign-in with this request id.
async fn sign_in(
    deployment: &Deployment,
    contract: &str,
    username: &str,
    password: &str,
    code: Option<&str>,
    request_id: &str,
) -> Reply {
    let mut body = credentials(contract, &name_at(contract, username), password);
    if let Some(code) = code {
        body["token"] = json!(code);
    }
    let event = deployment.event(contract, Some(&contracts::body(contract, &body)));
    deployment.invoke(contract, with_id(&event, request_id)).await
}

/// The event of a common password, with each of its members.
fn common_password(deployment: &Deployment, contract: &str, user_id: u64, request_id: &str) -> Value {
    json!({
        "timestamp": deployment.now().iso8601(), "level": "INFO", "message": "password", "contract": contract,
        "outcome": "common_password", "user_id": user_id, "address": "192.0.2.1", "request_id": request_id,
    })
}

/// The attempt has this outcome, and one more event says that its password is a common one.
#[track_caller]
fn assert_flagged(deployment: &Deployment, contract: &str, outcome: &str, user_id: u64, request_id: &str) {
    let events = events_of(request_id);
    let [attempt, common] = events.as_slice() else { panic!("{request_id}: {events:?}") };
    assert_eq!((&attempt["message"], &attempt["outcome"]), (&json!("sign-in attempt"), &json!(outcome)));
    assert_eq!(*common, common_password(deployment, contract, user_id, request_id));
}

#[tokio::test]
async fn right_password_that_is_common_emits_one_more_event_whatever_the_outcome() {
    for contract in PASSWORD_ROUTES {
        let deployment = unlimited().await;
        for (at, (username, user_id, password, code, outcome)) in [
            ("johndoe", 1, "123456", None, "signed_in"),
            ("johndoe", 1, "LetMeIn", None, "signed_in"),
            ("johndoe", 1, "JohnDoe", None, "signed_in"),
            ("johndoe", 1, "johndoe@example.com", None, "signed_in"),
            ("dormant", 40, "qwerty", None, "not_activated"),
            ("changer", CHANGER, "qwerty", None, "must_change_password"),
            ("blocked", 42, "qwerty", None, "disabled"),
            ("guarded", GUARDED, "qwerty", None, "mfa_required"),
            ("guarded", GUARDED, "qwerty", Some("no code"), "wrong_code"),
        ]
        .into_iter()
        .enumerate()
        {
            import_password(&deployment, user_id, password).await;
            let id = format!("common {contract} {at}");
            sign_in(&deployment, contract, username, password, code, &id).await;
            assert_flagged(&deployment, contracts::of_route(contract), outcome, user_id, &id);
        }
    }
}

/// A guess says nothing about the user, and the guesses of an attacker would be most of the events.
#[tokio::test]
async fn wrong_password_emits_no_such_event_however_common_it_is() {
    for contract in PASSWORD_ROUTES {
        let deployment = unlimited().await;
        import_password(&deployment, 1, "qwerty").await;
        for (username, password, outcome) in [
            ("johndoe", "123456", "wrong_password"),
            ("johndoe", "Qwerty", "wrong_password"),
            ("nobody", "123456", "unknown_user"),
            ("nobody", "nobody", "unknown_user"),
            ("mallory", "123456", "throttled"),
        ] {
            let id = format!("no common {contract} {username} {password}");
            sign_in(&deployment, contract, username, password, None, &id).await;
            let events = events_of(&id);
            let [attempt] = events.as_slice() else { panic!("{id}: {events:?}") };
            assert_eq!(attempt["outcome"], outcome, "{id}");
        }
    }
}

/// After the change, nobody has the old password.
#[tokio::test]
async fn password_that_must_be_changed_is_flagged_until_it_is_changed() {
    let deployment = unlimited().await;
    for (user_id, username, new, outcome) in [
        (1, "johndoe", "a phrase nobody else has", "password_change_not_needed"),
        (CHANGER, "changer", "Changer@example.com", "weak_password"),
        (CHANGER, "changer", "a phrase nobody else has", "password_changed"),
    ] {
        import_password(&deployment, user_id, "qwerty").await;
        let id = format!("common change {outcome}");
        let body = json!({"username": username, "old_password": "qwerty", "new_password": new});
        let request = event("POST", CHANGE_PASSWORD, &[], Some(&body.to_string()));
        deployment.invoke("session", with_id(&request, &id)).await;
        if outcome == "password_changed" {
            let events = events_of(&id);
            let [attempt] = events.as_slice() else { panic!("{id}: {events:?}") };
            assert_eq!(attempt["outcome"], outcome);
        } else {
            assert_flagged(&deployment, "session", outcome, user_id, &id);
        }
    }
}

#[tokio::test]
async fn password_of_a_change_of_mfa_is_flagged() {
    let deployment = unlimited().await;
    deployment.set_time(MOMENT);
    for (user_id, username, code, body, outcome) in [
        (HUBER, "st.huber", None, json!({"mfa": true, "password": "qwerty"}), "mfa_begun"),
        (
            GUARDED,
            "guarded",
            Some(CODE),
            json!({"mfa": false, "password": "qwerty", "token": NEXT}),
            "mfa_disabled",
        ),
    ] {
        import_password(&deployment, user_id, "qwerty").await;
        let bearer = format!("Bearer {}", mfa_jwt(&deployment, username, "qwerty", code).await);
        let id = format!("common {outcome}");
        let request = event("POST", MFA, &[("authorization", &bearer)], Some(&body.to_string()));
        assert_eq!(deployment.invoke("mfa", with_id(&request, &id)).await.status, 200, "{outcome}");
        let events = events_of(&id);
        let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes, ["token_accepted", outcome, "common_password"]);
        assert_eq!(events[2], common_password(&deployment, "mfa", user_id, &id));
    }
}

/// The caller sees no difference, and neither does the table.
#[tokio::test]
async fn common_password_changes_no_reply_and_no_call() {
    for contract in PASSWORD_ROUTES {
        let (deployment, proxy) =
            Proxy::deployment(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1000000")).await;
        for (username, user_id) in [("johndoe", 1), ("blocked", 42)] {
            let name = name_at(contract, username);
            let mut seen = Vec::new();
            for (password, is_common) in [("1q9zT#kx", false), ("password", true)] {
                import_password(&deployment, user_id, password).await;
                raw::forget_addresses(&deployment, &name).await;
                proxy.calls();
                let before = deployment.app.passwords().verifications();
                let reply = deployment.password(contract, &name, password).await;
                // Tokens differ, and are of one length.
                let text = if reply.status == 200 { reply.text.len().to_string() } else { reply.text };
                let hashes = deployment.app.passwords().verifications() - before;
                seen.push((reply.status, reply.headers, text, hashes, proxy.requests()));
                let id = format!("calls {contract} {username} {password}");
                sign_in(&deployment, contract, username, password, None, &id).await;
                assert_eq!(events_of(&id).len(), 1 + usize::from(is_common), "{id}");
            }
            assert_eq!(seen[0], seen[1], "{contract} {username}");
        }
    }
}

/// No alarm and no metric counts it: its attempt is counted already.
#[tokio::test]
async fn event_of_a_common_password_is_counted_by_no_filter() {
    let deployment = Deployment::start().await;
    import_password(&deployment, 1, "qwerty").await;
    sign_in(&deployment, "account", "johndoe", "qwerty", None, "common, not counted").await;
    let events = events_of("common, not counted");
    let template = Template::read();
    for (name, pattern) in patterns(&template) {
        assert!(!counts(pattern, &events[1]), "{name}: {pattern}");
    }
}
