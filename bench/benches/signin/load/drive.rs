//! Three ways to send attempts: one at a time, a fixed number at the same time, or at their arrivals, even if
//! others are waiting.

use std::time::{Duration, Instant};

use fastrand::Rng;
use postern_bench::arrivals::Curve;
use postern_bench::percentile;
use postern_tests::runtime_api::Handled;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::deployment::{CONTRACTS, Deployment};
use super::traffic::{Attempt, Expected, Mix, Traffic};

/// The measurements of a run, and its wrong and lost replies.
#[derive(Default)]
pub(crate) struct Run {
    /// From the intended arrival to the reply, in milliseconds, sorted.
    pub(crate) latencies: Vec<f64>,
    /// From the hand-over of the event to the reply, in seconds, for each contract: of wrong sign-ins, and of
    /// right ones.
    pub(crate) services: [[Vec<f64>; 2]; CONTRACTS.len()],
    pub(crate) sent: usize,
    /// The replies that came while attempts still arrived.
    pub(crate) in_time: usize,
    /// The most attempts that were waiting or in progress at the same time.
    pub(crate) longest: usize,
    /// The time from the last arrival to the last reply.
    pub(crate) worked_off: Duration,
    pub(crate) wrong: Vec<String>,
    pub(crate) lost: usize,
}

impl Run {
    pub(crate) fn latency(&self, share: f64) -> f64 {
        percentile(&self.latencies, share)
    }

    /// Panics if a reply is missing or wrong.
    pub(crate) fn assert_correct(&self) {
        assert!(self.wrong.is_empty(), "{} wrong replies: {:?}", self.wrong.len(), &self.wrong[..1]);
        assert_eq!(self.lost, 0, "replies are lost");
    }
}

/// A deployment, and the attempts that are sent to it.
pub(crate) struct Driver {
    pub(crate) deployment: Deployment,
    pub(crate) traffic: Traffic,
    in_progress: JoinSet<(Instant, Expected, bool, Handled)>,
}

impl Driver {
    pub(crate) async fn start() -> Self {
        let deployment = Deployment::start().await;
        let traffic = Traffic::new(&deployment);
        Self { deployment, traffic, in_progress: JoinSet::new() }
    }

    /// Sends attempts one after the other, of each contract and kind in turn. The first rounds warm up.
    pub(crate) async fn one_at_a_time(&mut self, rounds: usize) -> Run {
        const WARM_UP: usize = 5;
        let mut run = Run::default();
        for round in 0..rounds + WARM_UP {
            if round == WARM_UP {
                run = Run::default();
            }
            for contract in 0..CONTRACTS.len() {
                for mix in [Mix::Right, Mix::Wrong] {
                    let attempt = self.traffic.next(contract, mix);
                    self.send(&mut run, attempt, Instant::now());
                    self.finish_one(&mut run).await;
                }
            }
        }
        run.assert_correct();
        run
    }

    /// Keeps this number of attempts in progress: each reply is followed by the next attempt. Returns
    /// sign-ins per second.
    pub(crate) async fn closed_loop(&mut self, mix: Mix, at_once: usize, lasting: Duration) -> f64 {
        let (mut run, mut contract) = (Run::default(), 0);
        let began = Instant::now();
        while began.elapsed() < lasting {
            while self.in_progress.len() < at_once {
                contract = (contract + 1) % CONTRACTS.len();
                let attempt = self.traffic.next(contract, mix);
                self.send(&mut run, attempt, Instant::now());
            }
            self.finish_one(&mut run).await;
        }
        let rate = run.latencies.len() as f64 / began.elapsed().as_secs_f64();
        self.finish_all(&mut run).await;
        run.assert_correct();
        rate
    }

    /// Sends attempts at Poisson arrivals with this rate. The time of an attempt counts from its intended
    /// moment.
    pub(crate) async fn open_loop(&mut self, mix: Mix, rate: f64, lasting: Duration, seed: u64) -> Run {
        let mut run = Run::default();
        let began = Instant::now();
        for arrival in Curve::steady(rate, lasting.as_secs_f64()).arrivals(Rng::with_seed(seed)) {
            let intended = began + Duration::from_secs_f64(arrival);
            loop {
                tokio::select! {
                    biased;
                    () = sleep_until(intended.into()) => break,
                    Some(done) = self.in_progress.join_next() => self.record(&mut run, done.unwrap()),
                }
            }
            let attempt = self.traffic.any(mix);
            self.send(&mut run, attempt, intended);
        }
        run.in_time = run.latencies.len();
        let ended = Instant::now();
        self.finish_all(&mut run).await;
        run.worked_off = ended.elapsed();
        run.latencies.sort_by(f64::total_cmp);
        run
    }

    fn send(&mut self, run: &mut Run, attempt: Attempt, intended: Instant) {
        let (contract, (event, expected, is_right)) = (attempt.contract, attempt.split());
        let handled = self.deployment.functions[contract].api.queue(&event);
        self.in_progress.spawn(async move { (intended, expected, is_right, handled.await) });
        run.sent += 1;
        run.longest = run.longest.max(self.in_progress.len());
    }

    /// Waits for one reply. Returns `false` if no attempt is in progress, or if no reply comes.
    async fn finish_one(&mut self, run: &mut Run) -> bool {
        let Ok(Some(done)) = timeout(Duration::from_secs(30), self.in_progress.join_next()).await else {
            return false;
        };
        self.record(run, done.unwrap());
        true
    }

    async fn finish_all(&mut self, run: &mut Run) {
        while self.finish_one(run).await {}
        run.lost = self.in_progress.len();
    }

    fn record(&self, run: &mut Run, done: (Instant, Expected, bool, Handled)) {
        let (intended, expected, is_right, handled) = done;
        run.latencies.push((handled.replied - intended).as_secs_f64() * 1000.0);
        let service = (handled.replied - handled.handed).as_secs_f64();
        run.services[expected.contract()][usize::from(is_right)].push(service);
        let checked = match &handled.reply {
            Ok(reply) => self.traffic.check(&self.deployment.app, &expected, reply),
            Err(error) => Err(error.to_string()),
        };
        run.wrong.extend(checked.err());
    }
}
