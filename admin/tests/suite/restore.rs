//! A table that was restored from a backup: which tokens are valid, and how an operator ends all of them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use postern::clock::{Timestamp, now};
use postern::store::Written;
use postern_tests::relay;
use serde_json::json;

use crate::cli::{Cli, CliOutput, PASSWORD, command, run};
use crate::secrets::{reply, serve};
use crate::table::client;

const END_ALL: [&str; 5] = ["user", "sessions", "--end", "--all", "--yes"];

/// The users of the demo.
const USERS: [u64; 8] = [1, 14, 33, 40, 41, 42, 43, 44];

type Item = HashMap<String, AttributeValue>;

async fn items(table: &Client) -> Vec<Item> {
    table.scan().table_name("postern").into_paginator().items().send().try_collect().await.unwrap()
}

/// Makes the items of a backup the only ones, as in the new table that a restore makes.
async fn restore(table: &Client, backup: &[Item]) {
    for item in items(table).await {
        let delete = table.delete_item().table_name("postern");
        delete.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
    }
    for item in backup {
        table.put_item().table_name("postern").set_item(Some(item.clone())).send().await.unwrap();
    }
}

/// A JWT of johndoe at the mfa contract, which names no session.
async fn jwt(cli: &Cli) -> String {
    let reply = cli.deployment.password("mfa", "johndoe", "SecurePass123!").await;
    reply.json()["token"].as_str().unwrap().to_owned()
}

async fn is_accepted(cli: &Cli, jwt: &str) -> bool {
    let headers = [("authorization", &*format!("Bearer {jwt}"))];
    match cli.deployment.request("mfa", "GET", "/whoami/jwt", &headers, "").await.status {
        200 => true,
        401 => false,
        status => panic!("{status}"),
    }
}

async fn epoch(cli: &Cli, id: u64) -> u64 {
    cli.deployment.store.user(id).await.unwrap().unwrap().epoch
}

#[tokio::test]
async fn tokens_of_later_epochs_stay_invalid_after_a_restore() {
    let cli = Cli::start().await;
    let table = client(&cli.deployment.table);
    let (before, session) = (jwt(&cli).await, cli.token().await);
    let backup = items(&table).await;
    cli.run(&["user", "sessions", "johndoe", "--end"]).await.prints(&["ended"]);
    let after = jwt(&cli).await;
    assert!(!is_accepted(&cli, &before).await && is_accepted(&cli, &after).await);

    // What a restore brings back, and what 1 more epoch would bring back.
    restore(&table, &backup).await;
    assert!(is_accepted(&cli, &before).await && !is_accepted(&cli, &after).await);
    assert_eq!(cli.deployment.sso(&session).await.status, 200);
    cli.run(&["user", "sessions", "johndoe", "--end"]).await.prints(&["ended"]);
    assert!(is_accepted(&cli, &after).await);

    restore(&table, &backup).await;
    cli.run(&END_ALL).await.prints(&["ended all sessions and tokens of 8 users"]);
    assert!(!is_accepted(&cli, &before).await && !is_accepted(&cli, &after).await);
    assert_eq!(cli.deployment.sso(&session).await.status, 401);
    let anew = jwt(&cli).await;
    assert!(is_accepted(&cli, &anew).await);

    // A second restore of the same backup, a second later, does not bring the tokens in between back.
    restore(&table, &backup).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cli.run(&END_ALL).await.prints(&["8 users"]);
    assert!(!is_accepted(&cli, &anew).await);
}

#[tokio::test]
async fn sessions_of_all_users_end_and_the_command_can_be_run_again() {
    let cli = Cli::start().await;
    let began = now().secs();
    assert_eq!(cli.run(&[&END_ALL[..], &["--json"]].concat()).await.json(), json!({"users": 8}));
    let mut epochs = Vec::new();
    for id in USERS {
        let user = cli.deployment.store.user(id).await.unwrap().unwrap();
        assert!(user.epoch >= began && user.sessions_ended_at.is_some(), "user {id}: {}", user.epoch);
        epochs.push(user.epoch);
    }
    let between = jwt(&cli).await;
    cli.run(&END_ALL).await.prints(&["8 users"]);
    for (id, before) in USERS.into_iter().zip(epochs) {
        assert!(epoch(&cli, id).await > before, "user {id}");
    }
    assert!(!is_accepted(&cli, &between).await);
    assert_eq!(cli.sign_in("account", "johndoe", "SecurePass123!").await, 200);
}

