//! Every route as the guarantees see it: requests that succeed, and a deployment to send them to.
//!
//! The routes are those of the functions' `ROUTES`, the requests are the sample events of `events/<contract>/<route>`.
//! A route that is added is therefore under every guarantee. A route without a sample event fails the tests.

use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::Method;
use postern::environment::Environment;
use postern::http::is_path_of;
use postern_local::demo::{self, USERS};
use postern_local::functions::Function;
use postern_tests::contracts;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::events::{self, SampleEvent};
use serde_json::{Value, json};

use super::proxy::Proxy;
use super::words::{Refused, headers, more_headers, words};

/// How a route breaks a guarantee.
pub(crate) type Violation = String;

/// A route under test.
pub(crate) struct RouteUnderTest {
    /// The function that serves it.
    pub(crate) function: &'static str,
    /// The contract whose words it answers in, or the further route that has words of its own.
    pub(crate) contract: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// Requests that succeed. Each needs a deployment of its own, since it may change the user.
    pub(crate) events: Vec<Value>,
    /// Makes the function, for a route that no contract has.
    pub(crate) made_by: Option<fn(&Deployment) -> Function>,
}

impl RouteUnderTest {
    /// A new deployment behind a proxy, with the sessions of the sample events and no limit by address.
    pub(crate) async fn deployment(
        &self,
        change: impl FnOnce(Environment) -> Environment,
    ) -> (Deployment, Proxy) {
        let (mut deployment, proxy) =
            Proxy::deployment(|env| change(env.with("THROTTLE_ADDRESS_LIMIT", "1000000"))).await;
        demo::begin_sessions(&deployment.app, &deployment.store).await.unwrap();
        if let Some(make) = self.made_by {
            deployment.add(make(&deployment));
        }
        proxy.calls();
        (deployment, proxy)
    }

    /// Sends a request to the function of this route.
    pub(crate) async fn send(&self, deployment: &Deployment, event: &Value) -> Reply {
        deployment.invoke(self.function, event.clone()).await
    }

    /// Whether the reply is this refusal, with the words and headers of the contract.
    pub(crate) fn is_refusal(&self, refused: Refused, reply: &Reply) -> bool {
        let (status, text) = words(self.contract, refused);
        let headers = headers(more_headers(self.contract, refused));
        *reply == Reply { status, text, headers }
    }
}

impl std::fmt::Debug for RouteUnderTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::fmt::Display for RouteUnderTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.function, self.method, self.path)
    }
}

/// Every route of every function.
pub(crate) async fn all() -> Vec<RouteUnderTest> {
    let samples = events::all(None);
    let deployment = Deployment::start().await;
    let route = |function: &Function, method: &Method, path: &'static str| RouteUnderTest {
        function: function.name,
        contract: contracts::of_path(function.name, path),
        method: method.clone(),
        path,
        events: successes(&samples, function.name, method, path),
        made_by: None,
    };
    let routes: Vec<_> = deployment
        .functions()
        .iter()
        .flat_map(|function| function.routes.iter().map(move |(method, path)| route(function, method, path)))
        .collect();
    assert!(!routes.is_empty());
    routes
}

/// The event `success` of a route, and one of each further grant, `success-…-grant`. If it has none, all its events
/// that begin with `success`.
pub(crate) fn successes(samples: &[SampleEvent], function: &str, method: &Method, path: &str) -> Vec<Value> {
    let of_route = |sample: &&SampleEvent| {
        let raw_path = sample.event["rawPath"].as_str().unwrap();
        let sent = sample.event["requestContext"]["http"]["method"].as_str().unwrap();
        let is_of_path = is_path_of(path, raw_path.trim_end_matches('/'));
        sample.contract == function && is_of_path && sent == method.as_str()
    };
    let case = |sample: &SampleEvent| sample.name.split_once('/').unwrap().1.to_owned();
    let is_main = |case: &str| case == "success" || case.ends_with("-grant");
    let all: Vec<_> = samples.iter().filter(of_route).filter(|of| case(of).starts_with("success")).collect();
    assert!(!all.is_empty(), "events/{function} has no event of {method} {path} that succeeds");
    let main: Vec<_> = all.iter().filter(|of| is_main(&case(of))).copied().collect();
    let chosen = if main.is_empty() { all } else { main };
    chosen.into_iter().map(|sample| with_id(&sample.event, "test-request")).collect()
}

