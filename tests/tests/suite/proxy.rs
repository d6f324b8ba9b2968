//! A proxy between the functions and their table: it sees every call, and fails those that it is told to, or loses
//! the replies to them.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use postern::config::Environment;
use postern_tests::stand::Stand;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

const ENDPOINT: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// What a call gets instead of the table's answer: a status and a body. No answer: the call hangs.
pub(crate) type Fault = Option<(u16, String)>;

/// Decides on a call, which reads like `UpdateItem NAME ADD failures :one`.
pub(crate) type Rule = Box<dyn Fn(&str) -> Option<Fault> + Send>;

pub(crate) struct Proxy {
    shared: Arc<Shared>,
}

struct Shared {
    table: OnceLock<String>,
    calls: Mutex<Vec<String>>,
    rule: Mutex<Rule>,
    loss: Mutex<Rule>,
}

impl Proxy {
    /// A stand with a proxy before its table, and settings changed.
    pub(crate) async fn stand(change: impl FnOnce(Environment) -> Environment) -> (Stand, Self) {
        let shared = Arc::new(Shared {
            table: OnceLock::new(),
            calls: Mutex::default(),
            rule: Mutex::new(Box::new(|_| None)),
            loss: Mutex::new(Box::new(|_| None)),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let stand = Stand::start_with(|env| {
            let table = env.optional(ENDPOINT).unwrap().trim_start_matches("http://").to_owned();
            shared.table.set(table).unwrap();
            change(env.with(ENDPOINT, endpoint))
        });
        (stand.await, Self { shared })
    }

    /// The calls since this was last asked, in an order of no meaning.
    pub(crate) fn calls(&self) -> Vec<String> {
        let mut calls = std::mem::take(&mut *self.shared.calls.lock().unwrap());
        calls.sort();
        calls
    }

    /// Fails calls from now on, as this rule says.
    pub(crate) fn fail(&self, rule: impl Fn(&str) -> Option<Fault> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// Loses replies from now on, as this rule says: the table does what the call asks, and the caller gets the fault.
    pub(crate) fn lose(&self, rule: impl Fn(&str) -> Option<Fault> + Send + 'static) {
        *self.shared.loss.lock().unwrap() = Box::new(rule);
    }

    /// Fails no more calls and loses no more replies.
    pub(crate) fn heal(&self) {
        self.fail(|_| None);
        self.lose(|_| None);
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
    let call = describe(&target, &serde_json::from_slice(&body).unwrap());
    shared.calls.lock().unwrap().push(call.clone());
    let fault = (shared.rule.lock().unwrap())(&call);
    if let Some(fault) = fault {
        return answer(fault).await;
    }
    let stream = TcpStream::connect(shared.table.get().unwrap()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::from_parts(parts, Full::new(body));
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let loss = (shared.loss.lock().unwrap())(&call);
    match loss {
        Some(fault) => answer(fault).await,
        None => Response::from_parts(parts, Body::from(body)),
    }
}

/// The answer that a fault is; none where it hangs.
async fn answer(fault: Fault) -> Response {
    let Some((status, text)) = fault else { return std::future::pending().await };
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    reply.body(Body::from(text)).unwrap()
}

/// The operation, the kind of item, and what an update does.
fn describe(target: &str, body: &Value) -> String {
    let operation = target.rsplit('.').next().unwrap();
    let key = if body["Key"].is_null() { &body["Item"]["pk"]["S"] } else { &body["Key"]["pk"]["S"] };
    let kind = key.as_str().and_then(|pk| pk.split('#').next()).unwrap_or_default();
    let update = body["UpdateExpression"].as_str().unwrap_or_default();
    format!("{operation} {kind} {update}").trim_end().to_owned()
}
