//! The audit trail: one structured event per attempt, and who made it.
//!
//! Each event is one line of JSON in CloudWatch's embedded metric format, so CloudWatch makes metrics of it by
//! itself, in the namespace `Postern`: `attempts` by contract and outcome; `throttled`, `duration_ms` and `hash_ms`
//! by contract. It never holds a password, a token, a code or a key; nor the login name that was typed, since
//! people type their password there.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::ambient::Timestamp;

/// The outcome of an attempt that succeeded.
pub const SIGNED_IN: &str = "signed_in";

/// The target of these events: they are lines already, and logged as they are.
pub(crate) const TARGET: &str = module_path!();

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
    /// When work on the request is given up, so that there is time to say so.
    pub deadline: Instant,
}

/// What the event tells of an attempt besides its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings {
    /// The user, where there is one.
    pub user_id: Option<u64>,
    /// How long the password was hashed.
    pub hashing: Option<Duration>,
    /// Whose failures were too many: the `name`'s or the `address`'s.
    pub throttled_by: Option<&'static str>,
}

#[derive(Serialize)]
struct Event<'a> {
    timestamp: Option<String>,
    level: &'static str,
    message: &'static str,
    contract: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<u64>,
    address: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled_by: Option<&'static str>,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash_ms: Option<f64>,
    attempts: u8,
    throttled: u8,
    #[serde(rename = "_aws")]
    metrics: Value,
}

/// Leaves the event of an attempt to sign in.
pub fn attempt(caller: &Caller, outcome: &'static str, findings: Findings) {
    leave("sign-in attempt", caller, outcome, findings);
}

/// Leaves the event of a session that was refreshed, used or ended.
pub(crate) fn session(caller: &Caller, outcome: &'static str, findings: Findings) {
    leave("session", caller, outcome, findings);
}

fn leave(message: &'static str, caller: &Caller, outcome: &'static str, findings: Findings) {
    let event = Event {
        timestamp: caller.now.iso8601(),
        level: "INFO",
        message,
        contract: caller.contract,
        outcome,
        user_id: findings.user_id,
        address: &caller.address,
        request_id: &caller.request_id,
        throttled_by: findings.throttled_by,
        duration_ms: milliseconds(caller.started.elapsed()),
        hash_ms: findings.hashing.map(milliseconds),
        attempts: 1,
        throttled: findings.throttled_by.is_some().into(),
        metrics: metrics(caller.now, findings.hashing.is_some()),
    };
    match serde_json::to_string(&event) {
        Ok(line) => tracing::info!(line = line.as_str()),
        Err(error) => tracing::error!(target: "postern", cause = %error, "an audit event is no JSON"),
    }
}

/// What CloudWatch shall make metrics of. Only what is there may be named.
fn metrics(now: Timestamp, hashed: bool) -> Value {
    let mut by_contract = vec![
        json!({"Name": "throttled", "Unit": "Count"}),
        json!({"Name": "duration_ms", "Unit": "Milliseconds"}),
    ];
    if hashed {
        by_contract.push(json!({"Name": "hash_ms", "Unit": "Milliseconds"}));
    }
    json!({
        "Timestamp": now.millis(),
        "CloudWatchMetrics": [
            {
                "Namespace": "Postern",
                "Dimensions": [["contract", "outcome"]],
                "Metrics": [{"Name": "attempts", "Unit": "Count"}],
            },
            {"Namespace": "Postern", "Dimensions": [["contract"]], "Metrics": by_contract},
        ],
    })
}

/// Milliseconds to a tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
