//! Creating the table, and checking it.

use postern::environment::Environment;
use postern::local_endpoint::{EndpointFile, LocalService};
use postern_tests::table::Table;
use serde_json::json;

use crate::cli::{Cli, CliOutput, command, run};

pub(crate) async fn on(table: &Table, name: &str, words: &[&str]) -> CliOutput {
    let where_it_is = ["--table".to_owned(), name.to_owned(), "--endpoint-url".to_owned(), table.endpoint()];
    run(command(words).args(where_it_is), "").await
}

/// Creates a table of another schema.
pub(crate) async fn create_other(table: &Table, name: &str) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    let attribute =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::N);
    let key = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash);
    client(table)
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute.build().unwrap())
        .key_schema(key.build().unwrap())
        .send()
        .await
        .unwrap();
}

/// A client for the table, without the product's code.
pub(crate) fn client(table: &Table) -> aws_sdk_dynamodb::Client {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(table.endpoint());
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

#[tokio::test]
async fn created_table_passes_every_check() {
    let table = Table::start().await;
    on(&table, "fresh", &["table", "check"]).await.fails_with(3, "there is no table fresh here");
    let made = on(&table, "fresh", &["table", "create"]).await;
    made.prints(&["ok   created       the table fresh"]);
    on(&table, "fresh", &["table", "create"]).await.fails_with(4, "the table fresh is there already");
    let checked = on(&table, "fresh", &["table", "check", "--json"]).await.json();
    let levels: Vec<_> = checked.as_array().unwrap().iter().map(|c| (&c["check"], &c["level"])).collect();
    let ok = json!("ok");
    assert_eq!(levels, [(&json!("key schema"), &ok), (&json!("billing"), &ok), (&json!("expiry"), &ok)]);
}

#[tokio::test]
async fn table_of_another_schema_fails() {
    let table = Table::start().await;
    create_other(&table, "other").await;
    let output = on(&table, "other", &["table", "check"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.contains("FAIL key schema    the key is not pk (hash) and sk (range)"), "{output:?}");
    assert!(output.out.contains("FAIL expiry        TTL is not on for expires_at"), "{output:?}");
}

#[tokio::test]
async fn command_on_a_missing_table_is_refused() {
    let cli = Cli::start().await;
    for words in [&["user", "show", "johndoe"][..], &["user", "list"], &["user", "unlock", "johndoe"]] {
        on(&cli.deployment.table, "missing", words).await.fails_with(3, "there is no such table");
    }
    run(&mut command(&["user", "list"]), "").await.fails_with(2, "which table?");
    let mut in_env =
        command(&["user", "show", "johndoe", "--endpoint-url", &cli.deployment.table.endpoint()]);
    run(in_env.env("TABLE_NAME", "postern"), "").await.prints(&["johndoe"]);
    assert_eq!(run(&mut command(&["user", "list", "--local", "--table", "postern"]), "").await.code, 2);
    let somewhere = ["user", "list", "--table", "postern", "--endpoint-url"];
    for wrong in
        ["localhost:8000", "http://", "https://:8000", "http:/127.0.0.1", "http://127.0.0.1@example.com"]
    {
        run(command(&somewhere).arg(wrong), "").await.fails_with(2, "--endpoint-url must be a URL");
    }
    run(command(&somewhere).arg("http://127.0.0.1:9"), "").await.fails_with(6, "DynamoDB is not available");
    let no_one = ["user", "list", "--table", "postern", "--region", "eu-central-1"];
    let alone = [("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/no/such/directory")];
    let without_credentials = |words: &[&str]| {
        let mut command = command(words);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").envs(alone);
        command
    };
    run(&mut without_credentials(&no_one), "").await.fails_with(1, "there are no AWS credentials here");
    run(&mut without_credentials(&no_one[..4]), "").await.fails_with(2, "which region?");
    let profile = [&no_one[..4], &["--profile", "nobodys"]].concat();
    run(&mut without_credentials(&profile), "")
        .await
        .fails_with(2, "The profile nobodys is not there or has none");
    // A table on this machine needs no credentials.
    let here = ["user", "show", "johndoe", "--table", "postern", "--endpoint-url"];
    let mut here = without_credentials(&here);
    run(here.arg(cli.deployment.table.endpoint()), "").await.prints(&["johndoe"]);
}

/// An operator must see which address was tried, and how to change it.
#[tokio::test]
async fn unreachable_table_is_named_with_the_options_that_change_it() {
    for words in [&["user", "show", "anna"][..], &["table", "create"], &["export"]] {
        let words = [&["--table", "postern", "--endpoint-url", "http://127.0.0.1:9"], words].concat();
        let output = run(&mut command(&words), "").await;
        output.fails_with(
            6,
            "tried http://127.0.0.1:9; --endpoint-url, AWS_ENDPOINT_URL_DYNAMODB or --local changes that",
        );
    }
}

/// `cargo run` notes where its table is.
#[tokio::test]
async fn local_uses_the_port_of_cargo_run_unless_the_environment_disagrees() {
    let cli = Cli::start().await;
    let endpoint = cli.deployment.env.optional("AWS_ENDPOINT_URL_DYNAMODB").unwrap().to_owned();
    let folder = std::env::temp_dir().join(format!("postern-local-{}", std::process::id()));
    let env = Environment::of([("XDG_RUNTIME_DIR", folder.to_str().unwrap())]);
    let file = EndpointFile::write(&env, LocalService::DynamoDb, &endpoint).unwrap();
    let local = || {
        let mut command = command(&["--local", "user", "show", "johndoe"]);
        command.env("XDG_RUNTIME_DIR", &folder).env_remove("AWS_ENDPOINT_URL_DYNAMODB");
        command
    };
    assert_eq!(run(&mut local(), "").await.code, 0);
    let output = run(local().env("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"), "").await;
    output.fails_with(2, "and AWS_ENDPOINT_URL_DYNAMODB is http://127.0.0.1:9");
    drop(file);
    let _ = std::fs::remove_dir_all(&folder);
}
