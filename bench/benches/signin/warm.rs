//! The part `warm`: a warm sign-in at each contract, through `invoke` as in Lambda. It shows the time of the
//! hash, of the calls to the store, and of what is neither. The store is embedded in this process, and runs
//! between the polls of a request.

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use postern::logging;
use postern::password::{Passwords, Peppers};
use postern_tests::contracts::{self, Session, takes_password};
use postern_tests::deployment::{CONTRACTS, Deployment, Reply};
use serde_json::Value;
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

use crate::busy::{self, Measuring};
use crate::{Spread, goals};

const ROUNDS: usize = 100;
/// The parts of a call that the function itself does.
const CALLS: &str = "our client, and the SDK's serializers, without waiting for the store";

/// The figures of one contract: medians in milliseconds.
struct Figures {
    bare: f64,
    whole: f64,
    rest: f64,
    calls: f64,
    /// The number of calls.
    count: f64,
    /// The time that the function itself takes for its calls.
    calling: f64,
    own: f64,
}

impl Figures {
    /// Returns the time of one call to the store.
    fn call(&self) -> f64 {
        self.calls / self.count
    }

    fn rest_in_calls(&self) -> f64 {
        self.rest / self.call()
    }

    fn own_in_calls(&self) -> f64 {
        self.own / self.call()
    }
}

pub(crate) async fn run() {
    let deployment = Deployment::start().await;
    let client = client(&deployment.table.endpoint());
    let subscriber = Measuring::of(logging::subscriber(LevelFilter::INFO, || Line));
    let measuring = tracing::subscriber::set_default(subscriber);
    let mut contracts = Vec::new();
    for contract in CONTRACTS {
        contracts.push(measure(&deployment, &client, contract).await);
    }
    drop(measuring);

    println!(
        "A warm sign-in (Argon2id m=19456 t=2 p=1, embedded store), {ROUNDS} rounds at each contract, ms\n"
    );
    let row = |name: &str, note: &str, of: &dyn Fn(&Figures) -> f64| {
        print!("  {name:<40}");
        contracts.iter().for_each(|figures| print!("{:>9.2}", of(figures)));
        println!("   {note}");
    };
    print!("  {:<40}", "");
    CONTRACTS.iter().for_each(|contract| print!("{contract:>9}"));
    println!();
    row("bare argon2 verification", "sso has none", &|figures| figures.bare);
    row("whole sign-in", "", &|figures| figures.whole);
    row("whole / bare", "", &|figures| figures.whole / figures.bare);
    row("all but the hash", "", &|figures| figures.rest);
    row("the store's calls alone, as many", "3 trips, 5 calls; mfa 4; sso 1 and 2", &|figures| figures.calls);
    row("one of those calls", "here", &Figures::call);
    row("in the function: calls to the table", CALLS, &|figures| figures.calling);
    row("in the function: neither hash nor calls", "", &|figures| figures.own);
    row("all but the hash, in calls", "", &Figures::rest_in_calls);
    row("neither hash nor calls, in calls", "", &Figures::own_in_calls);
    println!();
    let most = |of: &dyn Fn(&Figures) -> f64| contracts.iter().map(of).fold(0.0, f64::max);
    goals::at_most("warm: all but the hash, at any contract", most(&Figures::rest_in_calls), 7.5, "calls");
    goals::at_most(
        "warm: neither hash nor calls, at any contract",
        most(&Figures::own_in_calls),
        1.5,
        "calls",
    );
    println!();
}

async fn measure(deployment: &Deployment, client: &Client, contract: &str) -> Figures {
    let passwords = Passwords::default();
    let hash = passwords.hash("SecurePass123!", [7; 16]).unwrap();
    let right = deployment.right_sign_in(contract).await;
    let (mut bare, mut whole, mut rest, mut calls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut calling, mut own) = (Vec::new(), Vec::new());
    // All take turns, so that other load on the machine disturbs all equally. The first ten rounds warm up.
    for round in 0..ROUNDS + 10 {
        let start = Instant::now();
        assert!(black_box(passwords.verify(Some(&hash), "SecurePass123!", &Peppers::default())));
        let verified = start.elapsed();

        let start = Instant::now();
        store_calls(client, contract).await;
        let called = start.elapsed();

        let request = deployment.function(contract).invoke(right.clone());
        let request = request.instrument(tracing::info_span!(target: busy::REQUEST, "request"));
        busy::take();
        let start = Instant::now();
        let reply = request.await;
        let signed_in = start.elapsed();
        let busy = busy::take();
        assert_eq!(Reply::of(&reply.unwrap()).status, 200);
        let hashed = hashing();

        if round >= 10 {
            bare.push(verified);
            whole.push(signed_in);
            rest.push(signed_in.saturating_sub(hashed));
            calls.push(called);
            calling.push(busy.calls);
            own.push(busy.request.saturating_sub(busy.calls + hashed));
        }
    }
    let median = |durations| Spread::of(durations).median;
    Figures {
        bare: median(bare),
        whole: median(whole),
        rest: median(rest),
        calls: median(calls),
        count: calls_at(contract),
        calling: median(calling),
        own: median(own),
    }
}

static LINE: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// A writer that keeps the last log line.
pub(crate) struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut line = LINE.lock().unwrap_or_else(PoisonError::into_inner);
        line.clear();
        line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the time of the last sign-in's hash, from its audit event. It is rounded to a tenth of a
/// millisecond, which evens out over the rounds. sso does not hash.
pub(crate) fn hashing() -> Duration {
    let event: Value = serde_json::from_slice(&LINE.lock().unwrap()).unwrap();
    Duration::from_secs_f64(event["hash_ms"].as_f64().unwrap_or_default() / 1000.0)
}

fn begins_session(contract: &str) -> bool {
    contracts::get(contract).session != Session::Never
}

/// Returns the number of calls that [`store_calls`] makes.
fn calls_at(contract: &str) -> f64 {
    match takes_password(contract) {
        true if begins_session(contract) => 5.0,
        true => 4.0,
        false => 2.0,
    }
}

/// Makes the calls of a sign-in at this contract, in the same round trips: two calls, one call, then two
/// calls. A contract that begins no session has one in the last trip. Without a password there is only one
/// trip, of two calls.
async fn store_calls(client: &Client, contract: &str) {
    if !takes_password(contract) {
        tokio::join!(get(client), get(client));
        return;
    }
    let session = async {
        if begins_session(contract) {
            put(client).await;
        }
    };
    tokio::join!(get(client), update(client, "a"));
    update(client, "b").await;
    tokio::join!(update(client, "c"), session);
}

pub(crate) async fn get(client: &Client) {
    let read = client.get_item().table_name("postern").consistent_read(true);
    black_box(read.key("pk", text("USER#1")).key("sk", text("USER")).send().await.unwrap());
}

async fn update(client: &Client, name: &str) {
    let write = client
        .update_item()
        .table_name("postern")
        .update_expression("ADD failures :one SET charged_by = :attempt");
    let write = write.condition_expression("attribute_not_exists(failures) OR charged_by <> :nobody");
    let write = write
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .expression_attribute_values(":attempt", text("me"))
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
