//! Creating, showing, listing and deleting users.

use std::time::Duration;

use postern::identity::LoginName;
use postern_tests::deployment::PASSWORD_CONTRACTS;
use serde_json::{Value, json};

use crate::cli::{Cli, PASSWORD};
use crate::table::client;

#[tokio::test]
async fn who_is_added_signs_in_at_every_door_by_every_name() {
    let cli = Cli::start().await;
    let output = cli.add(&["Ann", "--email", "Ann@Example.com"]).await;
    output.says(&["created user 45 (Ann, Ann@Example.com): active"]);
    for contract in PASSWORD_CONTRACTS {
        let name = if contract == "email" { "ann@example.com" } else { "ann" };
        assert_eq!(cli.sign_in(contract, name, PASSWORD).await, 200, "{contract}");
    }
    for name in ["ANN@example.com", "45"] {
        assert_eq!(cli.sign_in("mfa", name, PASSWORD).await, 200, "{name}");
    }
}

#[tokio::test]
async fn options_say_what_the_user_is_like() {
    let cli = Cli::start().await;
    let added = cli.add(&["plain", "--json"]).await.json();
    assert_eq!(added, json!({"id": 45, "username": "plain", "email": null, "status": "active"}));
    assert_eq!(cli.sign_in("mfa", "plain", PASSWORD).await, 200);

    cli.add(&["chosen", "--id", "4711"]).await.says(&["created user 4711 (chosen)"]);
    assert_eq!(cli.sign_in("mfa", "4711", PASSWORD).await, 200);
    cli.add(&["next"]).await.says(&["created user 4712 (next)"]);

    cli.add(&["sleeper", "--not-activated"]).await.says(&["(sleeper): not_activated"]);
    let reply = cli.deployment.password("session", "sleeper", PASSWORD).await;
    assert_eq!(reply.json()["error_code"], "not_activated");

    cli.add(&["changer2", "--must-change-password"]).await.says(&["(changer2)"]);
    let reply = cli.deployment.password("session", "changer2", PASSWORD).await;
    assert_eq!(reply.json()["error_code"], "change_password");

    cli.run(&["user", "add", "nobody", "--no-password"]).await.says(&["(nobody)"]);
    assert_eq!(cli.sign_in("account", "nobody", "").await, 400);
    assert_eq!(cli.sign_in("account", "nobody", PASSWORD).await, 401);
    cli.run(&["user", "show", "nobody"]).await.says(&["password              none\n"]);
}

/// What strangers tried before there was such a user does not keep the user out.
#[tokio::test]
async fn a_name_that_was_shut_before_is_open() {
    let cli = Cli::start().await;
    assert_eq!(cli.sign_in("account", "mallory", PASSWORD).await, 429);
    cli.add(&["mallory", "--email", "mallory@example.com"]).await.says(&["(mallory"]);
    assert_eq!(cli.sign_in("account", "mallory", PASSWORD).await, 200);
    assert_eq!(cli.sign_in("email", "mallory@example.com", PASSWORD).await, 200);
}

#[tokio::test]
async fn a_password_is_the_first_line_exactly_as_it_is() {
    let cli = Cli::start().await;
    let words = ["user", "add", "spaced", "--password-stdin"];
    cli.type_in(&words, "  two spaces each side  \r\nmore\n").await.says(&["(spaced)"]);
    assert_eq!(cli.sign_in("account", "spaced", "two spaces each side").await, 401);
    assert_eq!(cli.sign_in("account", "spaced", "  two spaces each side  ").await, 200);
}

#[tokio::test]
async fn what_is_taken_is_told_and_whose_it_is() {
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
        cli.add(words).await.refuses(4, why);
    }
    // Nothing was left behind.
    cli.add(&["new", "--email", "new@example.com"]).await.says(&["created user 45"]);
}