#[tokio::test]
async fn epoch_never_falls_and_no_deleted_user_comes_back() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let later = Timestamp::from_millis(4_000_000_000_000);
    assert_eq!(store.end_sessions_of_all_epochs(1, later).await.unwrap(), Written::Done);
    assert_eq!(epoch(&cli, 1).await, 4_000_000_000);
    assert_eq!(store.end_sessions_of_all_epochs(1, now()).await.unwrap(), Written::Done);
    assert_eq!(epoch(&cli, 1).await, 4_000_000_001);
    assert_eq!(store.end_sessions_of_all_epochs(2, now()).await.unwrap(), Written::Refused);
    assert!(store.user(2).await.unwrap().is_none());
}

#[tokio::test]
async fn all_sessions_end_only_after_a_confirmation() {
    let cli = Cli::start().await;
    let place = format!("the table postern at {}, as os-user/", cli.deployment.table.endpoint());
    cli.run(&END_ALL[..4]).await.fails_with(2, &place);
    for words in [
        &["user", "sessions"][..],
        &["user", "sessions", "--all"],
        &["user", "sessions", "--all", "--yes"],
        &["user", "sessions", "johndoe", "--end", "--yes"],
        &["user", "sessions", "johndoe", "--end", "--all", "--yes"],
    ] {
        assert_eq!(cli.run(words).await.code, 2, "{words:?}");
    }
    assert_eq!(epoch(&cli, 1).await, 0);
}

#[tokio::test]
async fn user_who_is_refused_does_not_keep_the_sessions_of_others() {
    let cli = Cli::start().await;
    let table = cli.deployment.table.endpoint().trim_start_matches("http://").to_owned();
    let endpoint = serve(Router::new().fallback(move |request| refuse_one(table.clone(), request))).await;
    let mut words = command(&END_ALL);
    let output = run(words.args(["--table", "postern", "--endpoint-url", &endpoint]), "").await;
    output.fails_with(
        5,
        "ended the sessions of 7 users, and not of all: skipped 1 item: user 43 (DynamoDB refused",
    );
    assert!(output.err.ends_with(", and run the command again\n"), "{output:?}");
    for id in USERS {
        assert_eq!(epoch(&cli, id).await == 0, id == 43, "{id}");
    }
    cli.run(&END_ALL).await.prints(&["8 users"]);
    assert_ne!(epoch(&cli, 43).await, 0);
}

/// Items that a function in the hands of another could write with its permissions.
async fn write_bad_items(table: &Client) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    for (pk, sk) in
        [("USER#x\u{1b}[2J", "USER"), ("USER#014", "USER"), ("USER#+14", "USER"), ("USER#14", "OTHER")]
    {
        let update = table.update_item().table_name("postern").key("pk", text(pk)).key("sk", text(sk));
        let update = update.update_expression("SET last_sign_in = :any");
        update.expression_attribute_values(":any", text("any")).send().await.unwrap();
    }
    let too_high = AttributeValue::N("9".repeat(38) + &"0".repeat(88));
    for (id, epoch) in [(33, text("no number")), (41, too_high)] {
        let update = table.update_item().table_name("postern").key("pk", text(&format!("USER#{id}")));
        let update = update.key("sk", text("USER")).update_expression("SET epoch = :epoch");
        update.expression_attribute_values(":epoch", epoch).send().await.unwrap();
    }
}