/// The event with this request id.
pub(crate) fn with_id(event: &Value, request_id: &str) -> Value {
    let mut event = event.clone();
    event["requestContext"]["requestId"] = json!(request_id);
    event
}

/// The event with this password in the place of a demo user's. Returns nothing if it has no password.
pub(crate) fn with_password(event: &Value, password: &str) -> Option<Value> {
    replaced(event, |text| USERS.iter().any(|user| user.password == text).then(|| password.to_owned()))
}

/// The event with a user who does not exist in the place of a demo user. Returns nothing if it has no login name.
pub(crate) fn with_unknown_user(event: &Value) -> Option<Value> {
    replaced(event, |text| {
        let user = USERS.iter().find(|user| [user.username, user.email].contains(&text))?;
        Some(if user.username == text { "nobody" } else { "nobody@example.com" }.to_owned())
    })
}

/// The event with members of its body replaced. Returns nothing if there is no member to replace.
fn replaced(event: &Value, replace: impl Fn(&str) -> Option<String>) -> Option<Value> {
    let mut text = event["body"].as_str()?.to_owned();
    if event["isBase64Encoded"] == json!(true) {
        text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    }
    let body = match text.starts_with('{') {
        true => replaced_in_json(&text, replace),
        false => replaced_in_form(&text, replace),
    };
    let mut event = event.clone();
    event["body"] = json!(body?);
    event["isBase64Encoded"] = json!(false);
    Some(event)
}

fn replaced_in_json(text: &str, replace: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut body: Value = serde_json::from_str(text).ok()?;
    let mut found = false;
    for member in body.as_object_mut()?.values_mut() {
        if let Some(other) = member.as_str().and_then(&replace) {
            *member = json!(other);
            found = true;
        }
    }
    found.then(|| body.to_string())
}

fn replaced_in_form(text: &str, replace: impl Fn(&str) -> Option<String>) -> Option<String> {
    let form: QueryMap = text.parse().ok()?;
    let fields: Vec<_> = form.iter().map(|(name, value)| (name, value, replace(value))).collect();
    let pair = |(name, value, other): &(&str, &str, Option<String>)| {
        contracts::pair(name, other.as_deref().unwrap_or(value))
    };
    let found = fields.iter().any(|(_, _, other)| other.is_some());
    found.then(|| fields.iter().map(pair).collect::<Vec<_>>().join("&"))
}

/// A guarantee, as a check of one route.
pub(crate) type Check =
    for<'a> fn(&'a RouteUnderTest) -> Pin<Box<dyn Future<Output = Result<(), Violation>> + 'a>>;

/// Nothing if the guarantee is kept, and otherwise the violation.
pub(crate) fn ensure(kept: bool, violation: impl FnOnce() -> Violation) -> Result<(), Violation> {
    if kept { Ok(()) } else { Err(violation()) }
}

/// The routes that break this guarantee, each with its violation. They are checked one after the other: a hash stops all
/// tasks of a test, and on a busy machine several hashes in a row let the calls to the table of the others time out.
pub(crate) async fn broken(routes: &[RouteUnderTest], check: Check) -> Vec<(&RouteUnderTest, Violation)> {
    let mut broken = Vec::new();
    for route in routes {
        broken.extend(check(route).await.err().map(|violation| (route, violation)));
    }
    broken
}

/// Every route keeps this guarantee. The failure names all routes that break it.
pub(crate) async fn assert_every_route(check: Check) {
    let routes = all().await;
    let broken = broken(&routes, check).await;
    let violations: Vec<_> = broken.iter().map(|(route, how)| format!("{route}: {how}")).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
