//! What the benchmark reckons with, apart from what it measures: arrivals at random, and the environments in which
//! Lambda runs a function. Here, so that tests can hold it against theory.

pub mod arrivals;
pub mod fleet;

/// The value below which this share of them lies; they are sorted, and there is one at least.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64).round() as usize]
}
