//! `postern doctor` on healthy and broken deployments.

use axum::Router;
use postern::token::SAMPLE_KEYS;
use postern_tests::table::Table;
use serde_json::{Value, json};

use crate::cli::{Cli, CliOutput, command, run};
use crate::secrets::{ARN, Secrets, reply, serve};
use crate::table::{create_other, on};

/// Asserts that exactly these checks failed.
#[track_caller]
pub(crate) fn fails(output: &CliOutput, expected: &[(&str, &str)]) {
    assert_eq!(output.code, 1, "{output:?}");
    let checks: Vec<Value> = serde_json::from_str(&output.out).unwrap();
    let failed: Vec<_> = checks.iter().filter(|check| check["level"] == "fail").collect();
    let names: Vec<_> = failed.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(names, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{output:?}");
    for (check, (_, message)) in failed.iter().zip(expected) {
        assert!(check["message"].as_str().unwrap().contains(message), "{check}");
    }
}

#[tokio::test]
async fn healthy_deployment_is_ok_on_every_line() {
    let cli = Cli::start().await;
    let output = cli.run(&["doctor"]).await;
    output.prints(&[
        "credentials",
        "table",
        "key schema",
        "billing",
        "expiry",
        "the sample keys",
        "clock",
        "users",
    ]);
    assert!(output.out.lines().all(|line| line.starts_with("ok   ")), "{}", output.out);

    let secrets = Secrets::start(Some("a generated secret of 32 bytes or more")).await;
    let output =
        run(secrets.with_endpoint(command(&["doctor", "--secret", ARN]).args(cli.table())), "").await;
    output.prints(&[&format!("read from the secret {ARN}")]);

    let mut keys: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    keys["password_peppers"] = json!({"a": "TEVBS0VE", "shop": "TEVBS0VE"});
    let secrets = Secrets::start(Some(&keys.to_string())).await;
    let output =
        run(secrets.with_endpoint(command(&["doctor", "--secret", ARN]).args(cli.table())), "").await;
    output.prints(&[&format!("read from the secret {ARN}, with the password peppers a, shop\n")]);
    assert!(!output.out.contains("TEVBS0VE"), "{}", output.out);
}

#[tokio::test]
async fn empty_table_is_a_warning() {
    let table = Table::start().await;
    assert_eq!(on(&table, "fresh", &["table", "create"]).await.code, 0);
    let output = on(&table, "fresh", &["doctor"]).await;
    output.prints(&["warn users         there is none"]);
}

#[tokio::test]
async fn missing_table_or_one_of_another_program_fails() {
    let table = Table::start().await;
    let output = on(&table, "missing", &["doctor", "--json"]).await;
    fails(&output, &[("table", "`postern table create` makes one")]);
    create_other(&table, "other").await;
    let output = on(&table, "other", &["doctor", "--json"]).await;
    fails(&output, &[("key schema", "another program's table"), ("expiry", "update-time-to-live")]);
    // No table is named.
    fails(&run(&mut command(&["doctor", "--json"]), "").await, &[("settings", "which table?")]);
    let gone = ["doctor", "--json", "--table", "postern", "--endpoint-url", "http://127.0.0.1:9"];
    fails(&run(&mut command(&gone), "").await, &[("table", "DynamoDB is not available")]);
}

#[tokio::test]
async fn broken_keys_fail_and_are_not_shown() {
    let cli = Cli::start().await;
    let doctor = ["doctor", "--json"];
    for keys in ["too-short-a-key", r#"{"keys":[{"kty":"oct","k":"dG9vLXNob3J0"}]}"#, "[1]"] {
        let output = run(command(&doctor).args(cli.table()).env("SIGNING_KEYS", keys), "").await;
        fails(&output, &[("signing keys", "the signing keys in SIGNING_KEYS are broken")]);
        assert!(
            !output.out.contains("too-short-a-key") && !output.out.contains("dG9vLXNob3J0"),
            "{output:?}"
        );
    }
    let secrets = Secrets::start(None).await;
    let output =
        run(secrets.with_endpoint(command(&doctor).args(cli.table()).args(["--secret", ARN])), "").await;
    fails(&output, &[("signing keys", "is not there, or empty")]);
    let both = [("SIGNING_KEYS", "x"), ("SIGNING_KEYS_SECRET_ARN", ARN)];
    let output = run(command(&doctor).args(cli.table()).envs(both), "").await;
    fails(&output, &[("signing keys", "only one of them can hold the signing keys")]);
}

/// The endpoint has no table, and every reply of it has the date of another clock.
#[tokio::test]
async fn wrong_clock_fails() {
    let endpoint = serve(Router::new().fallback(async || {
        let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message": "none"});
        let mut reply = reply(400, &error);
        reply.headers_mut().insert("date", "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        reply
    }))
    .await;
    let words = ["doctor", "--json", "--table", "postern", "--endpoint-url", &endpoint];
    let output = run(&mut command(&words), "").await;
    fails(&output, &[("table", "there is no table postern"), ("clock", "ahead of DynamoDB")]);
}
