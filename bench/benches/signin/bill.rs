//! The part `bill`: the price of a million sign-ins at each contract. It takes the request units from a
//! meter, the time and the log lines from this run, and the prices from `prices.json`. A table shows the
//! price and the time with other sizes of memory. [`flood`] adds the price of a million requests that sign
//! nobody in.

mod flood;

use std::time::Instant;

use postern_bench::bill::{Figures, MILLION, Prices};
use postern_tests::deployment::{CONTRACTS, Deployment};
use postern_tests::logs;
use postern_tests::meter::Meter;

use crate::goals;

const ROUNDS: usize = 50;
/// The most that a million sign-ins may cost, in dollars.
const GOAL: f64 = 5.0;
/// The contract whose time and price the table of memory shows. Its sign-in hashes, and keeps a session.
const CONTRACT: &str = "account";
/// The sizes of memory in that table, in MB.
const MEMORY: [f64; 7] = [512.0, 768.0, 1024.0, 1536.0, 1769.0, 2048.0, 3008.0];

/// A line of the bill: its name, and the dollars for a million sign-ins.
type Line<'a> = (&'static str, Box<dyn Fn(&Figures) -> f64 + 'a>);

pub(crate) async fn run() {
    let prices = Prices::read();
    assert_eq!(prices.contradictions(), Vec::<String>::new(), "bench/prices.json");
    let measured = if cfg!(target_arch = "aarch64") { "arm64" } else { std::env::consts::ARCH };
    assert_eq!(measured, prices.architecture(), "the time that is measured here, and what its price is for");
    let contracts = measure().await;
    for (contract, figures) in CONTRACTS.iter().zip(&contracts) {
        assert_eq!(prices.implausible(figures), Vec::<String>::new(), "{contract}");
    }
    let lines = lines(&prices);
    let together = |figures: &Figures| lines.iter().map(|(_, of)| of(figures)).sum::<f64>();

    println!("Dollars for a million sign-ins with alarms and audit on, by bench/prices.json\n");
    let row = |name: &str, digits: usize, of: &dyn Fn(&Figures) -> f64| {
        print!("  {name:<36}");
        contracts.iter().for_each(|figures| print!("{:>9.digits$}", of(figures)));
        println!();
    };
    print!("  {:<36}", "");
    CONTRACTS.iter().for_each(|contract| print!("{contract:>9}"));
    println!();
    row("served warm, embedded store, ms", 1, &Figures::mean_ms);
    row("round trips", 0, &|figures| figures.trips);
    row("billed, with trips to DynamoDB, ms", 1, &|figures| prices.billed_ms(figures));
    row("read request units", 1, &|figures| figures.reads);
    row("write request units", 1, &|figures| figures.writes);
    row("audit event, bytes", 0, &|figures| figures.log_bytes);
    row("line of the access log, bytes", 0, &|_| prices.access_log_bytes());
    row("Lambda's own lines, bytes", 0, &|_| prices.lambda_log_bytes());
    println!();
    lines.iter().for_each(|(name, of)| row(name, 2, of));
    row("together, $", 2, &together);
    let more = prices.lambda_log_bytes_at_info() - prices.lambda_log_bytes();
    row("more with SystemLogLevel=INFO", 2, &|_| prices.of_log_bytes(more));
    row("more with Tracing=Active: X-Ray", 2, &|_| prices.traces());
    let (alarms, secrets) = (prices.alarms_month(), prices.secrets_month());
    println!(
        "\n  Besides, in each month: {alarms:.2} $ for the alarms and the metrics that they count, {secrets:.2} $ for the secrets. With {}\n  sign-ins a second, that is {:.2} $ of each million.\n",
        prices.assumed("sign_ins_per_second"),
        (alarms + secrets) / prices.millions_a_month()
    );
    for (contract, figures) in CONTRACTS.iter().zip(&contracts) {
        goals::at_most(&format!("bill: a million sign-ins, {contract}"), together(figures), GOAL, "$");
    }
    println!();
    let of_contract = CONTRACTS.iter().position(|contract| *contract == CONTRACT).unwrap();
    by_memory(&prices, &contracts[of_contract], together(&contracts[of_contract]));
    flood::run(&prices).await;
}

