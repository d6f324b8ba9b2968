//! The price of a flood: a million requests that sign nobody in, with and without the edge, and the items
//! that they leave in the table. Refused attempts wait for a step, which Lambda bills.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use postern::environment::Environment;
use postern_tests::deployment::{Deployment, credentials};
use postern_tests::edge;
use postern_tests::events::set_path;
use postern_tests::logs;
use postern_tests::meter::Meter;
use postern_tests::relay;
use serde_json::{Value, json};

use super::{Figures, MILLION, Prices, ROUNDS, logged_bytes};

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
        "  {:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}{:>9}",
        "", "ms", "gateway", "Lambda", "DynamoDB", "logs", "together", "by edge", "$ a day", "no wait", "ms"
    );
    let row = |name: &str, measured: Option<&Measured>| {
        let (ms, lambda, table, log) =
            measured.map_or_else(Default::default, |Measured { figures, .. }| {
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
        let [less, less_ms] =
            measured.map_or([together, ms], |Measured { figures, without_wait, .. }| {
                let less = prices.duration(figures) - prices.duration(without_wait);
                [together - less, prices.billed_ms(without_wait)]
            });
        println!(
            "  {name:<34}{ms:>9.1}{gateway:>9.2}{lambda:>9.2}{table:>9.2}{log:>9.2}{together:>9.2}{by_edge:>9.2}{day:>10.2}{less:>9.2}{less_ms:>9.1}"
        );
    };
    row("path without a route", None);
    let mut left = Vec::new();
    for kind in &KINDS {
        let measured = measure(kind, prices).await;
        row(kind.name, Some(&measured));
        left.extend(measured.left.into_iter().map(|item| (kind.name, item)));
    }
    println!("  {:<34}{:>63.2}", "blocked by AWS WAF", waf);
    let month = prices.price("waf_acl_month") + WAF_RULES * prices.price("waf_rule_month");
    println!(
        "\n  together: of the API's own address; by edge: with CloudFront and AWS WAF, which let it pass; $ a day: together, at\n  the {API_RATE_LIMIT} requests a second that ApiRateLimit admits by default; no wait: together, with REFUSAL_STEP_MILLISECONDS=0.\n  AWS WAF costs {month:.2} $ a month besides.\n"
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

/// A kind of request as it was measured.
struct Measured {
    figures: Figures,
    /// The figures if refused attempts do not wait for a step.
    without_wait: Figures,
    left: Left,
}

/// Measures a kind of request, and finds the items that one leaves.
///
/// The wait begins after the trips to the table, and lasts until a step. So it cannot be added to a time that
/// has no trips in it. The requests that wait use a table that answers as late as `prices.json` assumes.
async fn measure(kind: &FailedRequest, prices: &Prices) -> Measured {
    let (metered, meter) = Meter::deployment(kind.change).await;
    metered.invoke(CONTRACT, one_address(&metered, 0)).await;
    let (reply, used) = meter.of(metered.invoke(CONTRACT, (kind.event)(&metered, 1))).await;
    assert_eq!(reply.status, kind.status, "{}", kind.name);
    let mut left = BTreeMap::new();
    for call in used.calls.iter().filter(|call| call.writes > 0.0 && !call.refused) {
        // A refund writes the counter a second time.
        left.insert(call.what.rsplit(' ').next().unwrap().to_owned(), call.bytes);
    }
    let figures = |(served_ms, log_bytes), trips| Figures {
        trips,
        reads: used.reads(),
        writes: used.writes(),
        served_ms,
        log_bytes,
    };
    let trip = Duration::from_secs_f64(prices.assumed("trip_ms") / 1000.0);
    // An empty setting is the default.
    let on_steps = |env| (kind.change)(env).with("REFUSAL_STEP_MILLISECONDS", "");
    let waiting = relay::deployment(|table| late(table, trip), on_steps).await;
    let at_once = Deployment::start_with(kind.change).await;
    Measured {
        figures: figures(serve(kind, &waiting).await, 0.0),
        without_wait: figures(serve(kind, &at_once).await, used.trips() as f64),
        left,
    }
}

/// Passes each call on to the table after this time.
fn late(table: String, trip: Duration) -> Router {
    Router::new().fallback(move |request: Request| {
        let table = table.clone();
        async move {
            tokio::time::sleep(trip).await;
            let (parts, body) = request.into_parts();
            relay::pass(&table, parts, to_bytes(body, usize::MAX).await.unwrap()).await
        }
    })
}

/// Returns the time of each of some requests of a kind, and the bytes that one logs.
async fn serve(kind: &FailedRequest, deployment: &Deployment) -> (Vec<f64>, f64) {
    // The first request from an address that is then over its limit.
    deployment.invoke(CONTRACT, one_address(deployment, 0)).await;
    let (mut served_ms, mut log_bytes) = (Vec::new(), 0.0);
    // The first five rounds warm up.
    for round in 0..ROUNDS + 5 {
        let event = (kind.event)(deployment, round + 1);
        let logged = logs::so_far().len();
        let start = Instant::now();
        let reply = deployment.invoke(CONTRACT, event).await;
        let served = start.elapsed();
        assert_eq!(reply.status, kind.status, "{}", kind.name);
        log_bytes = logged_bytes(logged);
        if round >= 5 {
            served_ms.push(served.as_secs_f64() * 1000.0);
        }
    }
    (served_ms, log_bytes)
}
