//! Measures what a request costs at the table: its calls, its round trips, and DynamoDB's request units.
//!
//! The units follow AWS's published rules. A strongly consistent read costs one unit for each 4 KB of the item, or of all
//! items of a query, and any other read half of that. A write costs one unit for each 1 KB of the item before or after, whichever is larger. A
//! read of no item costs as much as the smallest item. A write that its condition refuses costs as much as one that is
//! made. If the store reports what it charged, the two must agree. The store reports nothing for refused writes.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use axum::response::Response;
use postern::environment::Environment;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::calls::TESTS;
use crate::deployment::{Deployment, Reply};
use crate::relay;

/// A trip is over when this many checks in a row, with this pause between them, find no new call. Several short checks
/// are safer than one long wait: a busy machine may stop this process for any time, and calls that were on their way
/// then arrive before the next check.
const QUIET_CHECKS: usize = 10;
const CHECK_PAUSE: Duration = Duration::from_millis(2);

/// The meter between the functions of a deployment and their table.
pub struct Meter(Arc<Shared>);

struct Shared {
    table: OnceLock<String>,
    /// The calls of the request that is measured. Outside of a request, calls are passed on only.
    calls: Mutex<Option<Vec<Call>>>,
    /// How many calls have come.
    arrived: AtomicUsize,
    /// How many trips are over.
    trips: watch::Sender<usize>,
}

/// A call to the table.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which round trip of the request it belongs to, from 0.
    pub trip: usize,
    /// The operation and the kind of item, like `GetItem USER`.
    pub what: String,
    /// The item's size in bytes, before or after, whichever is larger. It is 0 if there is no item. A query has the
    /// size of all its items.
    pub bytes: usize,
    /// Whether the condition refused it.
    pub refused: bool,
    /// Read request units, by the rules.
    pub reads: f64,
    /// Write request units, by the rules.
    pub writes: f64,
    /// What the store reports that it charged, if it reports it.
    reported: Option<f64>,
}

/// What a request used.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Its calls, trip by trip.
    pub calls: Vec<Call>,
}

impl Used {
    /// Round trips.
    pub fn trips(&self) -> usize {
        self.calls.last().map_or(0, |call| call.trip + 1)
    }

    /// Read request units.
    pub fn reads(&self) -> f64 {
        self.calls.iter().fold(0.0, |sum, call| sum + call.reads)
    }

    /// Write request units.
    pub fn writes(&self) -> f64 {
        self.calls.iter().fold(0.0, |sum, call| sum + call.writes)
    }
}

/// Shows trips in round brackets, each with its calls. Refused calls are marked.
impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for trip in self.calls.chunk_by(|one, other| one.trip == other.trip) {
            let mark = |call: &Call| format!("{}{}", call.what, if call.refused { " refused" } else { "" });
            let calls: Vec<_> = trip.iter().map(mark).collect();
            write!(f, "({})", calls.join(", "))?;
        }
        Ok(())
    }
}

impl Meter {
    /// A deployment with a meter before its table, and settings changed.
    pub async fn deployment(change: impl FnOnce(Environment) -> Environment) -> (Deployment, Self) {
        let shared = Arc::new(Shared {
            table: OnceLock::new(),
            calls: Mutex::default(),
            arrived: AtomicUsize::new(0),
            trips: watch::Sender::new(0),
        });
        let router = |table| {
            shared.table.set(table).unwrap();
            Router::new().fallback(meter).with_state(Arc::clone(&shared))
        };
        (relay::deployment(router, change).await, Self(shared))
    }

    /// The reply to a request, and what it used.
    pub async fn of(&self, request: impl Future<Output = Reply>) -> (Reply, Used) {
        self.0.trips.send_replace(0);
        *self.0.calls.lock().unwrap() = Some(Vec::new());
        let reply = request.await;
        let mut calls = self.0.calls.lock().unwrap().take().unwrap();
        calls.sort_by(|one, other| (one.trip, &one.what).cmp(&(other.trip, &other.what)));
        for call in &calls {
            let charged = call.reads + call.writes;
            assert!(call.refused == call.reported.is_none(), "what is done is charged: {call:?}");
            assert!(
                call.reported.is_none_or(|reported| reported == charged),
                "the store charges otherwise: {call:?}"
            );
        }
        (reply, Used { calls })
    }
}

async fn meter(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let table = shared.table.get().unwrap();
    let Some(trip) = join_trip(&shared).await else { return relay::pass(table, parts, body).await };

    let mut json: Value = serde_json::from_slice(&body).unwrap();
    let before = item(table, &parts, &json).await;
    json["ReturnConsumedCapacity"] = json!("TOTAL");
    let reply = send(table, parts.clone(), &json).await;
    let (reply_parts, reply) = reply.into_parts();
    let reply = to_bytes(reply, usize::MAX).await.unwrap();
    let after = item(table, &parts, &json).await;
    let answer: Value = serde_json::from_slice(&reply).unwrap();

    let target = parts.headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap();
    let listed = answer["Items"].as_array().into_iter().flatten().map(size_of).sum();
    let bytes = before.max(after).max(size_of(&json["Item"])).max(listed);
    let (reads, writes) = match operation {
        "GetItem" | "Query" => (read_units(bytes, json["ConsistentRead"] == true), 0.0),
        "PutItem" | "UpdateItem" | "DeleteItem" => (0.0, write_units(bytes)),
        other => panic!("no rule for {other}"),
    };
    let pk = if operation == "Query" { &json["ExpressionAttributeValues"][":pk"] } else { &key(&json)["pk"] };
    let kind = pk["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    let call = Call {
        trip,
        what: format!("{operation} {kind}"),
        bytes,
        refused: answer["__type"].as_str().is_some_and(|of| of.ends_with("#ConditionalCheckFailedException")),
        reads,
        writes,
        reported: answer["ConsumedCapacity"]["CapacityUnits"].as_f64(),
    };
    // Recorded before the caller gets the answer, since the request may end then.
    shared.calls.lock().unwrap().as_mut().unwrap().push(call);
    Response::from_parts(reply_parts, Body::from(reply))
}