/// The lines of the bill.
fn lines(prices: &Prices) -> [Line<'_>; 8] {
    let price = |name| prices.price(name);
    [
        ("Lambda, GB-seconds", Box::new(|figures| prices.duration(figures))),
        ("Lambda, requests", Box::new(move |_| price("lambda_million_requests"))),
        ("DynamoDB, writes", Box::new(move |figures| figures.writes * price("dynamodb_million_writes"))),
        ("DynamoDB, reads", Box::new(move |figures| figures.reads * price("dynamodb_million_reads"))),
        ("API Gateway, requests", Box::new(move |_| price("http_api_million_requests"))),
        ("CloudWatch, audit events", Box::new(|figures| prices.of_log_bytes(figures.log_bytes))),
        ("CloudWatch, access log", Box::new(|_| prices.of_log_bytes(prices.access_log_bytes()))),
        ("CloudWatch, Lambda's own lines", Box::new(|_| prices.of_log_bytes(prices.lambda_log_bytes()))),
    ]
}

/// Shows what a sign-in would take and cost with other sizes of memory, by the model of `Prices`.
fn by_memory(prices: &Prices, figures: &Figures, together: f64) {
    let (chosen, without) = (prices.assumed("memory_mb"), together - prices.duration(figures));
    println!("A sign-in at {CONTRACT} by MemorySize: a model, from the time that is measured above\n");
    println!("  {:>8}{:>12}{:>14}{:>16}{:>14}", "MB", "ms", "billed ms", "GB-seconds, $", "together, $");
    for memory in MEMORY {
        println!(
            "  {memory:>8}{:>12.1}{:>14.1}{:>16.2}{:>14.2}{}",
            prices.latency_ms(figures.mean_ms(), figures.trips, memory),
            prices.billed_ms_at(figures, memory),
            prices.duration_at(figures, memory),
            without + prices.duration_at(figures, memory),
            if memory == chosen { "  the default" } else { "" }
        );
    }
    println!(
        "\n  The processor's time is longer with less than a vCPU, in proportion; the trips to DynamoDB take {} ms each with any\n  memory. Above one vCPU, a sign-in is no faster. The start of an environment is not in it.\n",
        prices.assumed("trip_ms")
    );
}

/// Measures the five contracts, in their order.
async fn measure() -> Vec<Figures> {
    let (metered, meter) = Meter::deployment(|env| env).await;
    let deployment = Deployment::start().await;
    let mut contracts = Vec::new();
    for contract in CONTRACTS {
        let event = metered.right_sign_in(contract).await;
        let (reply, used) = meter.of(metered.invoke(contract, event)).await;
        assert_eq!(reply.status, 200, "{contract}");
        let (mut times, mut log_bytes) = (Vec::new(), 0.0);
        let event = deployment.right_sign_in(contract).await;
        // The first five rounds warm up.
        for round in 0..ROUNDS + 5 {
            let event = event.clone();
            let logged = logs::so_far().len();
            let start = Instant::now();
            let reply = deployment.invoke(contract, event).await;
            let served = start.elapsed();
            assert_eq!(reply.status, 200, "{contract}");
            log_bytes = logged_bytes(logged);
            if round >= 5 {
                times.push(served.as_secs_f64() * 1000.0);
            }
        }
        contracts.push(Figures {
            trips: used.trips() as f64,
            reads: used.reads(),
            writes: used.writes(),
            served_ms: times,
            log_bytes,
        });
    }
    contracts
}

/// Returns the bytes that the function has logged since the log had this length. The embedded store logs in
/// this process too: it warns of each write that a condition refuses.
fn logged_bytes(length: usize) -> f64 {
    let logged = logs::so_far();
    let lines = logged[length..].lines().filter(|line| !line.contains(r#""message":"error response""#));
    lines.map(|line| line.len() + 1).sum::<usize>() as f64
}
