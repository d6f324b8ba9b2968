//! Creating, showing, listing and deleting users.

use std::time::Duration;

use postern::identity::LoginName;
use postern::store::Written;
use postern_tests::deployment::PASSWORD_CONTRACTS;
use serde_json::json;

use crate::cli::{Cli, PASSWORD};
use crate::table::client;

#[tokio::test]
async fn added_user_can_sign_in_at_every_contract_by_every_name() {
    let cli = Cli::start().await;
    let output = cli.add(&["Ann", "--email", "Ann@Example.com"]).await;
    output.prints(&["created user 45 (Ann, Ann@Example.com): active"]);
    for contract in PASSWORD_CONTRACTS {
        let name = if contract == "email" { "ann@example.com" } else { "ann" };
        assert_eq!(cli.sign_in(contract, name, PASSWORD).await, 200, "{contract}");
    }
    for name in ["ANN@example.com", "45"] {
        assert_eq!(cli.sign_in("mfa", name, PASSWORD).await, 200, "{name}");
    }
}

#[tokio::test]
async fn add_options_set_id_status_and_password() {
    let cli = Cli::start().await;
    let added = cli.add(&["plain", "--json"]).await.json();
    assert_eq!(added, json!({"id": 45, "username": "plain", "email": null, "status": "active"}));
    assert_eq!(cli.sign_in("mfa", "plain", PASSWORD).await, 200);

    cli.add(&["chosen", "--id", "4711"]).await.prints(&["created user 4711 (chosen)"]);
    assert_eq!(cli.sign_in("mfa", "4711", PASSWORD).await, 200);
    cli.add(&["next"]).await.prints(&["created user 4712 (next)"]);

    cli.add(&["sleeper", "--not-activated"]).await.prints(&["(sleeper): not_activated"]);
    let reply = cli.deployment.password("session", "sleeper", PASSWORD).await;
    assert_eq!(reply.json()["error_code"], "not_activated");

    cli.add(&["changer2", "--must-change-password"]).await.prints(&["(changer2)"]);
    let reply = cli.deployment.password("session", "changer2", PASSWORD).await;
    assert_eq!(reply.json()["error_code"], "change_password");

    cli.run(&["user", "add", "nobody", "--no-password"]).await.prints(&["(nobody)"]);
    assert_eq!(cli.sign_in("account", "nobody", "").await, 400);
    assert_eq!(cli.sign_in("account", "nobody", PASSWORD).await, 401);
    cli.run(&["user", "show", "nobody"]).await.prints(&["password              none\n"]);
}

/// Failures that attackers caused before the user existed do not lock the user out.
#[tokio::test]
async fn name_locked_before_the_user_existed_is_unlocked() {
    let cli = Cli::start().await;
    assert_eq!(cli.sign_in("account", "mallory", PASSWORD).await, 429);
    cli.add(&["mallory", "--email", "mallory@example.com"]).await.prints(&["(mallory"]);
    assert_eq!(cli.sign_in("account", "mallory", PASSWORD).await, 200);
    assert_eq!(cli.sign_in("email", "mallory@example.com", PASSWORD).await, 200);
}

#[tokio::test]
async fn password_on_standard_input_is_the_exact_first_line() {
    let cli = Cli::start().await;
    let words = ["user", "add", "spaced", "--password-stdin"];
    cli.run_with_input(&words, "  two spaces each side  \r\nmore\n").await.prints(&["(spaced)"]);
    assert_eq!(cli.sign_in("account", "spaced", "two spaces each side").await, 401);
    assert_eq!(cli.sign_in("account", "spaced", "  two spaces each side  ").await, 200);
}

#[tokio::test]
async fn taken_name_or_id_is_refused_with_its_user() {
    let cli = Cli::start().await;
    for (words, why) in [
        (&["JohnDoe"][..], "the username JohnDoe is taken: it is a login name of user 1"),
        (
            &["new", "--email", "JOHNDOE@example.com"],
            "JOHNDOE@example.com is taken: it is a login name of user 1",
        ),
        (&["johndoe@example.com"], "is taken: it is a login name of user 1"),
        (&["new", "--id", "14"], "the id 14 is taken"),
    ] {
        cli.add(words).await.fails_with(4, why);
    }
    // A refused user leaves nothing behind.
    cli.add(&["new", "--email", "new@example.com"]).await.prints(&["created user 45"]);
}

