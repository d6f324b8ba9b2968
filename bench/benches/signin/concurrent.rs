//! The part `concurrent`: how many sign-ins a second one process handles if Lambda gives it several requests
//! at once, compared with one after the other.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::load::{CONTRACTS, Deployment, Function, Mix, Traffic};
use crate::process::resident;
use crate::{Spread, binaries, goals};

/// How many requests Lambda gives to the process at once.
const AT_ONCE: usize = 16;
/// Sign-ins in each turn.
const SIGN_INS: usize = 100;
const TURNS: usize = 15;
/// The account contract.
const CONTRACT: usize = 0;

/// A process, the number of requests in progress, and what each turn measured.
struct Subject {
    function: Function,
    at_once: usize,
    /// The time of one turn.
    turns: Vec<Duration>,
    /// The processors that the function used, and those that everything else used.
    busy: Vec<(f64, f64)>,
}

pub(crate) async fn run() {
    binaries::build_all();
    assert_eq!(CONTRACTS[CONTRACT], "account");
    let deployment = Deployment::start().await;
    let mut traffic = Traffic::new(&deployment);
    let mut subjects = [
        // One request waits while the other one is handled. So the function never waits for a request.
        Subject::of(deployment.start_another(CONTRACT).await, 2),
        Subject::of(deployment.start_concurrent(CONTRACT, AT_ONCE).await, AT_ONCE),
    ];
    for turn in 0..=TURNS {
        for subject in &mut subjects {
            // The first turn warms up.
            subject.turn(&deployment, &mut traffic, turn > 0).await;
        }
    }
    print(&subjects);
}

impl Subject {
    fn of(function: Function, at_once: usize) -> Self {
        Self { function, at_once, turns: Vec::new(), busy: Vec::new() }
    }

    /// Sends sign-ins, the next one when one is answered, and checks the replies.
    async fn turn(&mut self, deployment: &Deployment, traffic: &mut Traffic, counts: bool) {
        let attempts = (0..SIGN_INS).map(|_| traffic.next(CONTRACT, Mix::Right).split());
        // They are made before, and checked after the clock runs.
        let mut attempts: VecDeque<_> = attempts.collect();
        let (mut in_progress, mut done) = (JoinSet::new(), Vec::new());
        let (began, function, rest) =
            (Instant::now(), self.function.processor_time(), deployment.processor_time().1);
        while done.len() < SIGN_INS {
            while in_progress.len() < self.at_once
                && let Some((event, expected, _)) = attempts.pop_front()
            {
                let handled = self.function.api.queue(&event);
                in_progress.spawn(async move { (expected, handled.await) });
            }
            done.push(in_progress.join_next().await.unwrap().unwrap());
        }
        let took = began.elapsed();
        let function = self.function.processor_time() - function;
        let rest = deployment.processor_time().1 - rest;
        for (expected, handled) in done {
            traffic.check(&deployment.app, &expected, &handled.reply.unwrap()).unwrap();
        }
        if counts {
            let share = |time: Duration| time.as_secs_f64() / took.as_secs_f64();
            self.turns.push(took);
            self.busy.push((share(function), share(rest)));
        }
    }
}

fn print(subjects: &[Subject; 2]) {
    let processors = std::thread::available_parallelism().unwrap();
    println!(
        "Several requests at once: account, right passwords, one process on {processors} cores, {TURNS} turns of {SIGN_INS}\n"
    );
    println!(
        "  {:<16} {:>13} {:>14} {:>16} {:>10}",
        "requests at once", "sign-ins", "10th to 90th", "processors", "memory"
    );
    for subject in subjects {
        let turns = Spread::of(subject.turns.clone());
        let a_second = |milliseconds: f64| SIGN_INS as f64 / milliseconds * 1000.0;
        let (function, rest) = (median(&subject.busy, |busy| busy.0), median(&subject.busy, |busy| busy.1));
        println!(
            "  {:<16} {:>11.1}/s {:>14} {:>16} {:>6.1} MiB",
            if subject.at_once == AT_ONCE { AT_ONCE } else { 1 },
            a_second(turns.median),
            format!("{:.0} to {:.0}", a_second(turns.high), a_second(turns.low)),
            format!("{function:.2} + {rest:.2}"),
            resident(subject.function.id())
        );
    }
    let [one, many] = subjects;
    // Turn by turn, since other load on the machine changes.
    let ratios: Vec<f64> =
        one.turns.iter().zip(&many.turns).map(|(one, many)| one.as_secs_f64() / many.as_secs_f64()).collect();
    println!(
        "\n  processors: those that the function kept busy + those of the table, the generator and the Runtime API"
    );
    let ratio = median(&ratios, |ratio| *ratio);
    goals::at_least("concurrent: sign-ins a second, relative to one after the other", ratio, 1.8, "×");
    println!();
}

fn median<T>(values: &[T], of: impl Fn(&T) -> f64) -> f64 {
    let mut values: Vec<f64> = values.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    postern_bench::percentile(&values, 0.5)
}