#[tokio::test]
async fn bad_names_and_passwords_are_refused() {
    let cli = Cli::start().await;
    for words in [&[""][..], &["a\u{7}b"]] {
        cli.add(words).await.refuses(2, "the username is empty or too long, or has a control character");
    }
    cli.add(&["new", "--email", "example.com"]).await.refuses(2, "e-mail");
    let add = ["user", "add", "new", "--password-stdin"];
    cli.type_in(&add, "short\n").await.refuses(4, "the password is shorter than 8 bytes");
    cli.type_in(&add, &"x".repeat(1025)).await.refuses(4, "the password is longer than 1024 bytes");
    cli.type_in(&add, "").await.refuses(2, "there is no password on standard input");
    // Nobody to ask.
    cli.run(&["user", "add", "new"]).await.refuses(2, "--password-stdin");
    cli.run(&["user", "show", "new"]).await.refuses(3, "there is no user new");

    // By clap, with its own words.
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

/// Its tokens of before are another user's.
#[tokio::test]
async fn an_id_that_is_given_again_brings_no_token_back() {
    let cli = Cli::start().await;
    let token = cli.token().await;
    assert_eq!(cli.deployment.sso(&token).await.status, 200);
    cli.run(&["user", "delete", "johndoe", "--yes"]).await.says(&["deleted user 1"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
    cli.add(&["other", "--id", "1"]).await.says(&["created user 1 (other)"]);
    assert_eq!(cli.deployment.sso(&token).await.status, 401);
}

#[tokio::test]
async fn a_user_is_found_by_username_e_mail_or_id() {
    let cli = Cli::start().await;
    for name in ["johndoe", " JOHNDOE ", "johndoe@example.com", "1"] {
        cli.run(&["user", "show", name]).await.says(&["username              johndoe\n"]);
    }
    for name in ["01", "2", "nobody", "", "mallory"] {
        cli.run(&["user", "show", name]).await.refuses(3, "there is no user");
    }
}

#[tokio::test]
async fn show_tells_all_that_an_operator_needs() {
    let cli = Cli::start().await;
    let deployment = &cli.deployment;
    // Ahead of the command's clock, so that the wait is not over when the command looks.
    deployment.advance(Duration::from_secs(600));
    let signed_in = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true,
        "session_information": "St. Huber\u{1b}[2Js phone"});
    assert_eq!(deployment.sign_in("session", signed_in).await.status, 200);
    for _ in 0..5 {
        assert_eq!(cli.sign_in("account", "st.huber", "wrong").await, 401);
    }
    deployment.store.lock_name(&LoginName::new("st.huber@example.com"), deployment.now()).await.unwrap();

    let output = cli.run(&["user", "show", "33"]).await;
    output.says(&[
        "id                    33\n",
        "status                active\n",
        "password              argon2id\n",
        "must change password  no\n",
        "MFA                   off\n",
        "created               2022-11-19T18:15:22.642Z\n",
        "epoch                 0\n",
        "live sessions         1\n",
        "st.huber: 5 failures, next attempt at 20",
        "st.huber@example.com: LOCKED after 33 failures; `postern user unlock st.huber@example.com` unlocks it\n",
        "33: open, no failures\n",
    ]);
    let shown = cli.run(&["user", "show", "33", "--json"]).await.json();
    let next = deployment.now().plus(Duration::from_secs(1)).iso8601();
    assert_eq!(
        shown["login_names"],
        json!([
            {"name": "st.huber", "kind": "username", "failures": 5, "locked": false, "leads_here": true,
             "next_attempt_at": next},
            {"name": "st.huber@example.com", "kind": "e-mail", "failures": 33, "locked": true, "leads_here": true,
             "next_attempt_at": null},
            {"name": "33", "kind": "id", "failures": 0, "locked": false, "leads_here": true, "next_attempt_at": null},
        ])
    );
    assert_eq!(shown["last_sign_in"].as_str(), deployment.now().iso8601().as_deref());
    assert_eq!(shown["live_sessions"], 1);
    assert_eq!(shown["password"], json!({"algorithm": "argon2id"}));
}

#[tokio::test]
async fn show_tells_nothing_that_proves_who_one_is() {
    let cli = Cli::start().await;
    let user = cli.deployment.store.user(43).await.unwrap().unwrap();
    let codes = user.recovery_codes.into_iter().chain([user.mfa.unwrap().secret]);
    let secrets: Vec<String> = codes.chain(user.password_hash).collect();
    assert_eq!(secrets.len(), 10);
    for format in [&[][..], &["--json"]] {
        let output = cli.run(&[&["user", "show", "guarded"], format].concat()).await;
        output.says(&["guarded@example.com"]);
        assert!(!secrets.iter().any(|secret| output.out.contains(secret)), "{}", output.out);
    }
    let shown = cli.run(&["user", "show", "guarded", "--json"]).await.json();
    assert_eq!(shown["mfa"], json!({"on": true, "recovery_codes_left": 8}));
}

/// What a client calls its device is for a stranger to choose.
#[tokio::test]
async fn a_device_cannot_write_on_the_operators_terminal() {
    let cli = Cli::start().await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true,
        "session_information": "\u{1b}]0;owned\u{7}\nid 1"});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    let output = cli.run(&["user", "sessions", "st.huber"]).await;
    output.says(&["\\u{1b}]0;owned\\u{7}\\nid 1"]);
    assert_eq!(output.out.lines().count(), 2, "{}", output.out);
    assert!(!output.out.contains(['\u{1b}', '\u{7}']));
}