#[tokio::test]
async fn bad_name_or_password_is_refused() {
    let cli = Cli::start().await;
    for words in [&[""][..], &["a\u{7}b"]] {
        cli.add(words).await.fails_with(2, "the username is empty or too long, or has a control character");
    }
    cli.add(&["new", "--email", "example.com"]).await.fails_with(2, "e-mail");
    let add = ["user", "add", "new", "--password-stdin"];
    cli.run_with_input(&add, "short\n").await.fails_with(4, "the password is shorter than 8 characters");
    cli.run_with_input(&add, &"x".repeat(1025)).await.fails_with(4, "the password is longer than 1024 bytes");
    cli.run_with_input(&add, "").await.fails_with(2, "there is no password on standard input");
    // There is no terminal to ask on.
    cli.run(&["user", "add", "new"]).await.fails_with(2, "--password-stdin");
    cli.run(&["user", "show", "new"]).await.fails_with(3, "there is no user new");

    // clap refuses these itself.
    for words in [
        &["user", "add"][..],
        &["user", "add", "new", "--id", "0"],
        &["user", "add", "new", "--id", "9007199254740992"],
        &["user", "add", "new", "--no-password", "--password-stdin"],
        &["user", "add", "new", "--password", "secret"],
    ] {
        assert_eq!(cli.run(words).await.code, 2, "{words:?}");
    }
}

#[tokio::test]
async fn show_prints_locks_waits_and_sessions() {
    let cli = Cli::start().await;
    let deployment = &cli.deployment;
    // Ahead of the command's clock, so that the wait is not over when the command runs.
    deployment.advance(Duration::from_secs(600));
    let signed_in = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true,
        "session_information": "St. Huber\u{1b}[2Js phone"});
    assert_eq!(deployment.sign_in("session", signed_in).await.status, 200);
    for _ in 0..5 {
        assert_eq!(cli.sign_in("account", "st.huber", "wrong").await, 401);
    }
    deployment.store.lock_name(&LoginName::new("st.huber@example.com"), deployment.now()).await.unwrap();

    let output = cli.run(&["user", "show", "33"]).await;
    output.prints(&[
        "id                    33\n",
        "status                active\n",
        "password              argon2id\n",
        "must change password  no\n",
        "MFA                   off\n",
        "created               2022-11-19T18:15:22.642Z\n",
        "epoch                 0\n",
        "live sessions         1\n",
        "st.huber: unlocked, no failures\n",
        "st.huber@example.com: LOCKED after 25 failures; `postern user unlock st.huber@example.com` unlocks it\n",
        "33: unlocked, no failures\n",
        "known addresses       1: 5 failures, next attempt at 20",
    ]);
    let shown = cli.run(&["user", "show", "33", "--json"]).await.json();
    let next = deployment.now().plus(Duration::from_secs(1)).iso8601();
    assert_eq!(
        shown["login_names"],
        json!([
            {"name": "st.huber", "kind": "username", "failures": 0, "locked": false, "leads_here": true,
             "next_attempt_at": null},
            {"name": "st.huber@example.com", "kind": "e-mail", "failures": 25, "locked": true, "leads_here": true,
             "next_attempt_at": null},
            {"name": "33", "kind": "id", "failures": 0, "locked": false, "leads_here": true, "next_attempt_at": null},
        ])
    );
    let known = json!({"count": 1, "failures": 5, "locked": false, "next_attempt_at": next});
    assert_eq!(shown["known_addresses"], known);
    cli.run(&["user", "unlock", "st.huber"]).await.prints(&["known addresses: unlocked, had 5 failures"]);
    let unlocked = cli.run(&["user", "show", "33"]).await;
    unlocked.prints(&["known addresses       1: unlocked, no failures"]);
    // With the sessions, the address is forgotten.
    cli.run(&["user", "sessions", "33", "--end"]).await.prints(&["ended 1 live session of user 33"]);
    let ended = cli.run(&["user", "show", "33"]).await;
    ended.prints(&["known addresses       0: unlocked, no failures"]);
    assert_eq!(shown["last_sign_in"].as_str(), deployment.now().iso8601().as_deref());
    assert_eq!(shown["live_sessions"], 1);
    assert_eq!(shown["password"], json!({"algorithm": "argon2id"}));
}

#[tokio::test]
async fn show_prints_no_secrets() {
    let cli = Cli::start().await;
    let user = cli.deployment.store.user(43).await.unwrap().unwrap();
    let codes = user.recovery_codes.into_iter().chain([user.mfa.unwrap().secret.to_string()]);
    let secrets: Vec<String> = codes.chain(user.password_hash).collect();
    assert_eq!(secrets.len(), 10);
    for format in [&[][..], &["--json"]] {
        let output = cli.run(&[&["user", "show", "guarded"], format].concat()).await;
        output.prints(&["guarded@example.com"]);
        assert!(!secrets.iter().any(|secret| output.out.contains(secret)), "{}", output.out);
    }
    let shown = cli.run(&["user", "show", "guarded", "--json"]).await.json();
    assert_eq!(shown["mfa"], json!({"on": true, "recovery_codes_left": 8}));
}

