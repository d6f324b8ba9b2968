//! The benchmark: what the hash costs, where the time of a sign-in goes and of what follows it, what a million of them
//! costs, what a refusal's time tells, what hashes from elsewhere cost, what each binary costs to start and of what that
//! is made, how fast users are brought along, what many sign-ins at once come to, what Lambda would do with them, and
//! what others do.
//!
//! `cargo bench -p postern-bench`, with `-- import` for that part alone, and `-- binaries jwks` for that binary. All
//! figures come from one run, on one machine, and are to be compared with each other only. Medians; the spread is
//! beside them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

mod bill;
mod binaries;
mod busy;
mod follow;
mod hashes;
mod import;
mod indistinguishable;
mod kernel;
mod lambda;
mod load;
mod peers;
mod pieces;
mod process;
mod tls;
mod warm;

use std::time::Duration;

use postern_tests::logs;
use tracing::level_filters::LevelFilter;

/// In the order in which they run.
const PARTS: [&str; 13] = [
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
    "lambda",
    "soak",
    "peers",
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [word, by] = &chosen[..]
        && word == kernel::FIRST
    {
        return kernel::first(by);
    }
    let (functions, parts): (Vec<&str>, Vec<&str>) =
        chosen.iter().map(String::as_str).partition(|word| binaries::is_function(word));
    for part in &parts {
        assert!(
            PARTS.contains(part),
            "no part of the benchmark is called {part}; there are {}",
            PARTS.join(", ")
        );
    }
    assert!(functions.is_empty() || parts.contains(&"binaries"), "a function is named for the part binaries");
    // As a deployed function logs; the tests' own level would be measured with it.
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
            "lambda" => lambda::run().await,
            "soak" => load::soak::run().await,
            "peers" => peers::run().await,
            _ => unreachable!("{part} is in PARTS and has no arm"),
        }
    }
}

/// The median of some durations, in milliseconds, with the 10th and 90th percentile.
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
