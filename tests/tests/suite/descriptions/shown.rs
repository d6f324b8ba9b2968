//! Replies to all sample events, and to requests that no sample event can be: without a token, too large, compressed,
//! throttled, over a table that fails, and those that API Gateway answers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use lambda_http::http::Method;
use postern::environment::Environment;
use postern_local::demo;
use postern_local::functions::{Function, InvocationFailed};
use postern_local::gateway;
use postern_local::template::Template;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::events::{self, SampleEvent, set_path};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tower::ServiceExt;

use super::rare;
use crate::support::operations::{self, Maker, Operation};
use crate::support::proxy::{Proxy, error};
use crate::support::{routes, samples};

/// The statuses of API Gateway that the local gateway never gives: it does not throttle, and it waits for the functions.
const OF_API_GATEWAY_ALONE: [(u64, &str); 2] = [(429, "Too Many Requests"), (503, "Service Unavailable")];

/// The name of the change that takes the token out of a request.
pub(super) const WITHOUT_CREDENTIALS: &str = "without credentials";

/// A reply, and the request that it answers.
pub(super) struct Shown {
    pub(super) operation: Operation,
    /// The name of the sample event, or what is changed in one.
    pub(super) how: String,
    pub(super) maker: Maker,
    pub(super) reply: Reply,
}

/// All replies. Their requests are sent once.
pub(super) async fn all() -> &'static [Shown] {
    static ALL: OnceCell<Vec<Shown>> = OnceCell::const_new();
    ALL.get_or_init(send_all).await
}

async fn send_all() -> Vec<Shown> {
    let mut shown = Vec::new();
    for (sample, reply) in samples::replies().await {
        shown.extend(operations::of(sample).map(|operation| Shown {
            operation,
            how: sample.name.clone(),
            maker: Maker::Function,
            reply: reply.clone(),
        }));
    }
    shown.extend(to_refused_requests().await);
    shown.extend(throttled().await);
    shown.extend(over_a_table_that_fails().await);
    shown.extend(of_api_gateway().await);
    shown.extend(rare::all().await);
    shown
}

/// The requests that succeed, of each operation. HEAD sends those of GET.
fn requests() -> Vec<(Operation, Value)> {
    let samples: Vec<SampleEvent> = events::all(None);
    let of = |operation: &Operation| {
        let sent = if operation.method == "HEAD" { "GET" } else { operation.method };
        let method = Method::from_bytes(sent.as_bytes()).unwrap();
        let events = routes::successes(&samples, operation.description.name, &method, operation.route());
        let head = |mut event: Value| {
            event["requestContext"]["http"]["method"] = json!(operation.method);
            let path = event["rawPath"].as_str().unwrap().to_owned();
            set_path(&mut event, &path);
            event
        };
        let operation = *operation;
        events.into_iter().map(move |event| (operation, head(event))).collect::<Vec<_>>()
    };
    operations::all().iter().flat_map(of).collect()
}

/// Sends these requests at once.
async fn send(how: &str, deployment: &Deployment, requests: Vec<(Operation, Value)>) -> Vec<Shown> {
    let sent = requests.into_iter().map(async |(operation, event)| {
        (operation, deployment.invoke(operation.description.name, event).await)
    });
    let shown = |(operation, reply)| Shown { operation, how: how.to_owned(), maker: Maker::Function, reply };
    join_all(sent).await.into_iter().map(shown).collect()
}

async fn with_sessions(change: impl FnOnce(Environment) -> Environment) -> (Deployment, Proxy) {
    let (deployment, proxy) = Proxy::deployment(change).await;
    demo::begin_sessions(&deployment.app, &deployment.store).await.unwrap();
    (deployment, proxy)
}

/// Requests without their token, without a body, with a body that is too large, or with one that is compressed.
async fn to_refused_requests() -> Vec<Shown> {
    let (deployment, _proxy) = with_sessions(|env| env).await;
    let (mut anonymous, mut large, mut compressed) = (Vec::new(), Vec::new(), Vec::new());
    for (operation, event) in requests() {
        if operation.asks_for_credentials() {
            anonymous.push((operation, without_credentials(&event)));
        }
        if operation.request_body().is_some() {
            large.push((operation, with_padding(&event)));
            let mut event = event.clone();
            event["headers"]["content-encoding"] = json!("gzip");
            compressed.push((operation, event));
        }
    }
    let mut shown = send(WITHOUT_CREDENTIALS, &deployment, anonymous).await;
    shown.extend(send("over 64 KiB", &deployment, large).await);
    shown.extend(send("compressed", &deployment, compressed).await);
    shown
}

