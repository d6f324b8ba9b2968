//! The audit lines of the operator.

use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use postern::clock::now;
use postern::store::operator::{ChangeStage, Operator, OperatorEvent};
use postern::token::SAMPLE_KEYS;
use postern_tests::relay;
use serde_json::json;

use crate::cli::{Cli, CliOutput, PASSWORD, command, run};
use crate::secrets::{ARN, Secrets, reply, serve};
use crate::sts;
use crate::table::client;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn events(store: &Operator) -> Vec<OperatorEvent> {
    store.events(now().minus(DAY), now().plus(DAY)).await.unwrap().events
}

/// The one line that was written since the last call.
async fn next(store: &Operator, seen: &mut usize) -> OperatorEvent {
    let mut all = events(store).await;
    assert_eq!(all.len(), *seen + 1, "{all:?}");
    *seen = all.len();
    all.sort_by_key(|event| event.at);
    all.pop().unwrap()
}

#[tokio::test]
async fn every_change_leaves_one_line_with_the_user_and_no_name() {
    let cli = Cli::start().await;
    let store = &cli.deployment.store;
    let mut seen = 0;
    for (words, id) in [
        (&["user", "add", "ann", "--email", "ann@b.example", "--password-stdin"][..], Some(45)),
        (&["user", "change", "ann", "--username", "anna"], Some(45)),
        (&["user", "set-password", "anna", "--password-stdin"], Some(45)),
        (&["user", "disable", "anna"], Some(45)),
        (&["user", "enable", "anna"], Some(45)),
        (&["user", "activate", "dormant"], Some(40)),
        (&["user", "unlock", "ann@b.example"], Some(45)),
        (&["user", "unlock", "mallory"], None),
        (&["user", "mfa", "off", "guarded"], Some(43)),
        (&["user", "mfa", "enrol", "guarded"], Some(43)),
        (&["user", "sessions", "anna", "--end"], Some(45)),
        (&["user", "sessions", "--end", "--all", "--yes"], None),
        (&["table", "upgrade"], None),
        (&["user", "delete", "anna", "--yes"], Some(45)),
    ] {
        let began = now();
        let output = run(command(words).args(cli.table()).env("USER", "operator-ann"), PASSWORD).await;
        assert_eq!(output.code, 0, "{output:?}");
        let event = next(store, &mut seen).await;
        assert!(
            words
                .join(" ")
                .starts_with(&event.command[..event.command.find(" --").unwrap_or(event.command.len())])
        );
        assert_eq!(
            (event.user_id, event.outcome, &event.failure),
            (id, ChangeStage::Done, &None),
            "{words:?}"
        );
        assert_eq!(event.actor, "os-user/operator-ann");
        assert!(began <= event.at && event.at <= event.ended_at.unwrap(), "{event:?}");
        let stored = format!("{event:?}").replace("operator-ann", "");
        for name in ["ann", "mallory", "dormant", "guarded", PASSWORD] {
            assert!(!stored.contains(name), "{name} in {stored}");
        }
    }
}

#[tokio::test]
async fn reads_dry_runs_and_refused_command_lines_leave_no_line() {
    let cli = Cli::start().await;
    let file = std::env::temp_dir().join(format!("postern-audit-{}.jsonl", std::process::id()));
    std::fs::write(&file, "{\"username\":\"imported\"}\n").unwrap();
    for words in [
        &["user", "show", "johndoe"][..],
        &["user", "list"],
        &["user", "sessions", "johndoe"],
        &["user", "delete", "johndoe"],
        &["user", "enable", "johndoe"],
        &["user", "add", "johndoe", "--no-password"],
        &["table", "check"],
        &["doctor"],
        &["export"],
        &["import", "jsonl", file.to_str().unwrap(), "--dry-run"],
    ] {
        run(command(words).args(cli.table()), "").await;
        assert_eq!(events(&cli.deployment.store).await, [], "{words:?}");
    }
    let import = ["import", "jsonl", file.to_str().unwrap()];
    assert_eq!(cli.run(&import).await.code, 0);
    let all = events(&cli.deployment.store).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(all.len(), 1, "one line for a whole import");
    let counts = json!({"already_there": 0, "imported": 1, "joined": 0, "read": 1, "rejected": 0});
    assert_eq!((all[0].command.as_str(), json!(all[0].counts)), ("import", counts));
    assert_eq!((all[0].user_id, all[0].outcome), (None, ChangeStage::Done));
}

