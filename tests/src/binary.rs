//! The compiled binaries, started as Lambda starts them.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use postern::App;
use postern::environment::Environment;
use postern::store::operator::Operator;
use postern_local::demo;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::deployment::Reply;
use crate::edge;
use crate::events;
use crate::logs;
use crate::runtime_api::RuntimeApi;
use crate::secrets_manager::{Answer, Secrets};
use crate::table::{DISCOVERY_ISSUER, Table};

/// The variables of a function's environment that name its table, its keys, its edge, its issuer and its mail, how
/// many requests it handles at once, and whether account has the password grant.
const VARIABLES: [&str; 25] = [
    "TABLE_NAME",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "SIGNING_KEYS",
    "EDGE_SECRET_SHA256",
    "EDGE_OPTIONAL",
    "SIGNING_KEYS_SECRET_ARN",
    "PUBLIC_KEYS",
    "PUBLIC_KEYS_SECRET_ARN",
    "DISCOVERY_ISSUER",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "ACCOUNT_PASSWORD_GRANT",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_SESV2",
    "MAIL_QUEUE_URL",
    "MAIL_FROM",
    "MAIL_TRANSPORT",
    "MAIL_SMTP_URL",
    "MAIL_SMTP_SECRET_ARN",
    "ACCOUNT_RESET_URL",
    "SESSION_RESET_URL",
];

/// Starts a binary with this environment only.
pub fn start(binary: &str, env: &Environment, runtime_api: &str) -> Child {
    command(binary, env, runtime_api).spawn().unwrap()
}

/// The command that starts a binary so.
pub fn command(binary: &str, env: &Environment, runtime_api: &str) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in VARIABLES {
        if let Some(value) = env.optional(name) {
            command.env(name, value);
        }
    }
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", "local")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    command
}

/// A table with the demo users, and the environment of a function that uses it.
pub async fn demo_table() -> (Table, Environment) {
    let table = Table::start().await;
    let env = table.environment();
    let store = Operator::from_env(&env).unwrap();
    store.create_table().await.unwrap();
    let app = App::start(&env).await.unwrap();
    demo::create_all(&app, &store).await.unwrap();
    demo::begin_sessions(&app, &store).await.unwrap();
    (table, env)
}

/// The environment of the function of the key set: it has neither a table nor signing keys.
pub fn of_key_set() -> Environment {
    Environment::of([
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("PUBLIC_KEYS", r#"{"keys":[]}"#),
        ("DISCOVERY_ISSUER", DISCOVERY_ISSUER),
    ])
}

/// Sends every sample event of a contract through its compiled binary.
pub async fn answers_its_events(binary: &str, contract: &str) {
    let (_table, env) = demo_table().await;
    let logged = answers(binary, contract, &env).await;
    assert!(logged.contains("sign-in attempt"), "{logged}");
}

/// Sends every sample event of this folder through a compiled binary with this environment. The binary reads its keys from
/// Secrets Manager, and its access key id is the folder's name. Returns its log, in which no secret was found.
pub async fn answers(binary: &str, folder: &str, env: &Environment) -> String {
    let mut api = RuntimeApi::start().await;
    let keys = |variable| env.optional(variable).map(|keys| Answer::Text(keys.to_owned()));
    let secrets = match keys("SIGNING_KEYS") {
        Some(signing) => Secrets::start(signing).await,
        None => Secrets::start_public(keys("PUBLIC_KEYS").unwrap()).await,
    };
    let env = secrets.in_env(env.clone()).with("AWS_ACCESS_KEY_ID", folder);
    let mut function = start(binary, &env, &api.address());
    let logged = logged(&mut function);
    for event in events::all(Some(folder)) {
        let reply = timeout(Duration::from_secs(60), api.invoke(event.event.clone())).await;
        let reply = reply.unwrap_or_else(|_| panic!("{} gets no reply", event.name));
        events::assert_reply(&event, &Reply::of(&reply.unwrap()));
    }
    function.kill().await.unwrap();
    let logged = logged.await.unwrap();
    for line in logged.lines() {
        assert_eq!(logs::find_secret(line), None, "{line}");
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    logged
}

/// Sends a compiled binary events that are no requests, as a schedule does that keeps it warm. The binary logs one
/// sentence for each, and nothing of the event.
pub async fn logs_what_is_no_request(binary: &str, env: &Environment) {
    let mut api = RuntimeApi::start().await;
    let mut function = start(binary, env, &api.address());
    let logged = logged(&mut function);
    let events = [
        json!({}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"secret": 1}}),
    ];
    for event in &events {
        let reply = timeout(Duration::from_secs(60), api.invoke(event.clone())).await;
        let reply = reply.unwrap_or_else(|_| panic!("{event} gets no reply"));
        assert!(reply.is_err(), "{event} is no request");
    }
    function.kill().await.unwrap();
    let logged = logged.await.unwrap();
    let sentence =
        "the event is no request of an API Gateway HTTP API (payload format 2.0); nothing was done";
    let lines: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused =
        lines.iter().filter(|line| line["message"] == json!(sentence) && line["level"] == json!("WARN"));
    assert_eq!(refused.count(), events.len(), "{logged}");
    assert!(!logged.contains("aws.events") && !logged.contains("secret"), "{logged}");
}

