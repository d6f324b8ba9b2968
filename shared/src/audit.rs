//! The audit trail: one structured event per attempt, and who made it.

use std::time::{Duration, Instant};

use crate::ambient::Timestamp;

/// The outcome of an attempt that succeeded.
pub const SIGNED_IN: &str = "signed_in";

/// Who calls, from where, when, and at which door.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The contract's name, for the audit event.
    pub contract: &'static str,
    /// API Gateway's id of the request; the reply carries it as `X-Request-Id`.
    pub request_id: String,
    /// The address that API Gateway saw; no header that a caller could write.
    pub address: String,
    /// The time of the request.
    pub now: Timestamp,
    /// When work on the request began, for its duration.
    pub started: Instant,
}

/// Leaves the event. It never holds a password, a token, a code or a key; nor the login name that was typed, since
/// people type their password there.
pub fn attempt(caller: &Caller, outcome: &str, user_id: Option<u64>, hashing: Option<Duration>) {
    tracing::info!(
        contract = caller.contract,
        outcome,
        user_id,
        address = caller.address,
        request_id = caller.request_id,
        duration_ms = milliseconds(caller.started.elapsed()),
        hash_ms = hashing.map(milliseconds),
        "sign-in attempt"
    );
}

/// Milliseconds to a tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
