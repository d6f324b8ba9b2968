//! A stand-in for CloudWatch Logs with the log groups of a stack. Its requests and replies have the form of those in the
//! API reference of FilterLogEvents. It knows the filter patterns that `postern` sends, and no others.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::secrets::{reply, serve};

/// How many events are on a page.
const PAGE: usize = 2;

/// The log groups, and the requests that there were.
#[derive(Clone, Default)]
pub(crate) struct Logs {
    /// The name of the group, the time, and the line.
    pub(crate) events: Arc<Mutex<Vec<(String, u64, String)>>>,
    pub(crate) requests: Arc<Mutex<Vec<Value>>>,
    pub(crate) denied: bool,
}

impl Logs {
    /// Adds a line.
    pub(crate) fn add(&self, group: &str, at: u64, line: &str) {
        self.events.lock().unwrap().push((group.to_owned(), at, line.to_owned()));
    }

    pub(crate) async fn start(&self) -> String {
        serve(Router::new().fallback(answer).with_state(self.clone())).await
    }

    /// The requests since the last call.
    pub(crate) fn requests(&self) -> Vec<Value> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

/// Points a command to a stand-in.
pub(crate) fn with_logs<'a>(endpoint: &str, command: &'a mut Command) -> &'a mut Command {
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", endpoint)
}

async fn answer(State(logs): State<Logs>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.headers["x-amz-target"], "Logs_20140328.FilterLogEvents");
    let body: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    logs.requests.lock().unwrap().push(body.clone());
    if logs.denied {
        let message =
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: logs:FilterLogEvents";
        return reply(400, &json!({"__type": "AccessDeniedException", "message": message}));
    }
    let group = body["logGroupName"].as_str().unwrap();
    let all = logs.events.lock().unwrap().clone();
    if all.iter().all(|(name, ..)| name != group) {
        let message = "The specified log group does not exist.";
        return reply(400, &json!({"__type": "ResourceNotFoundException", "message": message}));
    }
    let (from, until) = (body["startTime"].as_u64().unwrap(), body["endTime"].as_u64().unwrap());
    let pattern = body["filterPattern"].as_str().unwrap();
    let found: Vec<Value> = all
        .iter()
        .enumerate()
        .filter(|(_, (name, at, line))| {
            name == group && (from..=until).contains(at) && matches(pattern, line)
        })
        .map(|(id, (_, at, line))| {
            json!({"eventId": id.to_string(), "ingestionTime": at, "logStreamName": "stream", "message": line,
                "timestamp": at})
        })
        .collect();
    // Every page but the last has a token. The first one is empty, as it may be.
    let page = body["nextToken"].as_str().map_or(0, |page| page.parse::<usize>().unwrap());
    let shown = if page == 0 { &[][..] } else { found.chunks(PAGE).nth(page - 1).unwrap_or_default() };
    let mut answer = json!({"events": shown, "searchedLogStreams": []});
    if page * PAGE < found.len() {
        answer["nextToken"] = json!((page + 1).to_string());
    }
    reply(200, &answer)
}

/// Whether a line matches a filter pattern: conditions in brackets, joined by `&&`, and in each of them equations that
/// are joined by `||`.
fn matches(pattern: &str, line: &str) -> bool {
    let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
    let conditions = pattern.strip_prefix("{ ").unwrap().strip_suffix(" }").unwrap();
    conditions.split(" && ").all(|condition| {
        let equations = condition.strip_prefix('(').unwrap().strip_suffix(')').unwrap();
        equations.split(" || ").any(|equation| {
            let (selector, value) = equation.split_once(" = ").unwrap();
            let value: Value = serde_json::from_str(value).unwrap();
            event[selector.strip_prefix("$.").unwrap()] == value
        })
    })
}
