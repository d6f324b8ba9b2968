//! A warm sign-in at each door through `handle`, beside its hash alone and the store's calls alone.
//!
//! Twice. By the clock, as a caller waits, with the hash as it is: what of it was the hash tells the audit event, whose
//! tenths of a millisecond even out over the rounds. And by processor time, which other programs do not add to, for a user
//! whose imported hash takes a millisecond instead of tens, so that its own wavering does not drown what is left.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use postern::password::Passwords;
use postern_local::demo;
use postern_tests::logs;
use postern_tests::stand::{CONTRACTS, Stand};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::Spread;

const ROUNDS: usize = 100;
/// A hash that costs little and stays: bcrypt looks at 72 bytes only, so one of a longer password is not replaced.
const CHEAP: (&str, &str) = (
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "$2b$04$aaaaaaaaaaaaaaaaaaaaaOOg1gdBkLAxW.YeHlxf26t3VD2wmDQSW",
);

/// Medians in milliseconds.
struct Door {
    bare: f64,
    whole: f64,
    rest: f64,
    calls: f64,
    rest_cpu: f64,
    calls_cpu: f64,
}

pub(crate) async fn run() {
    let stand = Stand::start().await;
    let mut user = demo::user(&stand.app, &demo::USERS[0]);
    (user.id, user.username, user.email) = (900, "passer".to_owned(), "passer@example.com".to_owned());
    user.password_hash = Some(CHEAP.1.to_owned());
    stand.store.create_user(user).await.unwrap();
    let client = client(&stand.table.endpoint());
    let mut doors = Vec::new();
    for contract in CONTRACTS {
        doors.push(measure(&stand, &client, contract).await);
    }

    println!("A warm sign-in (Argon2id m=19456 t=2 p=1, embedded store), {ROUNDS} rounds at each door, ms\n");
    let row = |name: &str, goal: &str, of: &dyn Fn(&Door) -> f64| {
        print!("  {name:<36}");
        doors.iter().for_each(|door| print!("{:>9.2}", of(door)));
        println!("   {goal}");
    };
    print!("  {:<36}", "by the clock");
    CONTRACTS.iter().for_each(|contract| print!("{contract:>9}"));
    println!();
    row("bare argon2 verification", "sso has none", &|door| door.bare);
    row("whole sign-in through `handle`", "", &|door| door.whole);
    row("whole / bare", "", &|door| door.whole / door.bare);
    row("all but the hash", "goal: at most 1.5", &|door| door.rest);
    row("the store's calls alone", "3 trips, 8 calls; mfa 7; sso 1 and 2", &|door| door.calls);
    println!("  by processor time");
    row("all but the hash", "", &|door| door.rest_cpu);
    row("the store's calls alone", "", &|door| door.calls_cpu);
    row("our own: neither hash nor calls", "goal: at most 0.3", &|door| door.rest_cpu - door.calls_cpu);
    println!();
}

async fn measure(stand: &Stand, client: &Client, contract: &str) -> Door {
    let passwords = Passwords::default();
    let hash = passwords.hash("SecurePass123!", [7; 16]).unwrap();
    let right = stand.right_sign_in(contract).await;
    let cheap = stand.sign_in_of(contract, "passer", CHEAP.0).await;
    let (mut bare, mut whole, mut rest, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut whole_cpu, mut hash_cpu, mut calls_cpu) = (Vec::new(), Vec::new(), Vec::new());
    // Interleaved, so that a noisy neighbour disturbs all alike; the first rounds warm up.
    for round in 0..ROUNDS + 10 {
        let start = Instant::now();
        assert!(black_box(passwords.verify(Some(&hash), "SecurePass123!")));
        let verified = start.elapsed();

        let start = Instant::now();
        store_calls(client, contract).await;
        let called = start.elapsed();

        let event = right.clone();
        let start = Instant::now();
        assert_eq!(stand.invoke(contract, event).await.status, 200);
        let signed_in = start.elapsed();
        let rest_of_it = signed_in.saturating_sub(hashing());

        let start_cpu = cpu();
        assert!(contract == "sso" || black_box(passwords.verify(Some(CHEAP.1), CHEAP.0)));
        let verified_cpu = cpu() - start_cpu;
        // Here, and not above: after Argon2 the processor's caches are empty, and after this they are not.
        let start_cpu = cpu();
        store_calls(client, contract).await;
        let called_cpu = cpu() - start_cpu;
        let event = cheap.clone();
        let start_cpu = cpu();
        assert_eq!(stand.invoke(contract, event).await.status, 200);
        let signed_in_cpu = cpu() - start_cpu;

        if round >= 10 {
            bare.push(verified);
            whole.push(signed_in);
            rest.push(rest_of_it);
            calls.push(called);
            whole_cpu.push(signed_in_cpu);
            hash_cpu.push(verified_cpu);
            calls_cpu.push(called_cpu);
        }
    }
    let median = |durations| Spread::of(durations).median;
    Door {
        bare: median(bare),
        whole: median(whole),
        rest: median(rest),
        calls: median(calls),
        rest_cpu: median(whole_cpu) - median(hash_cpu),
        calls_cpu: median(calls_cpu),
    }
}

/// The processor time of this thread, which does everything here: the store is embedded in it too.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

/// How long the last sign-in hashed, as its audit event tells, to a tenth of a millisecond; sso does not hash.
fn hashing() -> Duration {
    let logged = logs::so_far();
    let event: Value = serde_json::from_str(logged.lines().last().unwrap()).unwrap();
    Duration::from_secs_f64(event["hash_ms"].as_f64().unwrap_or_default() / 1000.0)
}

/// The calls of a sign-in at this door, in its pattern: two at once, two at once, four at once; three at mfa, which
/// begins no session. At sso two at once.
async fn store_calls(client: &Client, contract: &str) {
    if contract == "sso" {
        tokio::join!(get(client), get(client));
        return;
    }
    let session = async {
        if contract != "mfa" {
            put(client).await;
        }
    };
    tokio::join!(get(client), update(client, "a"));
    tokio::join!(get(client), update(client, "b"));
    tokio::join!(update(client, "c"), update(client, "d"), update(client, "e"), session);
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
