//! The part `indistinguishable`: whether an attacker learns by the time of a refusal what kind of user a name
//! belongs to. It compares the kinds at every route that checks a password, with the grid of refusals and
//! without it. `-- indistinguishable --attempts=200` makes fewer attempts, `--at-once=1` measures one route
//! after the other, and `--step=100` sets another step than the default, in milliseconds.

mod kinds;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use postern::environment::Environment;
use postern_tests::deployment::{Deployment, Reply};

use self::kinds::{ROUTES, Route};
use crate::load::argument;
use crate::{Spread, goals};

/// The attempts of each kind with the grid. There are a fifth as many without it.
const ATTEMPTS: u64 = 2_000;
/// A name has five free failures.
const ATTEMPTS_PER_NAME: usize = 5;
/// The goal: how often a guess by the time may be right.
const GOAL: f64 = 0.53;

/// The variable that sets the step of the grid. If it is empty, the step is the default.
const STEP: &str = "REFUSAL_STEP_MILLISECONDS";

/// The times of a route's refusals, in the order of its kinds.
type Times = Vec<Vec<Duration>>;

pub(crate) async fn run() {
    let attempts = argument("--attempts=").unwrap_or(ATTEMPTS) as usize;
    let without_grid = attempts.div_ceil(5);
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let at_once = argument("--at-once=").map_or(processors, |number| number as usize);
    println!(
        "Refusals, {attempts} per kind and route with the grid and {without_grid} without it, in turns; {at_once} \
         routes at once\n"
    );
    println!(
        "  {:<34} {:>37}  {:>37}",
        "", "with the grid: median, recognised", "without: median, recognised"
    );
    let next = AtomicUsize::new(0);
    let mut worst: f64 = 0.5;
    // Each route has a thread of its own, with its functions and its table, so that no hash of one route
    // delays the replies of another one while there are as many processors as threads.
    thread::scope(|scope| {
        let measure_next = || {
            let mut worst: f64 = 0.5;
            while let Some(route) = ROUTES.get(next.fetch_add(1, Ordering::SeqCst)) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let (with, without) = runtime.block_on(measure(route, attempts, without_grid));
                worst = worst.max(print(route, &with, &without));
            }
            worst
        };
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(measure_next)).collect();
        for thread in threads {
            worst = worst.max(thread.join().unwrap());
        }
    });
    let [error, error_without] = [attempts, without_grid].map(|of| sampling_error(of) * 100.0);
    println!(
        "\n  recognised: how often a guess by the longer of two times is right, between this kind and the first of its \
         route\n  (locked: and a locked name that no user has). 50 % is a coin toss. The sampling error is {error:.1} % with \
         the grid,\n  and {error_without:.1} % without it."
    );
    goals::at_most("indistinguishable: recognised with the grid, the most", worst * 100.0, GOAL * 100.0, "%");
    println!();
}

/// Measures a route with the default grid, then without a grid, each with names that were never tried before.
async fn measure(route: &Route, attempts: usize, without_grid: usize) -> (Times, Times) {
    let step = argument("--step=").map_or_else(String::new, |step| step.to_string());
    let mut deployment = Deployment::start_with(|env: Environment| {
        let env = env.with("THROTTLE_ADDRESS_LIMIT", "1000000").with("HIDE_UNKNOWN_USERS", "true");
        env.with(STEP, step)
    })
    .await;
    let [names, names_without] = [attempts, without_grid].map(|of| of.div_ceil(ATTEMPTS_PER_NAME));
    for kind in route.kinds {
        for number in 0..names + names_without {
            kind.create(&deployment, number).await;
        }
    }
    let with = refuse(&deployment, route, attempts, 0).await;
    deployment.restart(|env| env.with(STEP, "0")).await;
    (with, refuse(&deployment, route, without_grid, names).await)
}

/// Sends this many attempts of each kind. The first name has this number.
async fn refuse(deployment: &Deployment, route: &Route, attempts: usize, first_name: usize) -> Times {
    let mut rng = Rng::with_seed(attempts as u64);
    let mut times = vec![Vec::new(); route.kinds.len()];
    let mut order: Vec<usize> = (0..route.kinds.len()).collect();
    let mut replies: Vec<Option<Reply>> = vec![None; route.kinds.len()];
    for attempt in 0..attempts {
        // Each attempt leaves data in the caches for the next one. In a fixed order, each kind would follow
        // the same kind every time, and would differ by that.
        rng.shuffle(&mut order);
        for &which in &order {
            let event =
                (route.event)(deployment, route.kinds[which], first_name + attempt / ATTEMPTS_PER_NAME);
            let start = Instant::now();
            let reply = deployment.invoke(route.contract, event).await;
            times[which].push(start.elapsed());
            replies[which] = Some(reply);
        }
        for (kind, reply) in route.kinds.iter().zip(&replies) {
            assert_eq!(reply, &replies[route.compared_with(*kind)], "{}, {}", route.name, kind.name());
        }
    }
    times
}

/// Prints the figures of a route. Returns how often the kind that is recognised best is recognised with the
/// grid.
fn print(route: &Route, with: &Times, without: &Times) -> f64 {
    let mut worst: f64 = 0.5;
    let mut lines = String::new();
    for (at, kind) in route.kinds.iter().enumerate() {
        let compared = route.compared_with(*kind);
        let cell = |times: &Times| {
            let spread = Spread::of(times[at].clone());
            let times_of = format!("{:.2} ms ({:.2} to {:.2})", spread.median, spread.low, spread.high);
            let share = (compared != at).then(|| recognised(&times[compared], &times[at]));
            let shown = share.map_or_else(String::new, |share| format!("{:.1} %", share * 100.0));
            (share, format!("{times_of:>28} {shown:>7}"))
        };
        let ((share, with), (_, without)) = (cell(with), cell(without));
        worst = worst.max(share.unwrap_or(0.5));
        let name = format!("{}, {}", route.name, kind.name());
        lines.push_str(&format!("  {name:<34} {with:>37}  {without:>37}\n"));
    }
    print!("{lines}");
    worst
}

/// Returns the share of pairs in which the second took longer, or in which it took shorter if that share is
/// larger.
fn recognised(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let longer: f64 = pairs.map(|(a, b)| if b > a { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 }).sum();
    let share = longer / (one.len() * other.len()) as f64;
    share.max(1.0 - share)
}

/// Returns the standard error of the share of pairs, of two times this many attempts that do not differ
/// (Mann and Whitney's U).
fn sampling_error(attempts: usize) -> f64 {
    let attempts = attempts as f64;
    ((2.0 * attempts + 1.0) / (12.0 * attempts * attempts)).sqrt()
}
