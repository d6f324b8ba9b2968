//! A warm sign-in through `handle`, beside its hash alone and the store's calls alone.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use postern::password::Passwords;
use postern_tests::logs;
use postern_tests::stand::Stand;
use serde_json::{Value, json};

use crate::Spread;

const ROUNDS: usize = 100;

pub(crate) async fn run() {
    let stand = Stand::start().await;
    let passwords = Passwords::default();
    let hash = passwords.hash("SecurePass123!", [7; 16]).unwrap();
    let client = client(&stand.table.endpoint());
    let body = json!({"username": "johndoe", "password": "SecurePass123!"}).to_string();

    let (mut bare, mut calls, mut whole, mut rest) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // Interleaved, so that a noisy neighbour disturbs all three alike; the first rounds warm up.
    for round in 0..ROUNDS + 10 {
        let start = Instant::now();
        assert!(black_box(passwords.verify(Some(&hash), "SecurePass123!")));
        let verified = start.elapsed();

        let start = Instant::now();
        store_calls(&client).await;
        let called = start.elapsed();

        let event = stand.event("account", Some(&body));
        let start = Instant::now();
        let reply = stand.invoke("account", event).await;
        let signed_in = start.elapsed();
        assert_eq!(reply.status, 200);
        let rest_of_it = signed_in.saturating_sub(hashing());

        if round >= 10 {
            bare.push(verified);
            calls.push(called);
            whole.push(signed_in);
            rest.push(rest_of_it);
        }
    }
    let (bare, calls, whole, rest) =
        (Spread::of(bare), Spread::of(calls), Spread::of(whole), Spread::of(rest));
    println!("A warm sign-in (account, Argon2id m=19456 t=2 p=1, embedded store), {ROUNDS} rounds\n");
    println!("  bare argon2 verification         {bare}");
    println!("  whole sign-in through `handle`   {whole}");
    println!("  whole / bare                     {:8.2}", whole.median / bare.median);
    println!("  all but the hash                 {rest}   goal: at most 1.5");
    println!("  the store's calls alone          {calls}   3 trips, 8 calls, through the SDK");
    println!(
        "  our own: neither hash nor calls  {:8.2} ms   goal: at most 0.3\n",
        rest.median - calls.median
    );
}

/// How long the last sign-in hashed, as its audit event tells, to a tenth of a millisecond.
fn hashing() -> Duration {
    let logged = logs::so_far();
    let event: Value = serde_json::from_str(logged.lines().last().unwrap()).unwrap();
    Duration::from_secs_f64(event["hash_ms"].as_f64().unwrap() / 1000.0)
}

/// The calls of a sign-in with a session, in its pattern: two at once, two at once, four at once.
async fn store_calls(client: &Client) {
    tokio::join!(get(client), update(client, "a"));
    tokio::join!(get(client), update(client, "b"));
    tokio::join!(update(client, "c"), update(client, "d"), update(client, "e"), put(client));
}

pub(crate) async fn get(client: &Client) {
    let read = client.get_item().table_name("postern").consistent_read(true);
    black_box(read.key("pk", text("USER#1")).key("sk", text("USER")).send().await.unwrap());
}

async fn update(client: &Client, name: &str) {
    let write = client
        .update_item()
        .table_name("postern")
        .update_expression("ADD failures :one SET charged_by = :me");
    let write = write.condition_expression("attribute_not_exists(failures) OR charged_by <> :nobody");
    let write = write
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .expression_attribute_values(":me", text("me"))
        .expression_attribute_values(":nobody", text("nobody"));
    let key = format!("BENCH#{name}");
    black_box(write.key("pk", text(&key)).key("sk", text("ATTEMPTS")).send().await.unwrap());
}

async fn put(client: &Client) {
    let write =
        client.put_item().table_name("postern").item("pk", text("BENCH#session")).item("sk", text("x"));
    let write =
        ["kind", "current_hash", "device", "epoch", "created_at", "rotated_at", "expires_at", "ends_at"]
            .into_iter()
            .fold(write, |write, name| write.item(name, text("some value of some length")));
    black_box(write.send().await.unwrap());
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "bench"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}
