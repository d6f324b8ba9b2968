//! The models of the benchmark: random arrivals, the environments in which Lambda runs a function, and the
//! bill. They are in a library, so that tests can compare them with theory.

pub mod arrivals;
pub mod bill;
pub mod fleet;

/// Returns the value below which this share of the values lies. The values must be sorted, and there must be
/// at least one.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64).round() as usize]
}
