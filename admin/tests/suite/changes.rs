//! Passwords, the status, login names that are shut, and sessions.

use postern::name::LoginName;
use serde_json::{Value, json};

use crate::desk::{Desk, PASSWORD};

const SET: [&str; 4] = ["user", "set-password", "johndoe", "--password-stdin"];

#[tokio::test]
async fn a_new_password_ends_every_session_and_token() {
    let desk = Desk::start().await;
    let token = desk.token().await;
    assert_eq!(desk.stand.sso(&token).await.status, 200);
    desk.type_in(&SET, &format!("{PASSWORD}\n")).await.says(&["set the password of user 1 (johndoe"]);
    assert_eq!(desk.stand.sso(&token).await.status, 401);
    desk.run(&["user", "sessions", "johndoe"]).await.says(&["has no live sessions"]);
    assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 401);
    assert_eq!(desk.sign_in("account", "johndoe", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_new_password_opens_the_users_names() {
    let desk = Desk::start().await;
    for name in ["johndoe", "johndoe@example.com"] {
        desk.stand.store.shut_name(&LoginName::new(name), desk.stand.now()).await.unwrap();
    }
    assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 429);
    let said = desk.type_in(&SET, &format!("{PASSWORD}\n")).await;
    said.says(&["johndoe: unlocked, had 33 failures", "johndoe@example.com: unlocked, had 33 failures"]);
    assert_eq!(desk.sign_in("account", "johndoe", PASSWORD).await, 200);
    assert_eq!(desk.sign_in("email", "johndoe@example.com", PASSWORD).await, 200);
}

#[tokio::test]
async fn the_demand_to_change_it_is_dropped_or_made() {
    let desk = Desk::start().await;
    let words = ["user", "set-password", "changer", "--password-stdin"];
    assert_eq!(desk.sign_in("account", "changer", "Password1234!").await, 403);
    desk.type_in(&words, PASSWORD).await.says(&["(changer"]);
    assert_eq!(desk.sign_in("account", "changer", PASSWORD).await, 200);
    desk.type_in(&[&words[..], &["--must-change-password"]].concat(), PASSWORD).await.says(&["(changer"]);
    assert_eq!(desk.sign_in("account", "changer", PASSWORD).await, 403);
}

#[tokio::test]
async fn bad_input_sets_no_password() {
    let desk = Desk::start().await;
    desk.type_in(&SET, "short\n").await.refuses(4, "the password is shorter than 8 bytes");
    desk.type_in(&SET, "").await.refuses(2, "there is no password on standard input");
    desk.run(&["user", "set-password", "johndoe"]).await.refuses(2, "--password-stdin");
    let nobody = ["user", "set-password", "nobody", "--password-stdin"];
    desk.type_in(&nobody, PASSWORD).await.refuses(3, "there is no user nobody");
    assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let note = desk.type_in(&["user", "set-password", "blocked", "--password-stdin"], PASSWORD).await;
    note.says(&["note: the user is disabled and cannot sign in"]);
}

#[tokio::test]
async fn disabling_ends_tokens_and_enabling_does_not_bring_them_back() {
    let desk = Desk::start().await;
    let token = desk.token().await;
    desk.run(&["user", "disable", "johndoe"]).await.says(&["is now disabled"]);
    assert_eq!(desk.stand.sso(&token).await.status, 403);
    assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 403);
    desk.run(&["user", "enable", "johndoe"]).await.says(&["enabled user 1", "who was disabled"]);
    assert_eq!(desk.stand.sso(&token).await.status, 401);
    assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 200);

    let blocked = desk.run(&["user", "disable", "johndoe", "--block", "--json"]).await.json();
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(desk.run(&["user", "show", "1", "--json"]).await.json()["status"], "blocked");
    desk.run(&["user", "enable", "johndoe"]).await.says(&["who was blocked"]);
    desk.run(&["user", "enable", "johndoe"]).await.refuses(4, "is active already");
    desk.run(&["user", "enable", "dormant"]).await.refuses(4, "postern user activate 40");
    for verb in ["disable", "enable", "activate"] {
        desk.run(&["user", verb, "nobody"]).await.refuses(3, "there is no user nobody");
    }
}