/// Sends sample events of this folder through a compiled binary behind an edge. It answers those that carry the edge's
/// secret, and no others.
pub async fn answers_only_through_the_edge(binary: &str, folder: &str, env: Environment) {
    let mut api = RuntimeApi::start().await;
    let mut function = start(binary, &edge::on(env), &api.address());
    let logged = logged(&mut function);
    let sample = events::all(Some(folder)).into_iter().find(|sample| sample.name.ends_with("/success"));
    let sample = sample.unwrap();
    for (event, admitted) in [
        (sample.event.clone(), false),
        (edge::sends(&sample.event, edge::SECRET, "203.0.113.7:46532"), true),
        (edge::sends(&sample.event, "another secret", "203.0.113.7:46532"), false),
    ] {
        let reply = timeout(Duration::from_secs(60), api.invoke(event)).await.expect("a reply").unwrap();
        let reply = Reply::of(&reply);
        if admitted {
            events::assert_reply(&sample, &reply);
        } else {
            assert_eq!((reply.status, reply.text.as_str()), (403, edge::FORBIDDEN));
        }
    }
    function.kill().await.unwrap();
    assert!(!logged.await.unwrap().contains(edge::SECRET));
}

/// Starts a compiled binary that checks passwords. It maps the memory for hashes before its first event.
pub async fn maps_the_memory_for_hashes(binary: &str) {
    let (_table, env) = demo_table().await;
    let api = RuntimeApi::start().await;
    let mut function = start(binary, &env, &api.address());
    let logged = logged(&mut function);
    let mapped = async {
        while resident_kib(&function) < HASH_KIB {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(60), mapped).await.expect("the memory is resident");
    function.kill().await.unwrap();
    logged.await.unwrap();
}

/// Sends a sample event to a compiled binary that checks no passwords. It never has the memory for hashes.
pub async fn maps_no_memory_for_hashes(binary: &str, contract: &str) {
    let (_table, env) = demo_table().await;
    let mut api = RuntimeApi::start().await;
    let mut function = start(binary, &env, &api.address());
    let logged = logged(&mut function);
    let sample = events::all(Some(contract)).into_iter().find(|sample| sample.name.ends_with("/success"));
    let reply = timeout(Duration::from_secs(60), api.invoke(sample.unwrap().event)).await;
    assert_eq!(Reply::of(&reply.expect("a reply").unwrap()).status, 200);
    assert!(resident_kib(&function) < HASH_KIB);
    function.kill().await.unwrap();
    logged.await.unwrap();
}

/// The memory of a new hash.
const HASH_KIB: u64 = 19_456;

/// The resident memory of a function that is not a part of a file.
fn resident_kib(function: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", function.id().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Collects what a function logs until its end. It must be read meanwhile, or a full pipe stops the function.
pub fn logged(function: &mut Child) -> JoinHandle<String> {
    let mut output = function.stdout.take().unwrap();
    tokio::spawn(async move {
        let mut logged = String::new();
        output.read_to_string(&mut logged).await.unwrap();
        logged
    })
}

/// Checks that the binary does not start when a variable is missing or wrong, that it names the variable, and that it
/// does not show the value.
pub async fn refuses_bad_configuration(binary: &str) {
    let (_table, good) = demo_table().await;
    for value in ["", "no/table", "missing"] {
        let output = run(binary, &good.clone().with("TABLE_NAME", value)).await;
        let shown = assert_refused(&output, "TABLE_NAME", value);
        let cause =
            "names a table that cannot be read: DynamoDB refused the request: ResourceNotFoundException";
        assert_eq!(shown.contains(cause), value == "missing", "{shown}");
    }
    refuses_bad_environment(binary, &good).await;
    for (name, value) in [
        ("SIGNING_KEYS", ""),
        ("SIGNING_KEYS", "too-short-to-be-a-key"),
        ("SIGNING_KEYS", r#"{"keys":[{"kty":"oct","k":"dG9vLXNob3J0LXRvLWJlLWEta2V5"}]}"#),
        ("AWS_ENDPOINT_URL_DYNAMODB", "localhost"),
    ] {
        refuses(binary, &good, name, value).await;
    }
    // The sample key is for this machine only.
    let elsewhere = good.with("AWS_ENDPOINT_URL_DYNAMODB", "http://192.0.2.1:8000");
    assert_refused(&run(binary, &elsewhere).await, "SIGNING_KEYS", "cG9zdGVybi");
}

/// Checks that the binary does not start with this value of a variable, as [`refuses_bad_configuration`] does.
pub async fn refuses(binary: &str, good: &Environment, variable: &str, value: &str) {
    let output = run(binary, &good.clone().with(variable, value)).await;
    assert_refused(&output, variable, value);
}

/// Checks the same of the variables that every function reads.
pub async fn refuses_bad_environment(binary: &str, good: &Environment) {
    for (name, value) in [
        ("AWS_REGION", ""),
        ("AWS_REGION", "Frankfurt am Main"),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_CA_BUNDLE", "/there/is/no/such/file.pem"),
        ("AWS_CA_BUNDLE", "/dev/null"),
        ("EDGE_SECRET_SHA256", "the-secret-in-place-of-its-digest"),
        // Of the empty text.
        ("EDGE_SECRET_SHA256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("EDGE_OPTIONAL", "yes"),
    ] {
        refuses(binary, good, name, value).await;
    }
}

async fn run(binary: &str, env: &Environment) -> Output {
    let function = start(binary, env, "127.0.0.1:9");
    timeout(Duration::from_secs(60), function.wait_with_output()).await.expect("it ends").unwrap()
}

fn assert_refused(output: &Output, variable: &str, value: &str) -> String {
    let refused = [output.stdout.as_slice(), &output.stderr].concat();
    let refused = String::from_utf8(refused).unwrap();
    assert!(!output.status.success(), "{variable}={value}: {refused}");
    assert!(refused.contains(variable), "{variable} is not named: {refused}");
    let is_secret =
        ["SIGNING_KEYS", "PUBLIC_KEYS", "EDGE_SECRET_SHA256", "MAIL_SMTP_URL"].contains(&variable);
    let secret = !is_secret || value.is_empty() || !refused.contains(value);
    assert!(secret, "the value is shown: {refused}");
    assert!(!refused.contains("panicked"), "{refused}");
    refused
}

/// The path of a file beside the workspace's `Cargo.toml`.
pub fn in_workspace(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