#[tokio::test]
async fn list_is_a_line_for_each_user() {
    let cli = Cli::start().await;
    let all = cli.run(&["user", "list"]).await;
    all.says(&["johndoe", "Zoë", "guarded"]);
    assert_eq!(all.out.lines().count(), 8);
    assert_eq!(cli.run(&["user", "list", "--limit", "3"]).await.out.lines().count(), 3);

    let disabled = cli.run(&["user", "list", "--status", "disabled", "--json"]).await.json();
    let expected = json!({"id": 42, "username": "blocked", "email": "blocked@example.com", "status": "disabled",
        "mfa": false});
    assert_eq!(disabled, expected);
    let lines = cli.run(&["user", "list", "--json"]).await.out;
    let mut ids: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 14, 33, 40, 41, 42, 43, 44]);

    let none = cli.run(&["user", "list", "--status", "blocked"]).await;
    assert_eq!((none.code, none.out.as_str(), none.err.as_str()), (0, "", ""));
    for words in [&["--status", "asleep"][..], &["--limit", "0"], &["--limit", "many"]] {
        assert_eq!(cli.run(&[&["user", "list"], words].concat()).await.code, 2, "{words:?}");
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_the_names_are_free() {
    let cli = Cli::start().await;
    let body = json!({"username": "st.huber", "password": "Password1234!", "stay_logged_in": true});
    assert_eq!(cli.deployment.sign_in("session", body).await.status, 200);
    cli.run(&["user", "delete", "st.huber"]).await.refuses(2, "--yes");
    assert_eq!(cli.sign_in("session", "st.huber", "Password1234!").await, 200, "nothing was deleted");

    cli.run(&["user", "delete", "st.huber@example.com", "--yes"])
        .await
        .says(&["deleted user 33 (st.huber", ", and 1 session\n"]);
    assert!(cli.deployment.store.sessions(33).await.unwrap().is_empty());
    for name in ["st.huber", "st.huber@example.com"] {
        assert_eq!(cli.deployment.store.login(&LoginName::new(name)).await.unwrap(), None, "{name}");
    }
    cli.run(&["user", "delete", "st.huber", "--yes"]).await.refuses(3, "there is no user st.huber");
    cli.add(&["st.huber", "--email", "st.huber@example.com"]).await.says(&["created user 45"]);
    assert_eq!(cli.sign_in("session", "st.huber", PASSWORD).await, 200);
}

/// Half a user, as no command of ours leaves one, is shown as that, and goes without taking anybody along.
#[tokio::test]
async fn a_name_that_leads_to_another_is_told_and_left_alone() {
    use aws_sdk_dynamodb::types::AttributeValue::{N, S};
    let cli = Cli::start().await;
    let table = client(&cli.deployment.table);
    let put = table.put_item().table_name("postern").item("pk", S("LOGIN#st.huber".to_owned()));
    let put = put.item("sk", S("LOGIN".to_owned())).item("user_id", N("14".to_owned()));
    put.item("kind", S("username".to_owned())).send().await.unwrap();
    cli.run(&["user", "show", "33"]).await.says(&["st.huber: open, no failures; BROKEN"]);
    cli.run(&["user", "delete", "33", "--yes"]).await.says(&["deleted user 33"]);
    let login = async |name| cli.deployment.store.login(&LoginName::new(name)).await.unwrap();
    assert_eq!(login("st.huber").await.unwrap().user_id, 14);
    assert_eq!(login("st.huber@example.com").await, None);
    assert!(cli.deployment.store.user(33).await.unwrap().is_none());
}

/// Whoever changed the user meanwhile has it as it was.
#[tokio::test]
async fn a_user_who_was_changed_since_is_not_deleted() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let read = store.user(1).await.unwrap().unwrap();
    assert!(store.end_sessions(1, cli.deployment.now()).await.unwrap());
    assert!(!store.delete_user(&read).await.unwrap());
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
    let read = store.user(1).await.unwrap().unwrap();
    assert!(store.delete_user(&read).await.unwrap());
    assert!(!store.delete_user(&read).await.unwrap(), "twice");
}
