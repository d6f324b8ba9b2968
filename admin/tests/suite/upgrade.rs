//! `postern table upgrade`: a table as an earlier version left it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use postern::identity::LoginName;
use postern_local::dynamodb;
use ring::digest::{SHA256, digest};

use crate::cli::Cli;
use crate::table::client;

const JOHN: &str = "SecurePass123!";

fn pk(name: &str) -> AttributeValue {
    AttributeValue::S(format!("NAME#{}", hex::encode(digest(&SHA256, name.as_bytes()))))
}

/// Puts the counter of a name as an earlier version did, whether the name has a user or not.
async fn put(cli: &Cli, name: &str, failures: &str) {
    let number = |of: &str| AttributeValue::N(of.to_owned());
    client(&cli.deployment.table)
        .put_item()
        .table_name(dynamodb::NAME)
        .item("pk", pk(name))
        .item("sk", AttributeValue::S("ATTEMPTS".to_owned()))
        .item("failures", number(failures))
        .item("charged_at", number("1700000000000"))
        .item("charged_by", AttributeValue::S("-".to_owned()))
        .item("expires_at", number("1999999999"))
        .send()
        .await
        .unwrap();
}

/// All items of the table but the operators' lines, by their keys.
async fn items(cli: &Cli) -> HashMap<(String, String), HashMap<String, AttributeValue>> {
    let all = client(&cli.deployment.table).scan().table_name(dynamodb::NAME).send().await.unwrap();
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let items = all.items.unwrap().into_iter().map(|item| ((text(&item, "pk"), text(&item, "sk")), item));
    items.filter(|((pk, _), _)| !pk.starts_with("OPERATOR#")).collect()
}

async fn failures(cli: &Cli, name: &str) -> u32 {
    let attempts = cli.deployment.store.attempts(&LoginName::new(name), cli.deployment.now()).await.unwrap();
    attempts.map_or(0, |attempts| attempts.failures)
}

#[tokio::test]
async fn upgraded_table_keeps_each_lock_and_a_second_run_changes_nothing() {
    let cli = Cli::start().await;
    for (name, count) in [
        ("johndoe", "33"),
        ("st.huber@example.com", "33"),
        ("nobody", "33"),
        ("14", "33"),
        ("jimmy", "7"),
        ("changer", "0"),
        // It cannot be read, so it counts as full.
        ("guarded", "-1"),
    ] {
        put(&cli, name, count).await;
    }
    let output = cli.run(&["table", "upgrade"]).await;
    output.prints(&["moved the failures of 4 login names to their users"]);
    let after = items(&cli).await;
    for (contract, name) in [
        ("account", "johndoe"),
        ("mfa", "johndoe"),
        ("email", "st.huber@example.com"),
        ("account", "nobody"),
        ("mfa", "14"),
        ("account", "guarded"),
    ] {
        assert_eq!(cli.sign_in(contract, name, JOHN).await, 429, "{contract}: {name}");
    }
    assert_eq!(failures(&cli, "jimmy").await, 7);
    for name in ["johndoe", "st.huber@example.com", "jimmy", "guarded"] {
        let AttributeValue::S(pk) = pk(name) else { panic!("no key") };
        assert!(!after.contains_key(&(pk, "ATTEMPTS".to_owned())), "{name}");
    }
    assert!(after.iter().all(|((pk, _), item)| !pk.starts_with("USER#") || !item.contains_key("expires_at")));
    // Refused attempts changed nothing but the address's counter.
    let second = cli.run(&["table", "upgrade", "--json"]).await.json();
    assert_eq!(second, serde_json::json!({"moved": 0}));
    let tables = [after, items(&cli).await].map(|mut items| {
        items.retain(|(pk, _), _| !pk.starts_with("ADDRESS#"));
        items
    });
    assert_eq!(tables[0], tables[1]);
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe: unlocked, had 33 failures"]);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 200);
}

/// The functions may have counted before the command runs. Both counts are failures.
#[tokio::test]
async fn failures_of_both_versions_are_added() {
    let cli = Cli::start().await;
    for _ in 0..3 {
        assert_eq!(cli.sign_in("account", "johndoe", "wrong").await, 401);
    }
    put(&cli, "johndoe", "30").await;
    cli.run(&["table", "upgrade"]).await.prints(&["moved the failures of 1 login name to its user"]);
    assert_eq!(failures(&cli, "johndoe").await, 33);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 429);
}

/// An operator who unlocks a name before the upgrade unlocks it for good.
#[tokio::test]
async fn name_that_is_unlocked_before_the_upgrade_stays_unlocked() {
    let cli = Cli::start().await;
    put(&cli, "johndoe", "33").await;
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe: unlocked, had 33 failures"]);
    cli.run(&["table", "upgrade"]).await.prints(&["no login name has failures to move"]);
    assert_eq!(cli.sign_in("account", "johndoe", JOHN).await, 200);
}

/// A name may lead to no user, if its items were changed by hand.
#[tokio::test]
async fn name_without_a_user_is_named_and_the_others_are_moved() {
    let cli = Cli::start().await;
    let text = |of: &str| AttributeValue::S(of.to_owned());
    client(&cli.deployment.table)
        .put_item()
        .table_name(dynamodb::NAME)
        .item("pk", text("LOGIN#ghost"))
        .item("sk", text("LOGIN"))
        .item("user_id", AttributeValue::N("999".to_owned()))
        .item("kind", text("username"))
        .send()
        .await
        .unwrap();
    for name in ["ghost", "johndoe"] {
        put(&cli, name, "33").await;
    }
    let output = cli.run(&["table", "upgrade"]).await;
    output.fails_with(
        5,
        "moved the failures of 1 login name to its user; skipped login names that cannot be read, have no user, or are in use: ",
    );
    assert_eq!(failures(&cli, "johndoe").await, 33);
    assert!(!items(&cli).await.contains_key(&("USER#999".to_owned(), "USER".to_owned())));
}