#[tokio::test]
async fn refused_change_leaves_its_kind_and_no_name() {
    let cli = Cli::start().await;
    cli.run(&["user", "change", "johndoe", "--username", "st.huber"]).await.fails_with(4, "is taken");
    let event = next(&cli.deployment.store, &mut 0).await;
    assert_eq!((event.outcome, event.failure.as_deref()), (ChangeStage::Failed, Some("refused")));
    assert_eq!((event.user_id, event.counts.len()), (Some(1), 0));
}

#[tokio::test]
async fn change_of_a_secret_leaves_a_line_and_needs_a_table() {
    let secrets = Secrets::start(Some(SAMPLE_KEYS)).await;
    let rotate = ["keys", "rotate", "--add", "--secret", ARN];
    run(secrets.with_table(&mut command(&rotate)), "").await.prints(&["added"]);
    let store = Operator::new(client(&secrets.table), "postern");
    let event = next(&store, &mut 0).await;
    assert_eq!((event.command.as_str(), event.outcome), ("keys rotate --add", ChangeStage::Done));
    let before = secrets.value();
    let mut without = command(&rotate);
    let output = run(secrets.with_table(&mut without).env_remove("TABLE_NAME"), "").await;
    output.fails_with(2, "is recorded in the table: which table?");
    assert_eq!(secrets.value(), before);
}

/// How the table behind a relay treats audit lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// No new line is accepted.
    Begin,
    /// The end of a change is not accepted.
    End,
    /// All other writes fail.
    Change,
    /// All other writes hang.
    Hang,
}

/// Starts a relay in front of the table of a deployment.
async fn faulty(cli: &Cli, fault: Fault) -> String {
    let table = cli.deployment.table.endpoint().trim_start_matches("http://").to_owned();
    let handle = move |request: Request| pass(table.clone(), fault, request);
    serve(Router::new().fallback(handle)).await
}

async fn pass(table: String, fault: Fault, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers["x-amz-target"].to_str().unwrap();
    let text = String::from_utf8_lossy(&body);
    let is_line = target.ends_with("PutItem") && text.contains("OPERATOR#");
    let is_write = !is_line
        && ["Item", "Items"].iter().any(|end| target.ends_with(end))
        && !target.contains(".Get")
        && !target.contains(".BatchGet");
    let is_new = is_line && text.contains("attribute_not_exists");
    match fault {
        Fault::Begin if is_new => denied(),
        Fault::End if is_line && !is_new => denied(),
        Fault::Change if is_write => denied(),
        Fault::Hang if is_write => std::future::pending().await,
        _ => relay::pass(&table, parts, body).await,
    }
}

fn denied() -> Response {
    let body = json!({"__type": "com.amazon.coral.service#AccessDeniedException",
        "Message": "User: arn:aws:iam::123456789012:user/ann is not authorized"});
    reply(400, &body)
}

async fn disable(cli: &Cli, fault: Fault) -> CliOutput {
    let endpoint = faulty(cli, fault).await;
    let words = ["user", "disable", "johndoe", "--table", "postern", "--endpoint-url", &endpoint];
    run(&mut command(&words), "").await
}