/// Waits until all calls of the same trip have arrived: none of them may be answered before. Returns the number of the
/// trip, from 0, or nothing if no request is measured.
async fn join_trip(shared: &Arc<Shared>) -> Option<usize> {
    if shared.calls.lock().unwrap().is_none() {
        return None;
    }
    let mut trips = shared.trips.subscribe();
    let trip = *trips.borrow();
    let arrived = shared.arrived.fetch_add(1, Ordering::SeqCst) + 1;
    for _ in 0..QUIET_CHECKS {
        sleep(CHECK_PAUSE).await;
    }
    // Only the last call ends the trip. A call that arrived meanwhile still checks.
    if shared.arrived.load(Ordering::SeqCst) == arrived {
        shared.trips.send_replace(trip + 1);
    }
    trips.wait_for(|over| *over > trip).await.unwrap();
    Some(trip)
}

/// The size of the item that a call is about, as it is now. A query is about no one item.
async fn item(table: &str, parts: &Parts, call: &Value) -> usize {
    if key(call)["pk"].is_null() {
        return 0;
    }
    let mut parts = parts.clone();
    parts.headers.insert("x-amz-target", "DynamoDB_20120810.GetItem".parse().unwrap());
    // The read is the meter's, and must not be recorded as the function's.
    let own = format!(
        "AWS4-HMAC-SHA256 Credential={TESTS}/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
    );
    parts.headers.insert("authorization", own.parse().unwrap());
    let read = json!({"TableName": call["TableName"], "Key": key(call), "ConsistentRead": true});
    let reply = send(table, parts, &read).await.into_body();
    let reply: Value = serde_json::from_slice(&to_bytes(reply, usize::MAX).await.unwrap()).unwrap();
    size_of(&reply["Item"])
}

async fn send(table: &str, mut parts: Parts, call: &Value) -> Response {
    parts.headers.remove(CONTENT_LENGTH);
    relay::pass(table, parts, Bytes::from(call.to_string())).await
}

/// The key of a call's item. A put has it among the other attributes.
fn key(call: &Value) -> Value {
    let of = if call["Key"].is_null() { &call["Item"] } else { &call["Key"] };
    json!({"pk": of["pk"], "sk": of["sk"]})
}

fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(4096).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}

fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(1024).max(1) as f64
}

/// An item's size in bytes as AWS counts it: its attributes' names, and their values.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
fn size_of(item: &Value) -> usize {
    let Value::Object(attributes) = item else { return 0 };
    attributes.iter().map(|(name, value)| name.len() + value_size(value)).sum()
}

fn value_size(value: &Value) -> usize {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).unwrap();
    let strings = |value: &Value| value.as_array().unwrap().iter().map(|s| s.as_str().unwrap().len()).sum();
    let list = |values: &Vec<Value>| values.iter().map(|value| 1 + value_size(value)).sum::<usize>();
    let map = |members: &Map<String, Value>| {
        members.iter().map(|(name, value)| 1 + name.len() + value_size(value)).sum::<usize>()
    };
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        "N" => number_size(value.as_str().unwrap()),
        "BOOL" | "NULL" => 1,
        "SS" => strings(value),
        "L" => 3 + list(value.as_array().unwrap()),
        "M" => 3 + map(value.as_object().unwrap()),
        other => panic!("the table has no {other}"),
    }
}

/// One byte for each two significant digits, one more, and one for a minus sign.
fn number_size(number: &str) -> usize {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    let digits = if number.contains('.') { digits } else { digits.trim_end_matches('0') };
    digits.len().div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_units_are_those_of_the_published_rules() {
        let item = json!({
            "pk": {"S": "USER#1"}, "epoch": {"N": "-1230"}, "on": {"BOOL": true}, "é": {"NULL": true},
            "codes": {"SS": ["ab", "cde"]}, "map": {"M": {"list": {"L": [{"S": "x"}]}}},
        });
        let expected = (2 + 6) + (5 + 4) + (2 + 1) + (2 + 1) + (5 + 5) + (3 + 3 + 1 + 4 + 3 + 1 + 1);
        assert_eq!(size_of(&item), expected);
        assert_eq!(size_of(&Value::Null), 0);
        for (bytes, reads, writes) in
            [(0, 1.0, 1.0), (1024, 1.0, 1.0), (1025, 1.0, 2.0), (4096, 1.0, 4.0), (4097, 2.0, 5.0)]
        {
            let units = (read_units(bytes, true), read_units(bytes, false), write_units(bytes));
            assert_eq!(units, (reads, reads / 2.0, writes), "{bytes}");
        }
    }
}
