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

use crate::clock::Timestamp;

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
pub struct AttemptDetails {
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
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    timestamp: u64,
    cloud_watch_metrics: &'a [Directive<'a>],
}

/// What CloudWatch shall make metrics of.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: &'a [Metric],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const ATTEMPTS: Metric = Metric { name: "attempts", unit: "Count" };
const SESSIONS: Metric = Metric { name: "sessions", unit: "Count" };
const THROTTLED: Metric = Metric { name: "throttled", unit: "Count" };
const DURATION: Metric = Metric { name: "duration_ms", unit: "Milliseconds" };
const HASHING: Metric = Metric { name: "hash_ms", unit: "Milliseconds" };

/// Leaves the event of an attempt to sign in.
pub fn attempt(caller: &Caller, outcome: &'static str, details: AttemptDetails) {
    // Only what is there may be named.
    let by_contract: &[Metric] = match details.hashing {
        Some(_) => &[THROTTLED, DURATION, HASHING],
        None => &[THROTTLED, DURATION],
    };
    let directives = [by_outcome(&[ATTEMPTS]), directive(&["contract"], by_contract)];
    leave(Event {
        message: "sign-in attempt",
        attempts: Some(1),
        throttled: Some(details.throttled_by.is_some().into()),
        ..event(caller, outcome, details, &directives)
    });
}

/// Leaves the event of a session that was refreshed, used or ended.
pub fn session(caller: &Caller, outcome: &'static str, user_id: Option<u64>) {
    let details = AttemptDetails { user_id, ..AttemptDetails::default() };
    leave(Event {
        message: "session",
        sessions: Some(1),
        ..event(caller, outcome, details, &[by_outcome(&[SESSIONS])])
    });
}

fn event<'a>(
    caller: &'a Caller,
    outcome: &'static str,
    details: AttemptDetails,
    directives: &'a [Directive<'a>],
) -> Event<'a> {
    Event {
        timestamp: caller.now.iso8601(),
        level: "INFO",
        message: "",
        contract: caller.contract,
        outcome,
        user_id: details.user_id,
        address: &caller.address,
        request_id: &caller.request_id,
        throttled_by: details.throttled_by,
        duration_ms: milliseconds(caller.started.elapsed()),
        hash_ms: details.hashing.map(milliseconds),
        attempts: None,
        throttled: None,
        sessions: None,
        metadata: Metadata { timestamp: caller.now.millis(), cloud_watch_metrics: directives },
    }
}

const fn by_outcome(metrics: &[Metric]) -> Directive<'_> {
    directive(&["contract", "outcome"], metrics)
}

const fn directive<'a>(dimensions: &'static [&'static str], metrics: &'a [Metric]) -> Directive<'a> {
    Directive { namespace: "Postern", dimensions: [dimensions], metrics }
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
