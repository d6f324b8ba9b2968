//! A proxy between the functions and their table. It sees every call and decides its fate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use postern::environment::Environment;
use postern_tests::deployment::Deployment;
use postern_tests::relay::{self, pass};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};

/// A status and a body that a call gets instead of the table's answer. With none, the call hangs.
pub(crate) type Fault = Option<(u16, String)>;

/// The fate of a call.
pub(crate) enum Fate {
    /// The table gets the call, and the caller its answer.
    Pass,
    /// The table does not get the call. The caller gets this answer.
    Fail(u16, String),
    /// The table does not get the call, and the caller no answer.
    Hang,
    /// The table executes the call. The caller gets this answer.
    Lose(u16, String),
    /// The table executes the call, and the caller gets no answer.
    LandAndHang,
    /// The table gets the call after this time.
    Delay(Duration),
    /// The table gets the call at [`Proxy::release`].
    Hold,
}

impl Fate {
    /// The table executes the call, and the reply says that it failed.
    pub(crate) fn lose() -> Self {
        match error(500, "InternalServerError") {
            Some((status, text)) => Self::Lose(status, text),
            None => Self::LandAndHang,
        }
    }
}

/// Decides on a call, which reads like `UpdateItem NAME SET charged_by`.
pub(crate) type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    reached: mpsc::UnboundedReceiver<String>,
}

struct Shared {
    table: OnceLock<String>,
    calls: Mutex<Vec<(String, Value)>>,
    rule: Mutex<Rule>,
    reached: mpsc::UnboundedSender<String>,
    released: Semaphore,
}

impl Proxy {
    /// A deployment with a proxy before its table, and settings changed.
    pub(crate) async fn deployment(change: impl FnOnce(Environment) -> Environment) -> (Deployment, Self) {
        let (sender, reached) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            table: OnceLock::new(),
            calls: Mutex::default(),
            rule: Mutex::new(Box::new(|_| Fate::Pass)),
            reached: sender,
            released: Semaphore::new(0),
        });
        let router = |table| {
            shared.table.set(table).unwrap();
            Router::new().fallback(forward).with_state(Arc::clone(&shared))
        };
        (relay::deployment(router, change).await, Self { shared, reached })
    }

    /// The calls since the last time this was called, sorted.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.requests().into_iter().map(|(call, _)| call).collect()
    }

    /// The same, each with its request. Of the values only the types and lengths are kept.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        let calls = std::mem::take(&mut *self.shared.calls.lock().unwrap());
        let mut calls: Vec<_> =
            calls.into_iter().map(|(call, request)| (call, blank(&request).to_string())).collect();
        calls.sort();
        calls
    }

    /// The same. The charge of a login name is the same call whether a user has the name or not: [`CHARGE`].
    pub(crate) fn requests_of_any_name(&self) -> Vec<(String, String)> {
        let requests = self.requests().into_iter().map(|(call, request)| {
            let is_charge =
                ["NAME SET charged_by", "USER SET username_charged_by", "USER SET email_charged_by"]
                    .iter()
                    .any(|charge| call.starts_with(&format!("UpdateItem {charge}")));
            match is_charge {
                true => (CHARGE.to_owned(), without_place(&request)),
                false => (call, request),
            }
        });
        let mut requests: Vec<_> = requests.collect();
        requests.sort();
        requests
    }

    /// Applies this rule to all calls from now on.
    pub(crate) fn rule(&self, rule: impl FnMut(&str) -> Fate + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// Fails calls from now on, as this rule says.
    pub(crate) fn fail(&self, rule: impl Fn(&str) -> Option<Fault> + Send + 'static) {
        self.rule(move |call| match rule(call) {
            None => Fate::Pass,
            Some(None) => Fate::Hang,
            Some(Some((status, text))) => Fate::Fail(status, text),
        });
    }

    /// Gives this fate to the first call of each kind. All other calls pass.
    pub(crate) fn first(&self, calls: &[&'static str], fate: impl Fn() -> Fate + Send + 'static) {
        let mut left = calls.to_vec();
        self.rule(move |seen| match left.iter().position(|call| seen.starts_with(call)) {
            Some(at) => {
                left.remove(at);
                fate()
            }
            None => Fate::Pass,
        });
    }

    /// Loses answers from now on, as this rule says: the table executes the call, and the caller gets the fault.
    pub(crate) fn lose(&self, rule: impl Fn(&str) -> Option<Fault> + Send + 'static) {
        self.rule(move |call| match rule(call) {
            None => Fate::Pass,
            Some(None) => Fate::LandAndHang,
            Some(Some((status, text))) => Fate::Lose(status, text),
        });
    }

    /// Lets every call pass from now on.
    pub(crate) fn heal(&self) {
        self.rule(|_| Fate::Pass);
    }

    /// Waits until a call hangs or is held. The table has executed it if it had to.
    pub(crate) async fn reached(&mut self) -> String {
        timeout(Duration::from_secs(60), self.reached.recv()).await.expect("no call is made").unwrap()
    }

    /// Lets one call go that is held.
    pub(crate) fn release(&self) {
        self.shared.released.add_permits(1);
    }
}

/// An error as DynamoDB words it.
pub(crate) fn error(status: u16, code: &str) -> Fault {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"LEAKED-{code}"}}"#);
    Some((status, body))
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.headers["x-amz-target"].to_str().unwrap().to_owned();
    let json: Value = serde_json::from_slice(&body).unwrap();
    let call = describe(&target, &json);
    shared.calls.lock().unwrap().push((call.clone(), json));
    let fate = (shared.rule.lock().unwrap())(&call);
    let table = shared.table.get().unwrap();
    match fate {
        Fate::Pass => pass(table, parts, body).await,
        Fate::Fail(status, text) => answer(status, text),
        Fate::Hang => hang(&shared, call).await,
        Fate::Lose(status, text) => {
            pass(table, parts, body).await;
            answer(status, text)
        }
        Fate::LandAndHang => {
            pass(table, parts, body).await;
            hang(&shared, call).await
        }
        Fate::Delay(time) => {
            sleep(time).await;
            pass(table, parts, body).await
        }
        Fate::Hold => {
            let (shared, table) = (Arc::clone(&shared), table.clone());
            // A task of its own: a call that was sent arrives even if its caller has stopped waiting.
            let call = tokio::spawn(async move {
                let _ = shared.reached.send(call.clone());
                shared.released.acquire().await.unwrap().forget();
                let reply = pass(&table, parts, body).await;
                let _ = shared.reached.send(format!("{call}, at last"));
                reply
            });
            call.await.unwrap()
        }
    }
}

