//! The part `soak`: whether the memory of a function grows. It runs the mixed load at half the capacity for
//! ten minutes, or for another time with `-- soak --seconds=60`.

use std::time::Duration;

use super::{AT_ONCE, CONTRACTS, Driver, Mix, argument};
use crate::process::resident;
use crate::{binaries, goals};

const SECONDS: u64 = 600;
/// The most growth of a function's memory after the first part, in KiB. A few pages for a longer request are
/// allowed, but not a few bytes for every sign-in.
const TOLERANCE: f64 = 512.0;

pub(crate) async fn run() {
    binaries::build_all();
    let seconds = argument("--seconds=").unwrap_or(SECONDS);
    let mut driver = Driver::start().await;
    let capacity = driver.closed_loop(Mix::Mixed, AT_ONCE, Duration::from_secs(10)).await;
    let before = audited(&driver).await;
    let rate = capacity / 2.0;
    // In the first tenth of the time, every allocation that happens only once takes place.
    let first = driver.open_loop(Mix::Mixed, rate, Duration::from_secs(seconds) / 10, 1).await;
    let early = memory(&driver);
    let then = driver.open_loop(Mix::Mixed, rate, Duration::from_secs(seconds) / 10 * 9, 2).await;
    let late = memory(&driver);

    let sent = first.sent + then.sent;
    println!("The mixed load at half the capacity ({rate:.1}/s) for {seconds} s: {sent} sign-ins\n");
    println!(
        "  {:<16} {:>12} {:>12} {:>11} {:>18}",
        "memory of",
        format!("after {} s", seconds / 10),
        "at the end",
        "growth",
        "per sign-in"
    );
    let mut growths = Vec::new();
    for (at, contract) in CONTRACTS.iter().enumerate() {
        let (early, late) = (early[at], late[at]);
        let growth = (late - early) * 1024.0;
        let served: usize = then.services[at].iter().map(Vec::len).sum();
        println!(
            "  {contract:<16} {early:>8.2} MiB {late:>8.2} MiB {growth:>7.0} KiB {:>12.1} bytes",
            growth * 1024.0 / served as f64
        );
        growths.push((growth, contract));
    }
    let audited = audited(&driver).await - before;
    println!(
        "\n  p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms; {} lost, {} wrong, {} answered twice; {audited} audit events.\n  \
         The table keeps every session in this process, which is not counted.\n",
        then.latency(0.5),
        then.latency(0.99),
        then.latency(0.999),
        first.lost + then.lost,
        first.wrong.len() + then.wrong.len(),
        driver.deployment.unasked(),
    );
    first.assert_correct();
    then.assert_correct();
    assert_eq!((driver.deployment.unasked(), audited), (0, sent), "one reply and one audit event each");
    if let Some((growth, contract)) = growths.into_iter().max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        goals::at_most(&format!("soak: growth of the memory ({contract})"), growth, TOLERANCE, "KiB");
    }
    println!();
}

/// Returns the number of audit events so far. Waits first, since the latest ones may still be in the pipe.
async fn audited(driver: &Driver) -> usize {
    tokio::time::sleep(Duration::from_millis(500)).await;
    driver.deployment.audited()
}

/// Returns the resident memory of each function, in MiB.
fn memory(driver: &Driver) -> Vec<f64> {
    driver.deployment.functions.iter().map(|function| resident(function.id())).collect()
}
