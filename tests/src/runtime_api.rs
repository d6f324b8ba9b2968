//! A stand-in for Lambda's Runtime API: hands events to a function one by one and takes its replies.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc};

/// The API, for one function at a time.
pub struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::UnboundedSender<Value>,
    replies: mpsc::UnboundedReceiver<Result<Value, Value>>,
    shared: Arc<Shared>,
}

struct Shared {
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    replies: mpsc::UnboundedSender<Result<Value, Value>>,
    polled: Notify,
}

impl RuntimeApi {
    /// Starts it on a free port of the loopback interface.
    pub async fn start() -> Self {
        let (events, incoming) = mpsc::unbounded_channel();
        let (outgoing, replies) = mpsc::unbounded_channel();
        let shared =
            Arc::new(Shared { events: Mutex::new(incoming), replies: outgoing, polled: Notify::new() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(reply))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, events, replies, shared }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` must be.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until a function asks for its next event.
    pub async fn polled(&self) {
        self.shared.polled.notified().await;
    }

    /// Sends an event and waits for the function's reply.
    ///
    /// # Errors
    /// With what the function reports where it fails.
    pub async fn invoke(&mut self, event: Value) -> Result<Value, Value> {
        self.events.send(event).unwrap();
        self.replies.recv().await.unwrap()
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polled.notify_one();
    let Some(event) = shared.events.lock().await.recv().await else {
        // The test is over, and the function about to be killed.
        return std::future::pending().await;
    };
    Response::builder()
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", "32503680000000")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:local")
        .header("content-type", "application/json")
        .body(Body::from(event.to_string()))
        .unwrap()
}

async fn reply(State(shared): State<Arc<Shared>>, Path(_): Path<String>, body: String) -> StatusCode {
    shared.replies.send(Ok(serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}

async fn error(State(shared): State<Arc<Shared>>, Path(_): Path<String>, body: String) -> StatusCode {
    shared.replies.send(Err(serde_json::from_str(&body).unwrap_or(Value::String(body)))).unwrap();
    StatusCode::ACCEPTED
}
