//! The price of a flood: a million requests that sign nobody in, with and without the edge, and the items that they
//! leave in the table.

use std::collections::BTreeMap;
use std::time::Instant;

use postern::environment::Environment;
use postern_tests::deployment::{Deployment, credentials};
use postern_tests::edge;
use postern_tests::events::set_path;
use postern_tests::logs;
use postern_tests::meter::Meter;
use serde_json::{Value, json};

use super::{Figures, MILLION, Prices, ROUNDS};

const CONTRACT: &str = "account";
/// What DynamoDB adds to the size of each item for its storage.
const BYTES_OF_ITEM: f64 = 100.0;
/// How long the counter of a login name is kept.
const NAME_KEPT_MONTHS: f64 = 400.0 / (365.25 / 12.0);
/// The rules of `edge.yaml`.
const WAF_RULES: f64 = 3.0;
/// The default of the template's `ApiRateLimit`, in requests a second.
const API_RATE_LIMIT: f64 = 100.0;

/// A kind of request that signs nobody in.
struct FailedRequest {
    name: &'static str,
    status: u64,
    change: fn(Environment) -> Environment,
    /// Makes the request with this number.
    event: fn(&Deployment, usize) -> Value,
}

const KINDS: [FailedRequest; 6] = [
    FailedRequest {
        name: "path that no function knows",
        status: 404,
        change: |env| env,
        event: unknown_path,
    },
    FailedRequest { name: "malformed body", status: 400, change: |env| env, event: malformed },
    FailedRequest { name: "unknown name, new address", status: 401, change: |env| env, event: unknown_name },
    FailedRequest { name: "locked name", status: 429, change: |env| env, event: locked_name },
    FailedRequest {
        name: "address over its limit",
        status: 429,
        change: |env| env.with("THROTTLE_ADDRESS_LIMIT", "1"),
        event: one_address,
    },
    FailedRequest { name: "not through the edge", status: 403, change: edge::on, event: unknown_name },
];

fn unknown_path(deployment: &Deployment, number: usize) -> Value {
    let mut event = malformed(deployment, number);
    set_path(&mut event, "/api/v2/account/signin/x");
    event
}

fn malformed(deployment: &Deployment, _: usize) -> Value {
    deployment.event(CONTRACT, Some("{"))
}

fn unknown_name(deployment: &Deployment, number: usize) -> Value {
    from_new_address(deployment, number, &format!("nobody{number}"))
}

fn locked_name(deployment: &Deployment, number: usize) -> Value {
    from_new_address(deployment, number, "mallory")
}

fn one_address(deployment: &Deployment, number: usize) -> Value {
    attempt(deployment, &format!("nobody{number}"))
}

fn from_new_address(deployment: &Deployment, number: usize, name: &str) -> Value {
    let mut event = attempt(deployment, name);
    event["requestContext"]["http"]["sourceIp"] = json!(format!("198.51.{}.{}", number / 256, number % 256));
    event
}

fn attempt(deployment: &Deployment, name: &str) -> Value {
    deployment.event(CONTRACT, Some(&credentials(CONTRACT, name, "a wrong password").to_string()))
}

/// The items that a request leaves in the table: their bytes, by the kind of item.
type Left = BTreeMap<String, usize>;

pub(super) async fn run(prices: &Prices) {
    let gateway = prices.price("http_api_million_requests");
    let waf = prices.price("waf_million_requests");
    let edge = waf + prices.price("cloudfront_million_https_requests");
    println!("Dollars for a million requests that sign nobody in (at {CONTRACT}), on the same assumptions\n");
    println!(
        "  {:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}",
        "", "ms", "gateway", "Lambda", "DynamoDB", "logs", "together", "by edge", "$ a day"
    );
    let row = |name: &str, figures: Option<&Figures>| {
        let (ms, lambda, table, log) = figures.map_or_else(Default::default, |figures| {
            let reads = figures.reads * prices.price("dynamodb_million_reads");
            let writes = figures.writes * prices.price("dynamodb_million_writes");
            let requests = prices.price("lambda_million_requests");
            (
                prices.billed_ms(figures),
                prices.duration(figures) + requests,
                reads + writes,
                prices.logs(figures),
            )
        });
        let together = gateway + lambda + table + log;
        let day = together * API_RATE_LIMIT * 86_400.0 / MILLION;
        let by_edge = together + edge;
        println!(
            "  {name:<34}{ms:>9.1}{gateway:>9.2}{lambda:>9.2}{table:>9.2}{log:>9.2}{together:>9.2}{by_edge:>9.2}{day:>10.2}"
        );
    };
    row("path without a route", None);
    let mut left = Vec::new();
    for kind in &KINDS {
        let (figures, items) = measure(kind).await;
        row(kind.name, Some(&figures));
        left.extend(items.into_iter().map(|item| (kind.name, item)));
    }
    println!("  {:<34}{:>63.2}", "blocked by AWS WAF", waf);
    let month = prices.price("waf_acl_month") + WAF_RULES * prices.price("waf_rule_month");
    println!(
        "\n  together: of the API's own address; by edge: with CloudFront and AWS WAF, which let it pass; $ a day: together, at\n  the {API_RATE_LIMIT} requests a second that ApiRateLimit admits by default. AWS WAF costs {month:.2} $ a month besides.\n"
    );
    println!("What a million of them leave in the table\n");
    let stored = prices.price("dynamodb_gb_month") + prices.price("dynamodb_recovery_gb_month");
    for (kind, (item, bytes)) in left {
        let gb = (bytes as f64 + BYTES_OF_ITEM) * MILLION / 1e9;
        let kept = if item == "NAME" {
            format!("400 days: {:.2} $", gb * stored * NAME_KEPT_MONTHS)
        } else {
            "until its window ends, and DynamoDB then removes it within days".to_owned()
        };
        println!("  {kind:<34}{item:>9}, {bytes} bytes: {gb:.2} GB, kept {kept}");
    }
    println!();
}

/// Measures a kind of request, and finds the items that one leaves.
async fn measure(kind: &FailedRequest) -> (Figures, Left) {
    let (metered, meter) = Meter::deployment(kind.change).await;
    let deployment = Deployment::start_with(kind.change).await;
    // The first request from an address that is then over its limit.
    metered.invoke(CONTRACT, one_address(&metered, 0)).await;
    deployment.invoke(CONTRACT, one_address(&deployment, 0)).await;
    let (reply, used) = meter.of(metered.invoke(CONTRACT, (kind.event)(&metered, 1))).await;
    assert_eq!(reply.status, kind.status, "{}", kind.name);
    let mut left = BTreeMap::new();
    for call in used.calls.iter().filter(|call| call.writes > 0.0 && !call.refused) {
        // A refund writes the counter a second time.
        left.insert(call.what.rsplit(' ').next().unwrap().to_owned(), call.bytes);
    }
    let (mut served_ms, mut log_bytes) = (Vec::new(), 0);
    // The first five rounds warm up.
    for round in 0..ROUNDS + 5 {
        let event = (kind.event)(&deployment, round + 1);
        let logged = logs::so_far().len();
        let start = Instant::now();
        let reply = deployment.invoke(CONTRACT, event).await;
        let served = start.elapsed();
        assert_eq!(reply.status, kind.status, "{}", kind.name);
        log_bytes = logs::so_far().len() - logged;
        if round >= 5 {
            served_ms.push(served.as_secs_f64() * 1000.0);
        }
    }
    let (trips, log_bytes) = (used.trips() as f64, log_bytes as f64);
    (Figures { trips, reads: used.reads(), writes: used.writes(), served_ms, log_bytes }, left)
}