/// An attacker can choose the name of a device.
#[tokio::test]
async fn control_characters_of_a_device_name_are_escaped() {
    let cli = Cli::start().await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true,
        "session_information": "\u{1b}]0;owned\u{7}\nid 1"});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    let output = cli.run(&["user", "sessions", "st.huber"]).await;
    output.prints(&["\\u{1b}]0;owned\\u{7}\\nid 1"]);
    assert_eq!(output.out.lines().count(), 2, "{}", output.out);
    assert!(!output.out.contains(['\u{1b}', '\u{7}']));
}

#[tokio::test]
async fn deleted_user_has_no_sessions_and_the_names_are_free() {
    let cli = Cli::start().await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    cli.run(&["user", "delete", "st.huber"]).await.fails_with(2, "--yes");
    assert_eq!(cli.sign_in("session", "st.huber", "Password1234!").await, 200, "nothing was deleted");

    cli.run(&["user", "delete", "st.huber@example.com", "--yes"])
        .await
        .prints(&["deleted user 33 (st.huber", ", and 1 session\n"]);
    assert!(cli.deployment.store.sessions(33).await.unwrap().is_empty());
    for name in ["st.huber", "st.huber@example.com"] {
        assert_eq!(cli.deployment.store.login(&LoginName::new(name)).await.unwrap(), None, "{name}");
    }
    cli.run(&["user", "delete", "st.huber", "--yes"]).await.fails_with(3, "there is no user st.huber");
    cli.add(&["st.huber", "--email", "st.huber@example.com"]).await.prints(&["created user 45"]);
    assert_eq!(cli.sign_in("session", "st.huber", PASSWORD).await, 200);
}

/// At mfa, a login name wins over an id.
#[tokio::test]
async fn username_that_may_be_another_users_id_is_refused() {
    let cli = Cli::start().await;
    for words in [&["14"][..], &["4711"], &[" \u{ff11}\u{ff14} "], &["14", "--id", "15"]] {
        cli.add(words).await.fails_with(4, "may be another user's id; choose one with a letter");
    }
    cli.add(&["4711", "--id", "4711"]).await.prints(&["created user 4711 (4711)"]);
}

/// No command leaves such a user. It is reported, and deleting it keeps the other user's name.
#[tokio::test]
async fn name_that_leads_to_another_user_is_reported_and_not_deleted() {
    use aws_sdk_dynamodb::types::AttributeValue::{N, S};
    let cli = Cli::start().await;
    let table = client(&cli.deployment.table);
    let put = table.put_item().table_name("postern").item("pk", S("LOGIN#st.huber".to_owned()));
    let put = put.item("sk", S("LOGIN".to_owned())).item("user_id", N("14".to_owned()));
    put.item("kind", S("username".to_owned())).send().await.unwrap();
    cli.run(&["user", "show", "33"]).await.prints(&["st.huber: unlocked, no failures; BROKEN"]);
    cli.run(&["user", "delete", "33", "--yes"]).await.prints(&["deleted user 33"]);
    let login = async |name| cli.deployment.store.login(&LoginName::new(name)).await.unwrap();
    assert_eq!(login("st.huber").await.unwrap().user_id, 14);
    assert_eq!(login("st.huber@example.com").await, None);
    assert!(cli.deployment.store.user(33).await.unwrap().is_none());
}

/// Such a user signs in by no id, so the operator has to see why.
#[tokio::test]
async fn name_that_is_missing_is_reported() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let cli = Cli::start().await;
    let delete = client(&cli.deployment.table).delete_item().table_name("postern");
    let delete = delete.key("pk", S("LOGIN#st.huber".to_owned())).key("sk", S("LOGIN".to_owned()));
    delete.send().await.unwrap();
    assert_eq!(cli.sign_in("mfa", "33", "Password1234!").await, 500);
    let lines = ["st.huber: unlocked, no failures; BROKEN", "st.huber@example.com: unlocked, no failures\n"];
    cli.run(&["user", "show", "33"]).await.prints(&lines);
    let names = &cli.run(&["user", "show", "33", "--json"]).await.json()["login_names"];
    assert_eq!((&names[0]["kind"], &names[0]["leads_here"]), (&json!("username"), &json!(false)));
}

#[tokio::test]
async fn user_changed_since_the_read_is_not_deleted() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let read = store.user(1).await.unwrap().unwrap();
    assert_eq!(store.end_sessions(1, cli.deployment.now()).await.unwrap(), Written::Done);
    assert_eq!(store.delete_user(&read).await.unwrap(), Written::Refused);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let read = store.user(1).await.unwrap().unwrap();
    assert_eq!(store.delete_user(&read).await.unwrap(), Written::Done);
    assert_eq!(store.delete_user(&read).await.unwrap(), Written::Refused, "twice");
}
