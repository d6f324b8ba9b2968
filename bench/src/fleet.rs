//! The environments in which Lambda runs one function. Each handles one request at a time. A new one starts
//! if none is free. The most recently used free one is used first. One that is idle for long is reclaimed.
//!
//! A request that needs a new environment waits for that one, even if another becomes free. The values in
//! [`Limits`] are documented by AWS, except for the time until an environment is reclaimed, which is an
//! assumption.

use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};

use fastrand::Rng;

/// Measured times, in seconds. The simulation draws from each list.
#[derive(Clone, Debug)]
pub struct Times {
    /// From the decision to start an environment until the function asks for its first event.
    pub start: Vec<f64>,
    /// The first event of an environment.
    pub first: Vec<f64>,
    /// Any later event.
    pub warm: Vec<f64>,
}

/// The limits of Lambda.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most new environments of one function in each window.
    pub starts: usize,
    /// The length of a window, in seconds.
    pub window: f64,
    /// The seconds after which an idle environment is reclaimed.
    pub idle: f64,
}

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Answered after this many seconds, in a free environment.
    Warm(f64),
    /// Answered after this many seconds, in a new environment.
    Cold(f64),
    /// Refused, since a limit was reached.
    Refused,
}

/// The environments of one function.
#[derive(Debug)]
pub struct Fleet {
    times: Times,
    limits: Limits,
    /// When each busy environment becomes free.
    busy: BinaryHeap<Free>,
    /// Since when each free environment is idle, the longest first.
    idle: VecDeque<f64>,
    /// When the environments of the current window were started.
    started: VecDeque<f64>,
}

impl Fleet {
    /// Makes a fleet without environments.
    pub fn new(times: Times, limits: Limits) -> Self {
        let (busy, idle, started) = (BinaryHeap::new(), VecDeque::new(), VecDeque::new());
        Self { times, limits, busy, idle, started }
    }

    /// Advances the simulation to this moment.
    pub fn advance_to(&mut self, now: f64) {
        while let Some(free) = self.busy.peek_mut().filter(|free| free.0 <= now) {
            self.idle.push_back(PeekMut::pop(free).0);
        }
        while self.idle.pop_front_if(|since| *since + self.limits.idle <= now).is_some() {}
        while self.started.pop_front_if(|at| *at + self.limits.window <= now).is_some() {}
    }

    /// Handles a request at the moment to which the simulation was advanced.
    pub fn arrive(&mut self, now: f64, rng: &mut Rng) -> Outcome {
        if self.idle.pop_back().is_some() {
            let took = draw(&self.times.warm, rng);
            self.busy.push(Free(now + took));
            return Outcome::Warm(took);
        }
        if self.started.len() >= self.limits.starts {
            return Outcome::Refused;
        }
        self.started.push_back(now);
        let took = draw(&self.times.start, rng) + draw(&self.times.first, rng);
        self.busy.push(Free(now + took));
        Outcome::Cold(took)
    }

    /// Returns the number of busy environments.
    pub fn busy(&self) -> usize {
        self.busy.len()
    }

    /// Returns the number of environments.
    pub fn environments(&self) -> usize {
        self.busy.len() + self.idle.len()
    }
}

fn draw(times: &[f64], rng: &mut Rng) -> f64 {
    times[rng.usize(..times.len())]
}

/// The moment at which an environment becomes free. The earliest is the greatest, since the heap returns the
/// greatest.
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

    fn arrive(fleet: &mut Fleet, now: f64) -> Outcome {
        fleet.advance_to(now);
        fleet.arrive(now, &mut Rng::with_seed(1))
    }

    #[test]
    fn environment_handles_one_request_at_a_time_and_is_used_again() {
        let mut fleet = Fleet::new(times(), LIMITS);
        assert_eq!(arrive(&mut fleet, 0.0), Outcome::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.25), Outcome::Cold(0.5));
        assert_eq!((fleet.busy(), fleet.environments()), (2, 2));
        assert_eq!(arrive(&mut fleet, 0.5), Outcome::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Outcome::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Outcome::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.75), Outcome::Cold(0.5));
    }

    /// The most recently used environment is used first, so one that is not needed stays idle.
    #[test]
    fn environment_that_is_idle_for_long_is_reclaimed() {
        let mut fleet = Fleet::new(times(), LIMITS);
        arrive(&mut fleet, 0.0);
        arrive(&mut fleet, 0.0);
        for second in 1..=600 {
            assert_eq!(arrive(&mut fleet, f64::from(second)), Outcome::Warm(0.125));
            assert_eq!(fleet.environments(), 2);
        }
        assert_eq!(arrive(&mut fleet, 601.0), Outcome::Warm(0.125));
        assert_eq!(fleet.environments(), 1);
        assert_eq!(arrive(&mut fleet, 1_202.0), Outcome::Cold(0.5));
    }

    #[test]
    fn request_over_the_starts_of_a_window_is_refused() {
        let mut fleet = Fleet::new(times(), Limits { starts: 2, ..LIMITS });
        assert_eq!(arrive(&mut fleet, 0.0), Outcome::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.0), Outcome::Cold(0.5));
        assert_eq!(arrive(&mut fleet, 0.0), Outcome::Refused);
        assert_eq!(arrive(&mut fleet, 0.5), Outcome::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.5), Outcome::Warm(0.125));
        assert_eq!(arrive(&mut fleet, 0.5), Outcome::Refused);
        arrive(&mut fleet, 10.0);
        arrive(&mut fleet, 10.0);
        assert_eq!(arrive(&mut fleet, 10.0), Outcome::Cold(0.5));
    }

    /// M/G/∞: if no request waits, λ·E\[S\] environments are busy on average for any distribution, and the
    /// variance is the same.
    #[test]
    fn busy_environments_are_as_many_as_erlang_says() {
        let warm = vec![0.005, 0.005, 0.02, 0.05];
        let mean = warm.iter().sum::<f64>() / 4.0;
        let instant = Times { start: vec![0.0], first: warm.clone(), warm };
        let mut fleet = Fleet::new(instant, Limits { starts: usize::MAX, ..LIMITS });
        let (mut rng, mut seen) = (Rng::with_seed(3), Vec::new());
        for now in Curve::steady(2_000.0, 300.0).arrivals(Rng::with_seed(2)) {
            fleet.advance_to(now);
            // Poisson arrivals see time averages, so the mean over arrivals is the mean over time.
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
