//! Arrivals: a Poisson process along a curve of its rate. Users sign in independently of each other.

use fastrand::Rng;

/// A rate over time: straight lines between points, each a time in seconds and a rate in arrivals per second.
#[derive(Clone, Debug)]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// Makes the curve through these points, which must be in the order of their times.
    pub fn through(points: &[(f64, f64)]) -> Self {
        Self(points.to_vec())
    }

    /// Makes a curve with one rate for this many seconds.
    pub fn steady(rate: f64, seconds: f64) -> Self {
        Self(vec![(0.0, rate), (seconds, rate)])
    }

    /// Returns the end of the curve, in seconds.
    pub fn end(&self) -> f64 {
        self.0.last().map_or(0.0, |(time, _)| *time)
    }

    /// Returns the rate at this time. It is 0 outside the curve.
    pub fn rate(&self, time: f64) -> f64 {
        let within = self.0.windows(2).find(|pair| pair[0].0 <= time && time < pair[1].0);
        within.map_or(0.0, |pair| {
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            low + (high - low) * (time - from) / (to - from)
        })
    }

    /// Returns the times of a Poisson process along this curve. The same seed gives the same times.
    pub fn arrivals(&self, mut rng: Rng) -> impl Iterator<Item = f64> {
        // Thinning (Lewis and Shedler): make the process with the highest rate of each stretch, and keep an
        // arrival with the probability of the curve's rate divided by the highest.
        self.0.windows(2).flat_map(move |pair| {
            let ((from, low), (to, high)) = (pair[0], pair[1]);
            let (highest, mut time, mut times) = (low.max(high), from, Vec::new());
            loop {
                time += -(1.0 - rng.f64()).ln() / highest;
                if time >= to {
                    return times;
                }
                let rate = low + (high - low) * (time - from) / (to - from);
                if rng.f64() * highest < rate {
                    times.push(time);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> Rng {
        Rng::with_seed(7)
    }

    /// In a Poisson process, the variance of the counts is their mean, and the deviation of the gaps is their
    /// mean.
    #[test]
    fn arrivals_at_a_steady_rate_are_a_poisson_process() {
        let times: Vec<f64> = Curve::steady(50.0, 2_000.0).arrivals(rng()).collect();
        let mut counts = vec![0.0; 2_000];
        times.iter().for_each(|time| counts[*time as usize] += 1.0);
        let (mean, variance) = spread(&counts);
        assert!((mean - 50.0).abs() < 0.5 && (variance - 50.0).abs() < 5.0, "{mean} {variance}");
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (mean, variance) = spread(&gaps);
        assert!((mean * 50.0 - 1.0).abs() < 0.01 && (variance * 2_500.0 - 1.0).abs() < 0.03);
    }

    #[test]
    fn arrivals_follow_the_curve() {
        let curve = Curve::through(&[(0.0, 0.0), (100.0, 1_000.0), (200.0, 1_000.0), (201.0, 0.0)]);
        assert_eq!(
            (curve.end(), curve.rate(50.0), curve.rate(150.0), curve.rate(201.0)),
            (201.0, 500.0, 1_000.0, 0.0)
        );
        let times: Vec<f64> = curve.arrivals(rng()).collect();
        assert!(times.is_sorted());
        for (from, to) in [(0.0, 50.0), (50.0, 100.0), (100.0, 200.0), (200.0, 201.0)] {
            let count = times.iter().filter(|time| (from..to).contains(*time)).count() as f64;
            let expected = (to - from) * (curve.rate(from) + curve.rate(to - 1e-9)) / 2.0;
            assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{from}: {count}, {expected}");
        }
    }

    #[test]
    fn same_seed_gives_the_same_arrivals() {
        let times = || Curve::steady(10.0, 10.0).arrivals(rng()).collect::<Vec<_>>();
        assert_eq!(times(), times());
    }

    fn spread(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
    }
}
