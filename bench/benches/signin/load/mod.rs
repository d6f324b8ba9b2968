//! The part `load`: the five release binaries under load, one environment each. It measures how many sign-ins
//! a second they handle, and how long one takes while others arrive. `-- load --seconds=60` makes longer
//! runs.

mod deployment;
mod drive;
pub(crate) mod soak;
mod traffic;

use std::time::{Duration, Instant};

pub(crate) use self::deployment::{CONTRACTS, Deployment, Function, cold_start};
pub(crate) use self::drive::{Driver, Run};
pub(crate) use self::traffic::{Mix, Traffic};
use crate::binaries;

/// The seconds in which attempts arrive, in each run.
const SECONDS: u64 = 20;
/// The attempts at the same time at an equal mix of contracts, so many that the next event of some function
/// is always waiting.
const AT_ONCE: usize = 4 * CONTRACTS.len();
const ROUNDS: usize = 100;

pub(crate) async fn run() {
    binaries::build_all();
    let lasting = Duration::from_secs(argument("--seconds=").unwrap_or(SECONDS));
    let mut driver = Driver::start().await;
    let mut sent = print_services(&driver.one_at_a_time(ROUNDS).await);

    println!(
        "Under load: five functions, one environment each, and on the same {} cores the table, the generator and the\n\
         Runtime APIs. Poisson arrivals for {} s, at any contract; times count from the intended moment\n",
        std::thread::available_parallelism().unwrap(),
        lasting.as_secs()
    );
    println!(
        "  {:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>10}   processor",
        "", "offered", "served", "p50", "p99", "p99.9", "longest", "worked off"
    );
    for (seed, (mix, name)) in (1..).zip(Mix::ALL) {
        let capacity = driver.closed_loop(mix, AT_ONCE, lasting / 2).await;
        println!(
            "  {name:<16} {:>9} {capacity:>7.1}/s   capacity: {AT_ONCE} at once, the next when one is answered",
            ""
        );
        for percent in [50, 90, 120] {
            let (functions, rest) = driver.deployment.processor_time();
            let began = Instant::now();
            let run = driver.open_loop(mix, capacity * f64::from(percent) / 100.0, lasting, seed).await;
            let (functions_then, rest_then) = driver.deployment.processor_time();
            let share = |time: Duration| time.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
            println!(
                "  {:<16} {:>7.1}/s {:>7.1}/s {:>6.1} ms {:>6.1} ms {:>6.1} ms {:>8} {:>8.1} s   {:.0} % + {:.0} %",
                format!("{name}, {percent} %"),
                run.sent as f64 / lasting.as_secs_f64(),
                run.in_time as f64 / lasting.as_secs_f64(),
                run.latency(0.5),
                run.latency(0.99),
                run.latency(0.999),
                run.longest,
                run.worked_off.as_secs_f64(),
                share(functions_then - functions),
                share(rest_then - rest),
            );
            run.assert_correct();
            sent += run.sent;
        }
    }
    assert_eq!(driver.deployment.unasked(), 0, "a reply came to no event, or twice");
    println!(
        "\n  {sent} sign-ins one at a time and as they arrived: no reply lost, none sent twice, every reply that of its\n  \
         contract and of its user. longest: the most attempts that waited or were in progress. worked off: the time from\n  \
         the last arrival to the last reply. processor: of the functions + of everything else, in % of one core\n"
    );
}

/// Prints the times of each function while no other request is in progress.
fn print_services(run: &Run) -> usize {
    println!(
        "Each function, asked one at a time: from the hand-over of the event to the reply, {ROUNDS} each\n"
    );
    println!("  {:<16} {:>12} {:>12} {:>12} {:>12}", "", "right", "p99", "wrong", "p99");
    for (contract, [wrong, right]) in CONTRACTS.iter().zip(&run.services) {
        let figures = [right, wrong].map(|times| {
            let spread = sorted(times);
            [0.5, 0.99].map(|share| postern_bench::percentile(&spread, share) * 1000.0)
        });
        let [[right, right_high], [wrong, wrong_high]] = figures;
        println!(
            "  {contract:<16} {right:>9.2} ms {right_high:>9.2} ms {wrong:>9.2} ms {wrong_high:>9.2} ms"
        );
    }
    println!();
    run.sent
}

pub(crate) fn sorted(times: &[f64]) -> Vec<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times
}

/// Returns the number of an argument, after its equals sign.
pub(crate) fn argument(name: &str) -> Option<u64> {
    let given = std::env::args().find_map(|argument| argument.strip_prefix(name).map(str::to_owned))?;
    Some(given.parse().unwrap_or_else(|_| panic!("{name}{given} is no whole number")))
}
