//! Passwords, the status, login names that are shut, and sessions.

use postern::identity::LoginName;
use serde_json::{Value, json};

use crate::cli::{Cli, PASSWORD};

const SET: [&str; 4] = ["user", "set-password", "johndoe", "--password-stdin"];

#[tokio::test]
async fn a_new_password_ends_every_session_and_token() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    assert_eq!(cli.deployment.sso(&token).await.status, 200);
    cli.type_in(&SET, &format!("{PASSWORD}\n")).await.says(&["set the password of user 1 (johndoe"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.run(&["user", "sessions", "johndoe"]).await.says(&["has no live sessions"]);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 401);
    assert_eq!(cli.sign_in("account", "johndoe", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_new_password_opens_the_users_names() {
    let cli = Cli::start().await;
    for name in ["johndoe", "johndoe@example.com"] {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap();
    }
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 429);
    let output = cli.type_in(&SET, &format!("{PASSWORD}\n")).await;
    output.says(&["johndoe: unlocked, had 33 failures", "johndoe@example.com: unlocked, had 33 failures"]);
    assert_eq!(cli.sign_in("account", "johndoe", PASSWORD).await, 200);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", PASSWORD).await, 200);
}

#[tokio::test]
async fn the_demand_to_change_it_is_dropped_or_made() {
    let cli = Cli::start().await;
    let words = ["user", "set-password", "changer", "--password-stdin"];
    assert_eq!(cli.sign_in("account", "changer", "Password1234!").await, 403);
    cli.type_in(&words, PASSWORD).await.says(&["(changer"]);
    assert_eq!(cli.sign_in("account", "changer", PASSWORD).await, 200);
    cli.type_in(&[&words[..], &["--must-change-password"]].concat(), PASSWORD).await.says(&["(changer"]);
    assert_eq!(cli.sign_in("account", "changer", PASSWORD).await, 403);
}

#[tokio::test]
async fn bad_input_sets_no_password() {
    let cli = Cli::start().await;
    cli.type_in(&SET, "short\n").await.refuses(4, "the password is shorter than 8 bytes");
    cli.type_in(&SET, "").await.refuses(2, "there is no password on standard input");
    cli.run(&["user", "set-password", "johndoe"]).await.refuses(2, "--password-stdin");
    let nobody = ["user", "set-password", "nobody", "--password-stdin"];
    cli.type_in(&nobody, PASSWORD).await.refuses(3, "there is no user nobody");
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let note = cli.type_in(&["user", "set-password", "blocked", "--password-stdin"], PASSWORD).await;
    note.says(&["note: the user is disabled and cannot sign in"]);
}

#[tokio::test]
async fn disabling_ends_tokens_and_enabling_does_not_bring_them_back() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    cli.run(&["user", "disable", "johndoe"]).await.says(&["is now disabled"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 403);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 403);
    cli.run(&["user", "enable", "johndoe"]).await.says(&["enabled user 1", "who was disabled"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);

    let blocked = cli.run(&["user", "disable", "johndoe", "--block", "--json"]).await.json();
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(cli.run(&["user", "show", "1", "--json"]).await.json()["status"], "blocked");
    cli.run(&["user", "enable", "johndoe"]).await.says(&["who was blocked"]);
    cli.run(&["user", "enable", "johndoe"]).await.refuses(4, "is active already");
    cli.run(&["user", "enable", "dormant"]).await.refuses(4, "postern user activate 40");
    for verb in ["disable", "enable", "activate"] {
        cli.run(&["user", verb, "nobody"]).await.refuses(3, "there is no user nobody");
    }
}

#[tokio::test]
async fn only_who_is_not_activated_is_activated() {
    let cli = Cli::start().await;
    cli.run(&["user", "activate", "dormant"]).await.says(&["activated user 40"]);
    assert_eq!(cli.sign_in("account", "dormant", "Password1234!").await, 200);
    cli.run(&["user", "activate", "dormant"]).await.refuses(4, "is active already");
    cli.run(&["user", "activate", "blocked"]).await.refuses(4, "postern user enable 42");
    assert_eq!(cli.sign_in("account", "blocked", "Password1234!").await, 403);
    // Even where the status changes between the look and the write.
    assert!(!cli.deployment.store.activate(42, cli.deployment.now()).await.unwrap());
}

#[tokio::test]
async fn unlock_lets_a_shut_name_in() {
    let cli = Cli::start().await;
    let shut = async |name| {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap()
    };
    for name in ["johndoe", "1"] {
        shut("johndoe").await;
        shut("johndoe@example.com").await;
        assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 429);
        let unlocked = cli.run(&["user", "unlock", name, "--json"]).await.json();
        let names = json!([{"name": "johndoe", "failures": 33}, {"name": "johndoe@example.com", "failures": 33},
            {"name": "1", "failures": 0}]);
        assert_eq!(unlocked, json!({"id": 1, "unlocked": names}));
        assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    }

    // A demo name that is nobody's and shut.
    assert_eq!(cli.sign_in("account", "mallory", "x").await, 429);
    let output = cli.run(&["user", "unlock", "Mallory"]).await;
    output.says(&["a login name of nobody's:", "mallory: unlocked, had 33 failures"]);
    assert_eq!(cli.sign_in("account", "mallory", "x").await, 401);
    cli.run(&["user", "unlock", "mallory"]).await.says(&["unlocked, had 1 failure\n"]);
    cli.run(&["user", "unlock", "never.seen"]).await.says(&["never.seen: had no failures"]);
    assert_eq!(cli.run(&["user", "unlock"]).await.code, 2);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let cli = Cli::start().await;
    let body = json!({"username": "johndoe", "password": "SecurePass123!", "stay_logged_in": true,
        "session_information": "old phone"});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    let token = cli.token().await;

    let sessions = cli.run(&["user", "sessions", "johndoe", "--json"]).await.json()["sessions"].clone();
    let mut kinds: Vec<(&str, &Value)> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session| (session["kind"].as_str().unwrap(), &session["device"]))
        .collect();
    kinds.sort_by_key(|(kind, _)| *kind);
    assert_eq!(kinds, [("account", &Value::Null), ("session", &json!("old phone"))]);
    for session in sessions.as_array().unwrap() {
        assert_eq!(session["created_at"].as_str(), cli.deployment.now().iso8601().as_deref());
        assert!(session["expires_at"].as_str() < session["ends_at"].as_str(), "{session}");
    }
    cli.run(&["user", "sessions", "johndoe"]).await.says(&["KIND", "old phone"]);

    cli.run(&["user", "sessions", "johndoe", "--end"]).await.says(&["ended 2 live sessions of user 1"]);
    cli.run(&["user", "sessions", "johndoe"]).await.says(&["has no live sessions"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.run(&["user", "sessions", "nobody", "--end"]).await.refuses(3, "there is no user nobody");
}
