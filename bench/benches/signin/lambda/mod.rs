//! The part `lambda`: a simulation of many sign-ins on Lambda, which gives each request in progress an
//! environment of its own. The times of replies and of starts are measured in the same run. Values that
//! cannot be measured here are inputs, and are printed.

mod picture;

use std::fs;

use fastrand::Rng;
use postern_bench::arrivals::Curve;
use postern_bench::fleet::{Fleet, Limits, Outcome, Times};
use postern_bench::percentile;
use postern_tests::binary::in_workspace;
use postern_tests::contracts::takes_password;

use crate::binaries;
use crate::load::{CONTRACTS, Driver, Mix, argument, cold_start};

/// The measured sign-ins of each kind at each contract.
const ROUNDS: usize = 100;
const STARTS: usize = 20;
/// The number of right sign-ins in ten.
const RIGHT: usize = 9;
/// The round trips of a sign-in to the table, with a password and without one.
const TRIPS: [u64; 2] = [3, 1];

/// The curve, in seconds and sign-ins per second: a quiet night, a morning, a spike, and a spike at night.
const CURVE: [(f64, f64); 12] = [
    (0.0, 10.0),
    (120.0, 10.0),
    (360.0, 6_000.0),
    (600.0, 6_000.0),
    (605.0, 10_000.0),
    (720.0, 10_000.0),
    (725.0, 6_000.0),
    (840.0, 6_000.0),
    (1_020.0, 10.0),
    (1_740.0, 10.0),
    (1_741.0, 2_000.0),
    (1_800.0, 2_000.0),
];
const PHASES: [(&str, f64, f64); 7] = [
    ("night", 0.0, 120.0),
    ("morning", 120.0, 360.0),
    ("plateau", 360.0, 600.0),
    ("spike", 600.0, 720.0),
    ("plateau again", 725.0, 840.0),
    ("evening, night", 840.0, 1_740.0),
    ("a spike at night", 1_740.0, 1_800.0),
];
/// The width of a bin in the picture, in seconds.
const BIN: f64 = 5.0;

/// The values that are assumed and not measured. Each has an argument.
struct Assumed {
    platform_ms: u64,
    table_ms: u64,
    idle_seconds: u64,
    concurrency: u64,
}

/// The requests and environments in a stretch of time.
#[derive(Default)]
struct Stretch {
    latencies: Vec<f64>,
    cold: usize,
    refused: usize,
    environments: usize,
    most_busy: usize,
    /// The sum of the busy environments at each arrival.
    busy: f64,
    /// The sum of the curve's rates at each arrival, for the comparison with `busy`.
    rate: f64,
}

pub(crate) async fn run() {
    let assumed = Assumed {
        platform_ms: argument("--platform-ms=").unwrap_or(100),
        table_ms: argument("--table-ms=").unwrap_or(5),
        idle_seconds: argument("--idle-seconds=").unwrap_or(600),
        concurrency: argument("--concurrency=").unwrap_or(2_000),
    };
    assert!(assumed.concurrency > 0, "with --concurrency=0 no request gets a reply");
    binaries::build_all();
    let (times, measured) = measure(&assumed).await;
    let limits = Limits { starts: 1_000, window: 10.0, idle: assumed.idle_seconds as f64 };
    let mean = times.iter().map(|times| mean(&times.warm)).sum::<f64>() / times.len() as f64;
    let (phases, bins) = simulate(times, limits, assumed.concurrency as usize);
    let text = assumed.text(&measured);

    println!(
        "What Lambda does with up to 10,000 sign-ins a second: one request per environment, simulated\n"
    );
    println!(
        "  {:<17} {:>10} {:>12} {:>9} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9}",
        "", "sign-ins/s", "environments", "busy", "λ·E[S]", "cold", "refused", "p50", "p99", "p99.9"
    );
    for ((name, from, to), mut phase) in PHASES.into_iter().zip(phases) {
        phase.latencies.sort_by(f64::total_cmp);
        let count = (phase.latencies.len() + phase.refused) as f64;
        let rate = count / (to - from);
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(&phase.latencies, share) * 1000.0);
        println!(
            "  {name:<17} {rate:>10.0} {:>12} {:>9.1} {:>9.1} {:>7.3} % {:>8} {p50:>6.1} ms {p99:>6.1} ms {p999:>6.1} ms",
            phase.environments,
            phase.busy / count,
            phase.rate / count * mean,
            phase.cold as f64 / count * 100.0,
            phase.refused,
        );
    }
    println!(
        "\n  environments: the highest number. busy: the average at arrivals; λ·E[S]: the number by Erlang's\n  \
         formula, with the rates at arrivals"
    );
    text.iter().for_each(|line| println!("  {line}"));

    let path = in_workspace("bench/results/lambda.svg");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, picture::draw(&bins, &text)).unwrap();
    println!("\n  drawn: bench/results/lambda.svg\n");
}