async fn status(cli: &Cli) -> String {
    cli.run(&["user", "show", "1", "--json"]).await.json()["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_changed_if_the_line_cannot_be_written() {
    let cli = Cli::start().await;
    let output = disable(&cli, Fault::Begin).await;
    output.fails_with(1, "is not authorized; nothing is changed, since the audit line cannot be written");
    assert_eq!(status(&cli).await, "active");
    assert_eq!(events(&cli.deployment.store).await, []);
}

#[tokio::test]
async fn failed_change_leaves_the_reason() {
    let cli = Cli::start().await;
    disable(&cli, Fault::Change).await.fails_with(1, "is not authorized");
    let event = next(&cli.deployment.store, &mut 0).await;
    assert_eq!(event.outcome, ChangeStage::Failed);
    assert!(event.failure.as_deref().unwrap().contains("is not authorized"), "{event:?}");
}

/// A message says so, and the exit code shows it to a script. The output that is shown once is shown.
#[tokio::test]
async fn change_is_done_in_part_if_the_end_cannot_be_written() {
    let cli = Cli::start().await;
    let output = disable(&cli, Fault::End).await;
    assert_eq!(output.code, 5, "{output:?}");
    assert!(output.out.contains("is now disabled"), "{output:?}");
    assert!(output.err.contains("the audit line of this change stays `started`"), "{output:?}");
    assert_eq!(next(&cli.deployment.store, &mut 0).await.outcome, ChangeStage::Started);
}

#[tokio::test]
async fn killed_command_leaves_a_line_that_began() {
    let cli = Cli::start().await;
    let endpoint = faulty(&cli, Fault::Hang).await;
    let words = ["user", "disable", "johndoe", "--table", "postern", "--endpoint-url", &endpoint];
    let mut command = command(&words);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while events(&cli.deployment.store).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    child.kill().await.unwrap();
    let event = next(&cli.deployment.store, &mut 0).await;
    assert_eq!((event.outcome, event.ended_at), (ChangeStage::Started, None));
    assert_eq!(event.user_id, Some(1));
}

#[tokio::test]
async fn actor_is_the_identity_at_sts_or_else_the_access_key() {
    let cli = Cli::start().await;
    for (endpoint, actor) in
        [(sts::start().await, sts::ANN), ("http://127.0.0.1:9".to_owned(), "access-key/AKIAIOSFODNN7EXAMPLE")]
    {
        let mut command = command(&["user", "unlock", "johndoe"]);
        command.env("AWS_ENDPOINT_URL_STS", endpoint).env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
        let output = run(command.args(cli.table()).env("AWS_SECRET_ACCESS_KEY", "secret"), "").await;
        assert_eq!(output.code, 0, "{output:?}");
        let all = events(&cli.deployment.store).await;
        assert!(all.iter().any(|event| event.actor == actor), "{actor}: {all:?}");
    }
}

#[tokio::test]
async fn audit_line_that_cannot_be_read_is_counted_and_hides_no_other() {
    use aws_sdk_dynamodb::types::AttributeValue::S;
    let cli = Cli::start().await;
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe"]);
    let at = now().iso8601().unwrap();
    let put = client(&cli.deployment.table).put_item().table_name("postern");
    let put = put.item("pk", S(format!("OPERATOR#{}", &at[..10]))).item("sk", S(format!("{at}#x")));
    put.item("at", S("no time".to_owned())).send().await.unwrap();
    let output = run(command(&["attempts", "--operator", "--json"]).args(cli.table()), "").await;
    assert_eq!((output.code, output.out.lines().count()), (0, 1), "{output:?}");
    assert!(output.out.contains("user unlock"), "{output:?}");
    assert_eq!(output.err, "postern: not shown, since it cannot be read: 1 audit line in the table\n");
}

/// Audit lines are no users.
#[tokio::test]
async fn export_list_and_doctor_ignore_audit_lines() {
    let cli = Cli::start().await;
    let before = run(command(&["export"]).args(cli.table()), "").await.out;
    cli.run(&["user", "unlock", "johndoe"]).await.prints(&["johndoe"]);
    assert_eq!(events(&cli.deployment.store).await.len(), 1);
    assert_eq!(run(command(&["export"]).args(cli.table()), "").await.out, before);
    assert_eq!(cli.run(&["user", "list"]).await.out.lines().count(), 8);
    cli.run(&["doctor"]).await.prints(&["there is at least one"]);
}

/// No function can read or write audit lines: no prefix of a key that the template grants fits them.
#[test]
fn template_grants_no_function_the_audit_lines() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let template = std::fs::read_to_string(path).unwrap();
    let granted: Vec<&str> = template
        .lines()
        .filter_map(|line| line.split_once("\"dynamodb:LeadingKeys\": [")?.1.split_once(']'))
        .flat_map(|(keys, _)| keys.split(',').map(|key| key.trim().trim_matches('"')))
        .collect();
    assert!(granted.contains(&"USER#*"), "{granted:?}");
    for pattern in granted {
        let prefix = pattern.trim_end_matches('*');
        assert!(!prefix.is_empty() && !"OPERATOR#".starts_with(prefix), "{pattern}");
    }
}
