//! The environments in which Lambda runs one function: one request each, started when none is free, used again most
//! recently used first, reclaimed when idle for long.
//!
//! A request that needs a new environment waits for it, and for no other. What is documented is in [`Limits`]; when
//! environments are reclaimed is not, and an assumption.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

use fastrand::Rng;

/// How long things take, in seconds, as they were measured: each a list to draw from.
#[derive(Clone, Debug)]
pub struct Times {
    /// From the decision to start an environment until the function asks for its first event.
    pub start: Vec<f64>,
    /// The first event of an environment.
    pub first: Vec<f64>,
    /// Any other.
    pub warm: Vec<f64>,
}

/// What Lambda grants.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// New environments of one function in each window.
    pub starts: usize,
    /// That window, in seconds.
    pub window: f64,
    /// An idle environment is reclaimed after so many seconds.
    pub idle: f64,
}

/// How a request fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fared {
    /// Answered after so many seconds, in an environment that was there.
    Warm(f64),
    /// Answered after so many seconds, in a new one.
    Cold(f64),
    /// Not taken: a limit was reached.
    Refused,
}

/// The environments of one function.
#[derive(Debug)]
pub struct Fleet {
    times: Times,
    limits: Limits,
    /// When each busy one is free again.
    busy: BinaryHeap<Free>,
    /// Since when each idle one is: the longest first.
    idle: VecDeque<f64>,
    /// When the last ones were started.
    started: VecDeque<f64>,
}

impl Fleet {
    /// None yet.
    pub fn new(times: Times, limits: Limits) -> Self {
        let (busy, idle, started) = (BinaryHeap::new(), VecDeque::new(), VecDeque::new());
        Self { times, limits, busy, idle, started }
    }

    /// Lets time pass, up to this moment.
    pub fn settle(&mut self, now: f64) {
        while let Some(free) = self.busy.peek_mut().filter(|free| free.0 <= now) {
            self.idle.push_back(PeekMut::pop(free).0);
        }
        while self.idle.pop_front_if(|since| *since + self.limits.idle <= now).is_some() {}
        while self.started.pop_front_if(|at| *at + self.limits.window <= now).is_some() {}
    }

    /// A request comes, at a moment that is settled.
    pub fn arrive(&mut self, now: f64, rng: &mut Rng) -> Fared {
        if self.idle.pop_back().is_some() {
            let took = drawn(&self.times.warm, rng);
            self.busy.push(Free(now + took));
            return Fared::Warm(took);
        }
        if self.started.len() >= self.limits.starts {
            return Fared::Refused;
        }
        self.started.push_back(now);
        let took = drawn(&self.times.start, rng) + drawn(&self.times.first, rng);
        self.busy.push(Free(now + took));
        Fared::Cold(took)
    }

    /// How many are at work.
    pub fn busy(&self) -> usize {
        self.busy.len()
    }

    /// How many there are.
    pub fn environments(&self) -> usize {
        self.busy.len() + self.idle.len()
    }
}

fn drawn(times: &[f64], rng: &mut Rng) -> f64 {
    times[rng.usize(..times.len())]
}

/// A moment at which an environment is free; the earliest is the greatest, as the heap wants it.
#[derive(Debug)]
struct Free(f64);

impl Ord for Free {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Free {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Free {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Free {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arrivals::Curve;

    const LIMITS: Limits = Limits { starts: 1_000, window: 10.0, idle: 600.0 };

    fn times() -> Times {
        Times { start: vec![0.25], first: vec![0.25], warm: vec![0.125] }
    }

    fn arrive(fleet: &mut Fleet, now: f64) -> Fared {
        fleet.settle(now);
        fleet.arrive(now, &mut Rng::with_seed(1))
    }

    #[test]
    fn an_environment_takes_one_request_at_a_time_and_is_used_again() {
        let mut fleet = Fleet::new(times(), LIMITS);
        assert_eq!(arrive(&mut fleet, 0.0), Fared::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.25), Fared::Cold(0.5));
        assert_eq!((fleet.busy(), fleet.environments()), (2, 2));
        assert_eq!(arrive(&mut fleet, 0.5), Fared::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Fared::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Fared::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Fared::Cold(0.5));
    }

    /// The most recently used is taken first, so that what is not needed falls idle and goes.
    #[test]
    fn what_is_idle_for_long_is_reclaimed() {
        let mut fleet = Fleet::new(times(), LIMITS);
        arrive(&mut fleet, 0.0);
        arrive(&mut fleet, 0.0);
        for second in 1..=600 {
            assert_eq!(arrive(&mut fleet, f64::from(second)), Fared::Warm(0.125));
            assert_eq!(fleet.environments(), 2);
        }
        assert_eq!(arrive(&mut fleet, 601.0), Fared::Warm(0.125));
        assert_eq!(fleet.environments(), 1);
        assert_eq!(arrive(&mut fleet, 1_202.0), Fared::Cold(0.5));
    }

    #[test]
    fn no_more_are_started_in_a_window_than_granted() {
        let mut fleet = Fleet::new(times(), Limits { starts: 2, ..LIMITS });
        assert_eq!(arrive(&mut fleet, 0.0), Fared::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.0), Fared::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.0), Fared::Refused);
        assert_eq!(arrive(&mut fleet, 0.5), Fared::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.5), Fared::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.5), Fared::Refused);
        arrive(&mut fleet, 10.0);
        arrive(&mut fleet, 10.0);
        assert_eq!(arrive(&mut fleet, 10.0), Fared::Cold(0.5));
    }

    /// M/G/∞: who never waits makes λ·E\[S\] busy on average, whatever the distribution, and as many as that varies by.
    #[test]
    fn as_many_are_busy_as_erlang_says() {
        let warm = vec![0.005, 0.005, 0.02, 0.05];
        let mean = warm.iter().sum::<f64>() / 4.0;
        let instant = Times { start: vec![0.0], first: warm.clone(), warm };
        let mut fleet = Fleet::new(instant, Limits { starts: usize::MAX, ..LIMITS });
        let (mut rng, mut seen) = (Rng::with_seed(3), Vec::new());
        for now in Curve::steady(2_000.0, 300.0).arrivals(Rng::with_seed(2)) {
            fleet.settle(now);
            // Poisson arrivals see what is so on average over time.
            seen.push(fleet.busy() as f64);
            fleet.arrive(now, &mut rng);
        }
        let expected = 2_000.0 * mean;
        let average = seen.iter().sum::<f64>() / seen.len() as f64;
        let variance = seen.iter().map(|busy| (busy - average).powi(2)).sum::<f64>() / seen.len() as f64;
        assert!((average / expected - 1.0).abs() < 0.01, "{average}, {expected}");
        assert!((variance / expected - 1.0).abs() < 0.05, "{variance}, {expected}");
    }
}