#[tokio::test]
async fn bad_items_do_not_keep_the_sessions_of_others() {
    let cli = Cli::start().await;
    write_bad_items(&client(&cli.deployment.table)).await;
    let (began, before) = (now().secs(), jwt(&cli).await);
    let output = cli.run(&END_ALL).await;
    output.fails_with(5, "ended the sessions of 7 users, and not of all: skipped 4 items: ");
    for named in [r"USER#x\u{1b}[2J", "USER#014", "USER#+14", "user 41 (DynamoDB refused"] {
        assert!(output.err.contains(named), "{named}: {output:?}");
    }
    assert!(!is_accepted(&cli, &before).await);
    for id in USERS.into_iter().filter(|id| *id != 41) {
        assert!(epoch(&cli, id).await >= began, "user {id}");
    }
}

#[tokio::test]
async fn list_and_export_go_on_after_bad_items_and_name_them() {
    let cli = Cli::start().await;
    let table = client(&cli.deployment.table);
    write_bad_items(&table).await;
    let login = table.put_item().table_name("postern").item("pk", AttributeValue::S("LOGIN#jim".to_owned()));
    login.item("sk", AttributeValue::S("LOGIN".to_owned())).send().await.unwrap();
    let file = std::env::temp_dir().join(format!("postern-bad-items-{}.jsonl", std::process::id()));
    let path = file.to_str().unwrap();
    let keys = [r"USER#x\u{1b}[2J", "USER#014", "USER#+14"];
    for (words, users, others) in [
        (&["user", "list", "--json"][..], 6, &["5 items", "user 33", "user 41"][..]),
        (&["user", "list", "--json", "--prefix", "j"], 2, &["1 item: LOGIN#jim"]),
        (&["export"], 6, &["5 items", "user 33", "user 41"]),
        (&["export", path, "--force"], 6, &["5 items", "user 33", "user 41"]),
    ] {
        let output = cli_run(&cli, words).await;
        assert_eq!(output.code, 5, "{words:?}: {output:?}");
        let messages = format!("{}{}", output.err, if words.contains(&path) { &output.out } else { "" });
        let messages = messages.replace(r"\\u", r"\u");
        let keys = if words.contains(&"--prefix") { &[][..] } else { &keys[..] };
        for named in keys.iter().chain(others) {
            assert!(messages.contains(named), "{words:?}: {named}: {messages}");
        }
        let lines = if words.contains(&path) { std::fs::read_to_string(&file).unwrap() } else { output.out };
        assert_eq!(lines.lines().count(), users, "{words:?}: {lines}");
    }
    let output = cli_run(&cli, &["--json", "export", path, "--force"]).await;
    let json: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!((&json["unreadable"], &json["skipped"]["count"]), (&json!([33, 41]), &json!(5)));
    std::fs::remove_file(&file).unwrap();
}

/// Runs a command whose output may hold hashes.
async fn cli_run(cli: &Cli, words: &[&str]) -> CliOutput {
    run(command(words).args(cli.table()), "").await
}

/// Passes calls on to the table, except updates of user 43.
async fn refuse_one(table: String, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let is_update = parts.headers["x-amz-target"].to_str().unwrap().ends_with("UpdateItem");
    if is_update && String::from_utf8_lossy(&body).contains("\"USER#43\"") {
        return reply(400, &json!({"__type": "AccessDeniedException", "Message": "User is not authorized"}));
    }
    relay::pass(&table, parts, body).await
}

/// The counter of ids is restored too, so an id that was given out after the backup is given out again.
#[tokio::test]
async fn token_of_a_user_created_after_the_backup_is_not_valid_for_the_next_user() {
    let cli = Cli::start().await;
    let table = client(&cli.deployment.table);
    let backup = items(&table).await;
    cli.add(&["lost"]).await.prints(&["created user 45"]);
    let reply = cli.deployment.password("mfa", "lost", PASSWORD).await;
    let lost = reply.json()["token"].as_str().unwrap().to_owned();
    assert!(is_accepted(&cli, &lost).await);
    restore(&table, &backup).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    cli.add(&["next"]).await.prints(&["created user 45"]);
    assert!(!is_accepted(&cli, &lost).await);
}
