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
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<u8>,
    #[serde(rename = "_aws")]
    metrics: Value,
}

/// Leaves the event of an attempt to sign in.
pub fn attempt(caller: &Caller, outcome: &'static str, findings: Findings) {
    let by_outcome = directive(&["contract", "outcome"], &[("attempts", "Count")]);
    let mut by_contract = vec![("throttled", "Count"), ("duration_ms", "Milliseconds")];
    // Only what is there may be named.
    by_contract.extend(findings.hashing.map(|_| ("hash_ms", "Milliseconds")));
    leave(Event {
        message: "sign-in attempt",
        attempts: Some(1),
        throttled: Some(findings.throttled_by.is_some().into()),
        ..event(caller, outcome, findings, vec![by_outcome, directive(&["contract"], &by_contract)])
    });
}

/// Leaves the event of a session that was refreshed, used or ended.
pub fn session(caller: &Caller, outcome: &'static str, user_id: Option<u64>) {
    let by_outcome = directive(&["contract", "outcome"], &[("sessions", "Count")]);
    let findings = Findings { user_id, ..Findings::default() };
    leave(Event {
        message: "session",
        sessions: Some(1),
        ..event(caller, outcome, findings, vec![by_outcome])
    });
}

fn event<'a>(
    caller: &'a Caller,
    outcome: &'static str,
    findings: Findings,
    directives: Vec<Value>,
) -> Event<'a> {
    Event {
        timestamp: caller.now.iso8601(),
        level: "INFO",
        message: "",
        contract: caller.contract,
        outcome,
        user_id: findings.user_id,
        address: &caller.address,
        request_id: &caller.request_id,
        throttled_by: findings.throttled_by,
        duration_ms: milliseconds(caller.started.elapsed()),
        hash_ms: findings.hashing.map(milliseconds),
        attempts: None,
        throttled: None,
        sessions: None,
        metrics: json!({"Timestamp": caller.now.millis(), "CloudWatchMetrics": directives}),
    }
}

/// What CloudWatch shall make metrics of, each with its unit.
fn directive(dimensions: &[&str], metrics: &[(&str, &str)]) -> Value {
    let metrics: Vec<Value> =
        metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit})).collect();
    json!({"Namespace": "Postern", "Dimensions": [dimensions], "Metrics": metrics})
}

fn leave(event: Event<'_>) {
    match serde_json::to_string(&event) {
        Ok(line) => tracing::info!(line = line.as_str()),
        Err(error) => tracing::error!(target: "postern", cause = %error, "an audit event is no JSON"),
    }
}

/// Milliseconds to a tenth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