async fn hang(shared: &Shared, call: String) -> Response {
    // The test may not be waiting for it.
    let _ = shared.reached.send(call);
    std::future::pending().await
}

fn answer(status: u16, text: String) -> Response {
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    reply.body(Body::from(text)).unwrap()
}

/// A request without its values. A key keeps its kind, and any other value its type and length.
fn blank(value: &Value) -> Value {
    let blanked = |(name, value): (&String, &Value)| {
        let blanked = match (name.as_str(), value) {
            ("pk", key) => json!(key["S"].as_str().unwrap().split('#').next()),
            ("S" | "N", Value::String(text)) => json!(text.len()),
            _ => blank(value),
        };
        (name.clone(), blanked)
    };
    match value {
        Value::Object(members) => members.iter().map(blanked).collect(),
        Value::Array(values) => values.iter().map(blank).collect(),
        _ => value.clone(),
    }
}

/// The call that charges a login name, wherever its counter is.
pub(crate) const CHARGE: &str = "UpdateItem, the charge of a name";

/// The charge of a login name without what its place makes different. The counter of a user's name is a part
/// of the user's item, which must exist and must not expire. The counter of any other name is an item of its
/// own.
fn without_place(request: &str) -> String {
    let mut place = serde_json::from_str::<Value>(request).unwrap();
    let members = place.as_object_mut().unwrap();
    members.remove("Key");
    let expires = |text: &str| text.replace(", expires_at = :expires_at", "");
    members["UpdateExpression"] = json!(expires(members["UpdateExpression"].as_str().unwrap()));
    let condition = members["ConditionExpression"].as_str().unwrap();
    let of_user = condition.strip_suffix(") AND (attribute_exists(pk))");
    let condition = of_user.map_or(condition, |condition| condition.strip_prefix('(').unwrap());
    members["ConditionExpression"] = json!(condition);
    members["ExpressionAttributeValues"].as_object_mut().unwrap().remove(":expires_at");
    let text = place.to_string().replace("username_", "").replace("email_", "");
    // The members are sorted again.
    serde_json::from_str::<Value>(&text).unwrap().to_string()
}

/// The operation, the kind of item, and what an update does.
fn describe(target: &str, body: &Value) -> String {
    let operation = target.rsplit('.').next().unwrap();
    let keys = [&body["Key"]["pk"], &body["Item"]["pk"], &body["ExpressionAttributeValues"][":pk"]];
    let key = keys.iter().find_map(|key| key["S"].as_str());
    let kind = key.and_then(|pk| pk.split('#').next()).unwrap_or_default();
    let update = body["UpdateExpression"].as_str().unwrap_or_default();
    format!("{operation} {kind} {update}").trim_end().to_owned()
}

/// A rule that gives this fault to the first `count` calls of this kind.
pub(crate) fn first(count: usize, kind: &'static str, fault: Fault) -> impl Fn(&str) -> Option<Fault> {
    let seen = AtomicUsize::new(0);
    move |call| {
        let hit = call.starts_with(kind) && seen.fetch_add(1, Ordering::SeqCst) < count;
        hit.then(|| fault.clone())
    }
}