#[tokio::test]
async fn only_who_is_not_activated_is_activated() {
    let desk = Desk::start().await;
    desk.run(&["user", "activate", "dormant"]).await.says(&["activated user 40"]);
    assert_eq!(desk.sign_in("account", "dormant", "Password1234!").await, 200);
    desk.run(&["user", "activate", "dormant"]).await.refuses(4, "is active already");
    desk.run(&["user", "activate", "blocked"]).await.refuses(4, "postern user enable 42");
    assert_eq!(desk.sign_in("account", "blocked", "Password1234!").await, 403);
    // Even where the status changes between the look and the write.
    assert!(!desk.stand.store.activate(42, desk.stand.now()).await.unwrap());
}

#[tokio::test]
async fn unlock_lets_a_shut_name_in() {
    let desk = Desk::start().await;
    let shut =
        async |name| desk.stand.store.shut_name(&LoginName::new(name), desk.stand.now()).await.unwrap();
    for name in ["johndoe", "1"] {
        shut("johndoe").await;
        shut("johndoe@example.com").await;
        assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 429);
        let unlocked = desk.run(&["user", "unlock", name, "--json"]).await.json();
        let names = json!([{"name": "johndoe", "failures": 33}, {"name": "johndoe@example.com", "failures": 33},
            {"name": "1", "failures": 0}]);
        assert_eq!(unlocked, json!({"id": 1, "unlocked": names}));
        assert_eq!(desk.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    }

    // A demo name that is nobody's and shut.
    assert_eq!(desk.sign_in("account", "mallory", "x").await, 429);
    let said = desk.run(&["user", "unlock", "Mallory"]).await;
    said.says(&["a login name of nobody's:", "mallory: unlocked, had 33 failures"]);
    assert_eq!(desk.sign_in("account", "mallory", "x").await, 401);
    desk.run(&["user", "unlock", "mallory"]).await.says(&["unlocked, had 1 failure\n"]);
    desk.run(&["user", "unlock", "never.seen"]).await.says(&["never.seen: had no failures"]);
    assert_eq!(desk.run(&["user", "unlock"]).await.code, 2);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let desk = Desk::start().await;
    let body = json!({"username": "johndoe", "password": "SecurePass123!", "stay_logged_in": true,
        "session_information": "old phone"});
    assert_eq!(desk.stand.sign_in("session", body).await.status, 200);
    let token = desk.token().await;

    let sessions = desk.run(&["user", "sessions", "johndoe", "--json"]).await.json()["sessions"].clone();
    let mut kinds: Vec<(&str, &Value)> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session| (session["kind"].as_str().unwrap(), &session["device"]))
        .collect();
    kinds.sort_by_key(|(kind, _)| *kind);
    assert_eq!(kinds, [("account", &Value::Null), ("session", &json!("old phone"))]);
    for session in sessions.as_array().unwrap() {
        assert_eq!(session["created_at"].as_str(), desk.stand.now().iso8601().as_deref());
        assert!(session["expires_at"].as_str() < session["ends_at"].as_str(), "{session}");
    }
    desk.run(&["user", "sessions", "johndoe"]).await.says(&["KIND", "old phone"]);

    desk.run(&["user", "sessions", "johndoe", "--end"]).await.says(&["ended 2 live sessions of user 1"]);
    desk.run(&["user", "sessions", "johndoe"]).await.says(&["has no live sessions"]);
    assert_eq!(desk.stand.sso(&token).await.status, 401);
    desk.run(&["user", "sessions", "nobody", "--end"]).await.refuses(3, "there is no user nobody");
}
