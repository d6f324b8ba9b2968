//! Passwords, the status, locked login names, and sessions.

use postern::identity::LoginName;
use postern::store::Written;
use postern::throttle::Policy;
use serde_json::{Value, json};

use crate::cli::{Cli, PASSWORD};

const LOCK_AFTER: u32 = Policy::DEFAULT.lock_after;
const SET: [&str; 4] = ["user", "set-password", "johndoe", "--password-stdin"];

#[tokio::test]
async fn new_password_ends_every_session_and_token() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    assert_eq!(cli.deployment.sso(&token).await.status, 200);
    cli.run_with_input(&SET, &format!("{PASSWORD}\n")).await.prints(&["set the password of user 1 (johndoe"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.run(&["user", "sessions", "johndoe"]).await.prints(&["has no live sessions"]);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 401);
    assert_eq!(cli.sign_in("account", "johndoe", PASSWORD).await, 200);
}

#[tokio::test]
async fn new_password_unlocks_the_users_names() {
    let cli = Cli::start().await;
    for name in ["johndoe", "johndoe@example.com"] {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap();
    }
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 429);
    let output = cli.run_with_input(&SET, &format!("{PASSWORD}\n")).await;
    output.prints(&["johndoe: unlocked, had 25 failures", "johndoe@example.com: unlocked, had 25 failures"]);
    assert_eq!(cli.sign_in("account", "johndoe", PASSWORD).await, 200);
    assert_eq!(cli.sign_in("email", "johndoe@example.com", PASSWORD).await, 200);
}

#[tokio::test]
async fn set_password_sets_or_clears_must_change_password() {
    let cli = Cli::start().await;
    let words = ["user", "set-password", "changer", "--password-stdin"];
    assert_eq!(cli.sign_in("account", "changer", "Password1234!").await, 403);
    cli.run_with_input(&words, PASSWORD).await.prints(&["(changer"]);
    assert_eq!(cli.sign_in("account", "changer", PASSWORD).await, 200);
    cli.run_with_input(&[&words[..], &["--must-change-password"]].concat(), PASSWORD)
        .await
        .prints(&["(changer"]);
    assert_eq!(cli.sign_in("account", "changer", PASSWORD).await, 403);
}

#[tokio::test]
async fn set_password_with_bad_input_changes_nothing() {
    let cli = Cli::start().await;
    cli.run_with_input(&SET, "short\n").await.fails_with(4, "the password is shorter than 8 characters");
    cli.run_with_input(&SET, "").await.fails_with(2, "there is no password on standard input");
    cli.run(&["user", "set-password", "johndoe"]).await.fails_with(2, "--password-stdin");
    let nobody = ["user", "set-password", "nobody", "--password-stdin"];
    cli.run_with_input(&nobody, PASSWORD).await.fails_with(3, "there is no user nobody");
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let note = cli.run_with_input(&["user", "set-password", "blocked", "--password-stdin"], PASSWORD).await;
    note.prints(&["note: the user is disabled and cannot sign in"]);
}

#[tokio::test]
async fn disabled_user_has_no_tokens_after_being_enabled_again() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    cli.run(&["user", "disable", "johndoe"]).await.prints(&["is now disabled"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 403);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 403);
    cli.run(&["user", "enable", "johndoe"]).await.prints(&["enabled user 1", "who was disabled"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);

    let blocked = cli.run(&["user", "disable", "johndoe", "--block", "--json"]).await.json();
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(cli.run(&["user", "show", "1", "--json"]).await.json()["status"], "blocked");
    cli.run(&["user", "enable", "johndoe"]).await.prints(&["who was blocked"]);
    cli.run(&["user", "enable", "johndoe"]).await.fails_with(4, "is active already");
    cli.run(&["user", "enable", "dormant"]).await.fails_with(4, "postern user activate id:40");
    for verb in ["disable", "enable", "activate"] {
        cli.run(&["user", verb, "nobody"]).await.fails_with(3, "there is no user nobody");
    }
}

/// `enable` would activate the user.
#[tokio::test]
async fn user_who_is_not_activated_is_not_disabled() {
    let cli = Cli::start().await;
    for words in [&["user", "disable", "dormant"][..], &["user", "disable", "dormant", "--block"]] {
        cli.run(words)
            .await
            .fails_with(
                4,
                "user 40 (dormant, dormant@example.com) is not activated, and cannot sign in before `postern user \
                 activate id:40`; to keep the user out for good, `postern user delete id:40`\n",
            );
    }
    cli.run(&["user", "enable", "dormant"]).await.fails_with(4, "is not activated");
    assert_eq!(cli.run(&["user", "show", "dormant", "--json"]).await.json()["status"], "not_activated");
    assert_eq!(cli.sign_in("account", "dormant", "Password1234!").await, 403);
}

#[tokio::test]
async fn activate_changes_only_a_user_who_is_not_activated() {
    let cli = Cli::start().await;
    cli.run(&["user", "activate", "dormant"]).await.prints(&["activated user 40"]);
    assert_eq!(cli.sign_in("account", "dormant", "Password1234!").await, 200);
    cli.run(&["user", "activate", "dormant"]).await.fails_with(4, "is active already");
    cli.run(&["user", "activate", "blocked"]).await.fails_with(4, "postern user enable id:42");
    assert_eq!(cli.sign_in("account", "blocked", "Password1234!").await, 403);
    // Even if the status changes between the read and the write.
    assert_eq!(cli.deployment.store.activate(42, cli.deployment.now()).await.unwrap(), Written::Refused);
}

#[tokio::test]
async fn unlocked_name_can_sign_in() {
    let cli = Cli::start().await;
    let lock = async |name| {
        cli.deployment.store.lock_name(&LoginName::new(name), cli.deployment.now()).await.unwrap()
    };
    for name in ["johndoe", "1"] {
        // Forgets the address of the last sign-in.
        cli.run(&["user", "sessions", "johndoe", "--end"]).await.prints(&["ended"]);
        lock("johndoe").await;
        lock("johndoe@example.com").await;
        assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 429);
        let unlocked = cli.run(&["user", "unlock", name, "--json"]).await.json();
        let names = json!([{"name": "johndoe", "failures": LOCK_AFTER}, {"name": "johndoe@example.com", "failures": LOCK_AFTER},
            {"name": "1", "failures": 0}]);
        assert_eq!(unlocked, json!({"id": 1, "unlocked": names, "known_addresses": {"failures": 0}}));
        assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    }

    // A locked demo name that no user has.
    assert_eq!(cli.sign_in("account", "mallory", "x").await, 429);
    let output = cli.run(&["user", "unlock", "Mallory"]).await;
    output.prints(&["a login name that no user has:", "mallory: unlocked, had 25 failures"]);
    assert_eq!(cli.sign_in("account", "mallory", "x").await, 401);
    cli.run(&["user", "unlock", "mallory"]).await.prints(&["unlocked, had 1 failure\n"]);
    cli.run(&["user", "unlock", "never.seen"]).await.prints(&["never.seen: had no failures"]);
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
    cli.run(&["user", "sessions", "johndoe"]).await.prints(&["KIND", "old phone"]);

    cli.run(&["user", "sessions", "johndoe", "--end"]).await.prints(&["ended 2 live sessions of user 1"]);
    cli.run(&["user", "sessions", "johndoe"]).await.prints(&["has no live sessions"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.run(&["user", "sessions", "nobody", "--end"]).await.fails_with(3, "there is no user nobody");
}