fn without_credentials(event: &Value) -> Value {
    let mut event = event.clone();
    event["headers"].as_object_mut().unwrap().remove("authorization");
    event["rawQueryString"] = json!("");
    event
}

/// The event with a body of more than 64 KiB.
fn with_padding(event: &Value) -> Value {
    let text = event["body"].as_str().unwrap();
    let text = match event["isBase64Encoded"] == json!(true) {
        true => String::from_utf8(STANDARD.decode(text).unwrap()).unwrap(),
        false => text.to_owned(),
    };
    let padding = "x".repeat(64 * 1024);
    let text = match text.strip_suffix('}') {
        Some(json) => format!("{json},\"padding\":\"{padding}\"}}"),
        None => format!("{text}&padding={padding}"),
    };
    let mut event = event.clone();
    event["body"] = json!(text);
    event["isBase64Encoded"] = json!(false);
    event
}

/// An address over its limit may check no password.
async fn throttled() -> Vec<Shown> {
    let (deployment, _proxy) = with_sessions(|env| env.with("THROTTLE_ADDRESS_LIMIT", "1")).await;
    let requests = requests();
    let mut wrong = deployment.event("account", Some(r#"{"username":"nobody","password":"wrong"}"#));
    for (_, event) in &requests {
        let address = &event["requestContext"]["http"]["sourceIp"];
        if *address != wrong["requestContext"]["http"]["sourceIp"] {
            wrong["requestContext"]["http"]["sourceIp"] = address.clone();
            deployment.invoke("account", wrong.clone()).await;
        }
    }
    send("throttled", &deployment, requests).await
}

/// The table throttles each call, or denies it.
async fn over_a_table_that_fails() -> Vec<Shown> {
    let mut shown = Vec::new();
    let (deployment, proxy) = with_sessions(|env| env).await;
    for fault in [error(503, "ServiceUnavailable"), error(400, "AccessDeniedException")] {
        let how = format!("{fault:?}");
        proxy.fail(move |_| Some(fault.clone()));
        shown.extend(send(&how, &deployment, requests()).await);
    }
    shown
}

/// API Gateway refuses bodies over 10 MB, and answers if a function fails. The rest is in [`OF_API_GATEWAY_ALONE`].
async fn of_api_gateway() -> Vec<Shown> {
    let mut shown = Vec::new();
    let deployment = Deployment::start().await;
    let template = Template::embedded().unwrap();
    let fail = |function: &Function| Function {
        handler: Arc::new(|_| Box::pin(async { Err(InvocationFailed("it fails".to_owned())) })),
        ..function.clone()
    };
    let failing: Vec<Function> = deployment.functions().iter().map(fail).collect();
    let failing = gateway::router(&template, &failing).unwrap();
    let working = gateway::router(&template, deployment.functions()).unwrap();
    for operation in operations::all() {
        let mut add = |how: &str, maker, reply| {
            shown.push(Shown { operation: *operation, how: how.to_owned(), maker, reply });
        };
        let reply = over_http(&failing, operation, String::new()).await;
        assert_eq!(reply.status, 500);
        add("a function that fails", Maker::Gateway, reply);
        if operation.reply(413).is_some() {
            let reply = over_http(&working, operation, "x".repeat(10 * 1024 * 1024 + 1)).await;
            add("over 10 MB", Maker::Gateway, reply);
        }
        for (status, message) in OF_API_GATEWAY_ALONE {
            let text = json!({"message": message}).to_string();
            let reply = Reply { status, headers: json!({"content-type": "application/json"}), text };
            add("API Gateway alone", Maker::Gateway, reply);
        }
        // The CORS headers are added to the replies of functions too.
        let reply = over_http(&working, operation, String::new()).await;
        assert!(reply.header("access-control-allow-origin").is_some());
        add("with Origin", Maker::Function, reply);
    }
    shown
}

/// Sends a request with `Origin` and without credentials to the local gateway.
async fn over_http(router: &Router, operation: &Operation, body: String) -> Reply {
    let request = Request::builder().method(operation.method).uri(operation.path);
    let request = request.header("origin", "https://app.example.com");
    let mut request: Request<Body> = request.body(Body::from(body)).unwrap();
    let peer: SocketAddr = "127.0.0.1:50000".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        (name.to_string(), json!(value.to_str().unwrap()))
    };
    let headers: Map<String, Value> = parts.headers.iter().map(header).collect();
    Reply { status: parts.status.as_u16().into(), headers: Value::Object(headers), text }
}
