//! The part `bill`: the price of a million sign-ins at each contract. It takes the request units from a
//! meter, the time and the log lines from this run, and the prices from `prices.json`. [`flood`] adds the price
//! of a million requests that sign nobody in.

mod flood;

use std::fs;
use std::time::Instant;

use postern_tests::binary::in_workspace;
use postern_tests::deployment::{CONTRACTS, Deployment};
use postern_tests::logs;
use postern_tests::meter::Meter;
use serde_json::Value;

const ROUNDS: usize = 50;
const MILLION: f64 = 1e6;
/// The share of requests that X-Ray records besides the first one of each second.
const XRAY_SHARE: f64 = 0.05;

/// The prices and assumptions of `prices.json`.
struct Prices(Value);

impl Prices {
    fn read() -> Self {
        let prices = fs::read_to_string(in_workspace("bench/prices.json")).unwrap();
        Self(serde_json::from_str(&prices).unwrap())
    }

    fn price(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap()
    }

    fn assumed(&self, name: &str) -> f64 {
        self.0["assumed"][name].as_f64().unwrap()
    }

    /// Returns the mean of what Lambda bills for a request, in whole milliseconds each.
    fn billed_ms(&self, figures: &Figures) -> f64 {
        let trips = figures.trips * self.assumed("trip_ms");
        let billed = figures.served_ms.iter().map(|served| (served + trips).ceil());
        billed.sum::<f64>() / figures.served_ms.len() as f64
    }

    /// Returns the dollars for the time of a million requests.
    fn duration(&self, figures: &Figures) -> f64 {
        let gb_seconds = self.billed_ms(figures) / 1000.0 * self.assumed("memory_mb") / 1024.0;
        MILLION * gb_seconds * self.price("lambda_gb_second")
    }

    /// Returns the dollars for the log lines of a million requests.
    fn logs(&self, figures: &Figures) -> f64 {
        MILLION * figures.log_bytes / 1e9 * self.price("logs_gb")
    }
}

/// The figures of one kind of request.
struct Figures {
    trips: f64,
    reads: f64,
    writes: f64,
    /// The time of each measured request.
    served_ms: Vec<f64>,
    log_bytes: f64,
}

pub(crate) async fn run() {
    let prices = Prices::read();
    let price = |name| prices.price(name);
    let contracts = measure().await;

    // X-Ray records the first request of each second, and a share of the others. Lambda allows no other rule.
    // A second with at least one arrival has a first request.
    let each_second = prices.assumed("sign_ins_per_second");
    let first = 1.0 - (-each_second).exp();
    let traced = (first + XRAY_SHARE * (each_second - first)) / each_second;
    type Line<'a> = (&'a str, Box<dyn Fn(&Figures) -> f64 + 'a>);
    let lines: [Line<'_>; 6] = [
        ("Lambda, GB-seconds", Box::new(|figures| prices.duration(figures))),
        ("Lambda, requests", Box::new(|_| price("lambda_million_requests"))),
        ("DynamoDB, writes", Box::new(|figures| figures.writes * price("dynamodb_million_writes"))),
        ("DynamoDB, reads", Box::new(|figures| figures.reads * price("dynamodb_million_reads"))),
        ("API Gateway, requests", Box::new(|_| price("http_api_million_requests"))),
        ("CloudWatch, our log lines", Box::new(|figures| prices.logs(figures))),
    ];

    println!("Dollars for a million sign-ins, at the prices and on the assumptions of bench/prices.json\n");
    let row = |name: &str, digits: usize, of: &dyn Fn(&Figures) -> f64| {
        print!("  {name:<34}");
        contracts.iter().for_each(|figures| print!("{:>9.digits$}", of(figures)));
        println!();
    };
    print!("  {:<34}", "");
    CONTRACTS.iter().for_each(|contract| print!("{contract:>9}"));
    println!();
    row("served warm, embedded store, ms", 1, &|figures| {
        figures.served_ms.iter().sum::<f64>() / figures.served_ms.len() as f64
    });
    row("round trips", 0, &|figures| figures.trips);
    row("billed, with trips to DynamoDB, ms", 1, &|figures| prices.billed_ms(figures));
    row("read request units", 1, &|figures| figures.reads);
    row("write request units", 1, &|figures| figures.writes);
    row("log lines, bytes", 0, &|figures| figures.log_bytes);
    println!();
    lines.iter().for_each(|(name, of)| row(name, 2, of));
    row("together, $", 2, &|figures| lines.iter().map(|(_, of)| of(figures)).sum());
    row("more with Tracing=Active: X-Ray", 2, &|_| price("xray_million_traces") * traced);
    println!();
    flood::run(&prices).await;
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
        let (mut times, mut log_bytes) = (Vec::new(), 0);
        let event = deployment.right_sign_in(contract).await;
        // The first five rounds warm up.
        for round in 0..ROUNDS + 5 {
            let event = event.clone();
            let logged = logs::so_far().len();
            let start = Instant::now();
            let reply = deployment.invoke(contract, event).await;
            let served = start.elapsed();
            assert_eq!(reply.status, 200, "{contract}");
            log_bytes = logs::so_far().len() - logged;
            if round >= 5 {
                times.push(served.as_secs_f64() * 1000.0);
            }
        }
        let (trips, log_bytes) = (used.trips() as f64, log_bytes as f64);
        contracts.push(Figures {
            trips,
            reads: used.reads(),
            writes: used.writes(),
            served_ms: times,
            log_bytes,
        });
    }
    contracts
}
