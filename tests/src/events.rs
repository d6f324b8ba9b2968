//! The sample events and the replies that they must get. The snapshot of `events/<contract>/<route>/<case>.json` is
//! `tests/tests/snapshots/events__<contract>__<route>__<case>.snap`. A new event needs no code.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use postern_local::gateway::route_table::{DEFAULT, RouteTable};
use postern_local::template::Template;
use serde_json::{Value, json};

use crate::deployment::Reply;

/// A sample event.
pub struct SampleEvent {
    /// The contract whose function takes it.
    pub contract: String,
    /// The route's folder and the file's name without `.json`, such as `sign-in/success`.
    pub name: String,
    /// The event.
    pub event: Value,
}

/// All sample events of one contract, or of all contracts. Those of the sign-in come first, then the others in the
/// order of their names.
pub fn all(contract: Option<&str>) -> Vec<SampleEvent> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut events = Vec::new();
    let folders = |path: &Path| entries(path).into_iter().filter(|path| path.is_dir());
    for folder in folders(&root) {
        let mut routes: Vec<PathBuf> = folders(&folder).collect();
        // A route other than the sign-in may change the user.
        routes.sort_by_key(|route| !route.ends_with("sign-in"));
        for (route, file) in
            routes.iter().flat_map(|route| entries(route).into_iter().map(move |file| (route, file)))
        {
            events.push(SampleEvent {
                contract: stem(&folder),
                name: format!("{}/{}", stem(route), stem(&file)),
                event: serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap(),
            });
        }
    }
    events.retain(|event| contract.is_none_or(|contract| event.contract == contract));
    assert!(!events.is_empty(), "there are no events for {contract:?}");
    events
}

/// Gives an event this path, with the route that API Gateway chooses for it. If the template has no such route, the event
/// is as an API with only the route `$default` sends it.
pub fn set_path(event: &mut Value, path: &str) {
    static ROUTES: LazyLock<RouteTable<String>> = LazyLock::new(|| {
        let routes = Template::embedded().and_then(|template| template.routes());
        RouteTable::new(routes.unwrap()).unwrap()
    });
    let method = event["requestContext"]["http"]["method"].as_str().unwrap_or_default();
    let (key, parameters) = match ROUTES.find(method, path) {
        Some(chosen) => (chosen.key, json!(chosen.parameters)),
        None => (DEFAULT, json!({})),
    };
    event["routeKey"] = json!(key);
    event["rawPath"] = json!(path);
    event["pathParameters"] = parameters;
    event["requestContext"]["routeKey"] = json!(key);
    event["requestContext"]["http"]["path"] = json!(path);
}

/// Compares a whole reply with the snapshot of its event.
pub fn assert_reply(event: &SampleEvent, reply: &Reply) {
    // The reply 204 has no body.
    let mut body = if reply.text.is_empty() { Value::Null } else { reply.json() };
    redact(&mut body);
    let whole = json!({"status": reply.status, "headers": reply.headers, "body": body});
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../tests/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_json_snapshot!(
            format!("events__{}__{}", event.contract, event.name.replace('/', "__")),
            whole
        );
    });
}

/// Replaces what differs in each run: tokens, new MFA secrets, and the times of the sign-in and of the last use. A description's examples are
/// compared so too.
pub fn redact(body: &mut Value) {
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                match name.as_str() {
                    _ if !value.is_string() => redact(value),
                    "lastSignIn" | "last_used" | "updatedAt" => *value = json!("[moment]"),
                    "refresh_token" | "session_token" => *value = json!("[token]"),
                    "secret" | "otpauth" | "qrcode" => *value = json!("[secret]"),
                    _ => redact(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        Value::String(text) if text.starts_with("eyJ") => *body = json!("[jwt]"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}