/// Measures the function of each contract. Returns the times, and a line that describes them.
async fn measure(assumed: &Assumed) -> (Vec<Times>, String) {
    let mut driver = Driver::start().await;
    let run = driver.one_at_a_time(ROUNDS).await;
    let (mut all, mut starts, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
    for (contract, [wrong, right]) in run.services.into_iter().enumerate() {
        let trips = if takes_password(CONTRACTS[contract]) { TRIPS[0] } else { TRIPS[1] };
        let away = (trips * assumed.table_ms) as f64 / 1000.0;
        let mixed = [vec![right; RIGHT].concat(), vec![wrong; 10 - RIGHT].concat()].concat();
        let warm = mixed.into_iter().map(|time| time + away).collect();
        let (mut start, mut first) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            let (event, expected, _) = driver.traffic.next(contract, Mix::Right).split();
            let (polled, took, reply) = cold_start(&driver.deployment, contract, &event).await;
            driver.traffic.check(&driver.deployment.app, &expected, &reply).unwrap();
            start.push(polled.as_secs_f64() + assumed.platform_ms as f64 / 1000.0);
            first.push(took.as_secs_f64() + away);
        }
        starts.push(mean(&start) * 1000.0 - assumed.platform_ms as f64);
        firsts.push((mean(&first) - away) * 1000.0);
        all.push(Times { start, first, warm });
    }
    let services: Vec<String> = CONTRACTS
        .iter()
        .zip(&all)
        .map(|(contract, times)| format!("{contract} {:.1} ms", mean(&times.warm) * 1000.0))
        .collect();
    let line = format!(
        "Measured in this run, on average: {} with the trips; start to first poll {:.1} ms, first sign-in {:.1} ms.",
        services.join(", "),
        mean(&starts),
        mean(&firsts)
    );
    (all, line)
}

impl Assumed {
    fn text(&self, measured: &str) -> Vec<String> {
        vec![
            measured.to_owned(),
            format!(
                "Sign-ins: at all five contracts equally, {RIGHT} of 10 right; each contract is a function of its own."
            ),
            format!(
                "Assumed (--platform-ms): {} ms until AWS has an environment and its connections are open, before our start.",
                self.platform_ms
            ),
            "AWS says “under 100 ms to over 1 second” for a whole cold start, and not how it is made up."
                .to_owned(),
            format!(
                "Assumed (--table-ms): {} ms more for each trip to DynamoDB than to the embedded table: 1 trip of sso, 3 of the others.",
                self.table_ms
            ),
            format!(
                "Assumed (--idle-seconds): an environment is reclaimed after {} s without a request. AWS does not say.",
                self.idle_seconds
            ),
            "Documented: one request per environment; 1,000 new environments per function in 10 seconds."
                .to_owned(),
            format!(
                "Quota (--concurrency): {} at once in the account. The default of 1,000 also ends at 10,000 requests a second.",
                self.concurrency
            ),
        ]
    }
}

fn simulate(times: Vec<Times>, limits: Limits, concurrency: usize) -> (Vec<Stretch>, Vec<Stretch>) {
    let mut fleets: Vec<Fleet> = times.into_iter().map(|times| Fleet::new(times, limits)).collect();
    let curve = Curve::through(&CURVE);
    let mut phases: Vec<Stretch> = PHASES.iter().map(|_| Stretch::default()).collect();
    let mut bins: Vec<Stretch> = Vec::new();
    bins.resize_with((curve.end() / BIN) as usize, Stretch::default);
    let mut rng = Rng::with_seed(2);
    for now in curve.arrivals(Rng::with_seed(1)) {
        fleets.iter_mut().for_each(|fleet| fleet.advance_to(now));
        let busy: usize = fleets.iter().map(Fleet::busy).sum();
        let contract = rng.usize(..fleets.len());
        let outcome =
            if busy < concurrency { fleets[contract].arrive(now, &mut rng) } else { Outcome::Refused };
        let environments = fleets.iter().map(Fleet::environments).sum();
        let phase = PHASES.iter().position(|(_, from, to)| (*from..*to).contains(&now));
        let phase = phase.and_then(|phase| phases.get_mut(phase));
        for stretch in phase.into_iter().chain(bins.get_mut((now / BIN) as usize)) {
            stretch.count(outcome, busy, environments);
            stretch.rate += curve.rate(now);
        }
    }
    (phases, bins)
}

impl Stretch {
    fn count(&mut self, outcome: Outcome, busy: usize, environments: usize) {
        self.environments = self.environments.max(environments);
        self.most_busy = self.most_busy.max(busy);
        self.busy += busy as f64;
        match outcome {
            Outcome::Warm(took) => self.latencies.push(took),
            Outcome::Cold(took) => {
                self.latencies.push(took);
                self.cold += 1;
            }
            Outcome::Refused => self.refused += 1,
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
