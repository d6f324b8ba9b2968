//! `postern attempts`: the audit trail out of CloudWatch Logs, the table, and the file of `cargo run`.

use std::process::Stdio;
use std::time::Duration;

use postern::clock::{Timestamp, now};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::cli::{Cli, CliOutput, command, run};
use crate::cloudformation::{CloudFormation, STACK, Scene};
use crate::logs::{Logs, with_logs};

const GROUPS: [(&str, &str); 3] =
    [("AccountSigninLogs", "account-logs"), ("MfaSigninLogs", "mfa-logs"), ("JwksLogs", "jwks-logs")];

struct Stage {
    cli: Cli,
    stack: CloudFormation,
    logs: Logs,
    endpoint: String,
}

impl Stage {
    /// A stack with three log groups, and an event and another line in each.
    async fn start(logs: Logs) -> Self {
        let scene = Scene { resources: GROUPS.to_vec(), ..Scene::default() };
        for (_, group) in GROUPS {
            logs.add(
                group,
                now().millis(),
                "START RequestId: 00000000-0000-0000-0000-000000000000 Version: 1",
            );
        }
        Self {
            cli: Cli::start().await,
            stack: CloudFormation::start(scene).await,
            endpoint: logs.start().await,
            logs,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command(&["attempts", "--stack", STACK]);
        self.stack.with_endpoint(&mut command);
        with_logs(&self.endpoint, &mut command);
        command.args(words).args(["--endpoint-url", &self.cli.deployment.table.endpoint()]);
        command
    }

    async fn run(&self, words: &[&str]) -> CliOutput {
        run(&mut self.command(words), "").await
    }
}

fn event(contract: &str, outcome: &str, user_id: Option<u64>, at: Timestamp) -> String {
    let mut event = json!({"timestamp": at.iso8601(), "level": "INFO", "message": "sign-in attempt",
        "contract": contract, "outcome": outcome, "address": "192.0.2.7", "request_id": format!("{contract}-{outcome}")});
    if let Some(id) = user_id {
        event["user_id"] = id.into();
    }
    event.to_string()
}

fn ago(minutes: u64) -> Timestamp {
    now().minus(Duration::from_secs(60 * minutes))
}

/// The request ids of the lines.
fn requests(output: &CliOutput) -> Vec<String> {
    assert_eq!((output.code, output.err.as_str()), (0, ""), "{output:?}");
    let value = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    output
        .out
        .lines()
        .map(|line| value(line)["request_id"].as_str().unwrap_or("operator").to_owned())
        .collect()
}

#[tokio::test]
async fn events_of_all_functions_come_in_order_of_time() {
    let stage = Stage::start(Logs::default()).await;
    let logs = &stage.logs;
    for (group, contract, outcome, user, minutes) in [
        ("account-logs", "account", "signed_in", Some(1), 50),
        ("account-logs", "account", "wrong_password", Some(1), 40),
        ("account-logs", "account", "unknown_user", None, 10),
        ("mfa-logs", "mfa", "wrong_code", Some(43), 45),
        ("mfa-logs", "mfa", "throttled", Some(1), 5),
        ("mfa-logs", "mfa", "disabled", Some(42), 90),
    ] {
        logs.add(group, ago(minutes).millis(), &event(contract, outcome, user, ago(minutes)));
    }
    stage.cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe"]);

    let all = stage.run(&["--json"]).await;
    let expected = [
        "account-signed_in",
        "mfa-wrong_code",
        "account-wrong_password",
        "account-unknown_user",
        "mfa-throttled",
        "operator",
    ];
    assert_eq!(requests(&all), expected);
    // Each request has the filter, and no function without events is asked.
    for request in logs.requests() {
        assert_eq!(
            request["filterPattern"],
            r#"{ ($.message = "sign-in attempt" || $.message = "session" || $.message = "password") }"#
        );
        assert_ne!(request["logGroupName"], "jwks-logs");
    }
    for (words, expected) in [
        (
            &["--since", "2h", "--contract", "mfa"][..],
            &["mfa-disabled", "mfa-wrong_code", "mfa-throttled"][..],
        ),
        (
            &["--user", "johndoe"],
            &["account-signed_in", "account-wrong_password", "mfa-throttled", "operator"],
        ),
        (&["--user", "43", "--outcome", "wrong_code"], &["mfa-wrong_code"]),
        (&["--address", "192.0.2.7", "--since", "7m"], &["mfa-throttled"]),
        (&["--address", "192.0.2.8"], &[]),
        (&["--operator"], &["operator"]),
        (&["--outcome", "done"], &["operator"]),
        (&["--outcome", "failed"], &[]),
    ] {
        assert_eq!(requests(&stage.run(&[words, &["--json"]].concat()).await), expected, "{words:?}");
    }
    logs.requests();
    stage
        .run(&["--user", "1", "--address", "192.0.2.7", "--contract", "mfa", "--outcome", "throttled"])
        .await;
    let patterns: Vec<Value> =
        logs.requests().iter().map(|request| request["filterPattern"].clone()).collect();
    assert!(!patterns.is_empty());
    for pattern in patterns {
        let conditions = r#"&& ($.user_id = 1) && ($.address = "192.0.2.7") && ($.outcome = "throttled") && ($.contract = "mfa") }"#;
        assert!(pattern.as_str().unwrap().ends_with(conditions), "{pattern}");
    }
}

#[tokio::test]
async fn columns_are_printed_for_people() {
    let stage = Stage::start(Logs::default()).await;
    let at = ago(3);
    stage.logs.add("account-logs", at.millis(), &event("account", "signed_in", Some(1), at));
    let common = event("account", "common_password", Some(1), at).replace("sign-in attempt", "password");
    stage.logs.add("account-logs", at.millis(), &common);
    let unlock = ["user", "unlock", "johndoe"];
    run(command(&unlock).args(stage.cli.table()).env("USER", "ann"), "").await.prints(&["johndoe"]);
    let output = stage.run(&[]).await;
    assert_eq!(output.code, 0, "{output:?}");
    let lines: Vec<Vec<&str>> = output.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let time = at.iso8601().unwrap();
    assert_eq!(lines[0], ["TIME", "CONTRACT", "OUTCOME", "USER", "ADDRESS", "REQUEST"]);
    assert_eq!(lines[1], [&time, "account", "signed_in", "1", "192.0.2.7", "account-signed_in"]);
    assert_eq!(lines[2], [&time, "account", "common_password", "1", "192.0.2.7", "account-common_password"]);
    assert_eq!(lines[3][1..], ["operator", "done", "1", "user", "unlock", "by", "os-user/ann"]);
    assert_eq!(lines.len(), 4);
    let found = stage.run(&["--outcome", "common_password", "--json"]).await;
    assert_eq!(requests(&found), ["account-common_password"]);
}

#[tokio::test]
async fn follow_shows_each_new_event_once() {
    let stage = Stage::start(Logs::default()).await;
    let add = |outcome: &str, at: Timestamp| {
        stage.logs.add("account-logs", at.millis(), &event("account", outcome, Some(1), at));
    };
    add("signed_in", ago(1));
    let mut command = stage.command(&["--follow", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await.unwrap();
        serde_json::from_str::<Value>(&line.unwrap().unwrap()).unwrap()
    };
    assert_eq!(next().await["outcome"], "signed_in");
    // It happened before the last look, and reaches the log only now.
    add("wrong_password", ago(0).minus(Duration::from_secs(10)));
    assert_eq!(next().await["outcome"], "wrong_password");
    stage.cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe"]);
    let mut operator = next().await;
    if operator["outcome"] == "started" {
        operator = next().await;
    }
    assert_eq!((&operator["message"], &operator["outcome"]), (&json!("operator"), &json!("done")));
    add("throttled", now());
    assert_eq!(next().await["outcome"], "throttled");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn wrong_or_unreadable_sources_are_named() {
    let stage = Stage::start(Logs { denied: true, ..Logs::default() }).await;
    stage.run(&[]).await.fails_with(1, "allow logs:FilterLogEvents");
    stage.run(&["--user", "nobody"]).await.fails_with(3, "there is no user nobody");
    stage.run(&["--contract", "email"]).await.fails_with(3, "has no log groups of these functions");
    let absent = Stage::start(Logs::default()).await;
    let gone = Logs::default();
    let mut command = absent.command(&[]);
    run(with_logs(&gone.start().await, &mut command), "")
        .await
        .fails_with(3, "there is no log group account-logs");
    run(with_logs("http://127.0.0.1:9", &mut absent.command(&[])), "").await.fails_with(6, "cannot be asked");
    stage.cli.run(&["attempts"]).await.fails_with(2, "which log groups?");
    stage.cli.run(&["attempts", "--operator"]).await.prints(&[]);
    for words in [
        &["--outcome", "happy"][..],
        &["--contract", "jwks"],
        &["--address", "example.com"],
        &["--since", "yesterday"],
        &["--operator", "--contract", "mfa"],
    ] {
        assert_eq!(stage.run(words).await.code, 2, "{words:?}");
    }
    // A user who was deleted is found by the id.
    stage.cli.run(&["user", "delete", "st.huber", "--yes"]).await.prints(&["deleted"]);
    for user in ["33", "id:33"] {
        let deleted = stage.cli.run(&["attempts", "--operator", "--user", user, "--json"]).await.json();
        assert_eq!((&deleted["command"], &deleted["user_id"]), (&json!("user delete"), &json!(33)));
    }
}

/// `cargo run` writes the file, and its own test checks that.
#[tokio::test]
async fn local_events_come_from_the_file_of_cargo_run() {
    let cli = Cli::start().await;
    let folder = std::env::temp_dir().join(format!("postern-attempts-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("postern")).unwrap();
    let endpoint = cli.deployment.table.endpoint();
    std::fs::write(folder.join("postern/dynamodb-endpoint"), endpoint).unwrap();
    let local = async |words: &[&str]| {
        let mut command = command(&[&["--local", "attempts", "--json"], words].concat());
        run(command.env("XDG_RUNTIME_DIR", &folder), "").await
    };
    let absent = local(&[]).await;
    assert!(
        absent.code == 3 && absent.err.contains("there are no audit events of `cargo run`"),
        "{absent:?}"
    );
    let lines = [
        event("account", "signed_in", Some(1), ago(90)),
        event("mfa", "wrong_code", Some(43), ago(30)),
        "half a li".to_owned(),
        event("account", "unknown_user", None, ago(20)),
    ];
    std::fs::write(folder.join("postern/audit.jsonl"), lines.join("\n")).unwrap();
    assert_eq!(requests(&local(&[]).await), ["mfa-wrong_code", "account-unknown_user"]);
    assert_eq!(requests(&local(&["--contract", "mfa", "--since", "1d"]).await), ["mfa-wrong_code"]);
    std::fs::remove_dir_all(folder).unwrap();
}
