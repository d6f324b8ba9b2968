//! The benchmark. `bench/README.md` describes its parts.
//!
//! `cargo bench -p postern-bench` runs all parts, `-- import` that part alone, and `-- binaries jwks` only
//! that binary. All figures are medians of one run on one machine, with their spread. Compare them only with
//! each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod bill;
mod binaries;
mod busy;
mod concurrent;
mod follow;
mod goals;
mod hashes;
mod import;
mod indistinguishable;
mod kernel;
mod lambda;
mod load;
mod peers;
mod pieces;
mod process;
mod served;
mod tls;
mod warm;

use std::time::Duration;

use postern_tests::logs;
use tracing::level_filters::LevelFilter;

/// The parts, in the order in which they run.
const PARTS: [&str; 15] = [
    "kernel",
    "warm",
    "bill",
    "follow",
    "hashes",
    "indistinguishable",
    "binaries",
    "pieces",
    "import",
    "load",
    "concurrent",
    "lambda",
    "soak",
    "peers",
    "served",
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let [argument, by] = &chosen[..]
        && argument == kernel::FIRST
    {
        return kernel::first(by);
    }
    if chosen == [served::cold::TOUCH] {
        return served::cold::touch();
    }
    let (functions, parts): (Vec<&str>, Vec<&str>) =
        chosen.iter().map(String::as_str).partition(|argument| binaries::is_function(argument));
    for part in &parts {
        assert!(PARTS.contains(part), "the benchmark has no part {part}; its parts are {}", PARTS.join(", "));
    }
    assert!(
        functions.is_empty() || parts.contains(&"binaries"),
        "only the part binaries takes the name of a function"
    );
    // The level is that of a deployed function. At the level of the tests, the time of their log lines would
    // be measured too.
    logs::capture_at(LevelFilter::INFO);
    for part in PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part)) {
        match part {
            "kernel" => kernel::run(),
            "warm" => warm::run().await,
            "bill" => bill::run().await,
            "follow" => follow::run().await,
            "hashes" => hashes::run(),
            "indistinguishable" => indistinguishable::run().await,
            "binaries" => binaries::run(&functions).await,
            "pieces" => pieces::run().await,
            "import" => import::run().await,
            "load" => load::run().await,
            "concurrent" => concurrent::run().await,
            "lambda" => lambda::run().await,
            "soak" => load::soak::run().await,
            "peers" => peers::run().await,
            "served" => served::run().await,
            _ => unreachable!("{part} is in PARTS and has no arm"),
        }
    }
    goals::write();
}

/// The median, the 10th and the 90th percentile of durations, in milliseconds.
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

impl Spread {
    fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort();
        let at = |share: f64| {
            let index = (share * (durations.len() - 1) as f64).round() as usize;
            durations[index].as_secs_f64() * 1000.0
        };
        Self { median: at(0.5), low: at(0.1), high: at(0.9) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8.2} ms   ({:.2} to {:.2})", self.median, self.low, self.high)
    }
}
