//! A stand-in for Lambda's Runtime API. It hands events to a function in the order in which they came, one to
//! each poll, and matches each reply with its event by the request id. A function may poll several times at
//! once.

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// The API, for one function at a time.
pub struct RuntimeApi {
    address: SocketAddr,
    queue: mpsc::UnboundedSender<Queued>,
    shared: Arc<Shared>,
}

/// The outcome of an event.
pub struct Handled {
    /// The function's reply, or the error that it reports.
    pub reply: Result<Value, Value>,
    /// When the function got the event.
    pub handed: Instant,
    /// When its reply was here.
    pub replied: Instant,
}

struct Queued {
    event: String,
    tell: oneshot::Sender<Handled>,
}

struct Shared {
    queue: tokio::sync::Mutex<mpsc::UnboundedReceiver<Queued>>,
    /// The events that the function has not answered yet, by request id.
    under_way: Mutex<HashMap<String, (Instant, oneshot::Sender<Handled>)>>,
    handed: AtomicUsize,
    unasked: AtomicUsize,
    polled: Notify,
    polls: watch::Sender<usize>,
}

impl RuntimeApi {
    /// Starts it on a free port of the loopback interface.
    pub async fn start() -> Self {
        let (queue, queued) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            queue: tokio::sync::Mutex::new(queued),
            under_way: Mutex::default(),
            handed: AtomicUsize::new(0),
            unasked: AtomicUsize::new(0),
            polled: Notify::new(),
            polls: watch::Sender::new(0),
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(reply))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, queue, shared }
    }

    /// What `AWS_LAMBDA_RUNTIME_API` must be.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until a function asks for its next event.
    pub async fn polled(&self) {
        self.shared.polled.notified().await;
    }

    /// Waits until a function has asked this number of times since its start.
    pub async fn polled_by(&self, polls: usize) {
        self.shared.polls.subscribe().wait_for(|polled| *polled >= polls).await.unwrap();
    }

    /// Puts an event at the end of the queue. The future gives its outcome.
    pub fn queue(&self, event: &Value) -> impl Future<Output = Handled> + Send + use<> {
        let (tell, handled) = oneshot::channel();
        self.queue.send(Queued { event: event.to_string(), tell }).unwrap();
        async { handled.await.unwrap() }
    }

    /// Sends an event and waits for the function's reply.
    ///
    /// # Errors
    /// If the function reports an error: that error.
    pub async fn invoke(&mut self, event: Value) -> Result<Value, Value> {
        self.queue(&event).await.reply
    }

    /// The number of replies to no event, or to an event that was answered before.
    pub fn unasked(&self) -> usize {
        self.shared.unasked.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn under_way(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, oneshot::Sender<Handled>)>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replied(&self, id: &str, reply: Result<Value, Value>, replied: Instant) -> StatusCode {
        match self.under_way().remove(id) {
            // The test may have stopped waiting.
            Some((handed, tell)) => drop(tell.send(Handled { reply, handed, replied })),
            None => drop(self.unasked.fetch_add(1, Ordering::Relaxed)),
        }
        StatusCode::ACCEPTED
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polled.notify_one();
    shared.polls.send_modify(|polls| *polls += 1);
    let Some(Queued { event, tell }) = shared.queue.lock().await.recv().await else {
        // The test is over, and the function is about to be killed.
        return std::future::pending().await;
    };
    let id = format!("8476a536-e9f4-11e8-9739-{:012x}", shared.handed.fetch_add(1, Ordering::Relaxed));
    shared.under_way().insert(id.clone(), (Instant::now(), tell));
    Response::builder()
        .header("lambda-runtime-aws-request-id", id)
        .header("lambda-runtime-deadline-ms", "32503680000000")
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:local")
        .header("content-type", "application/json")
        .body(Body::from(event))
        .unwrap()
}

async fn reply(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: String) -> StatusCode {
    let replied = Instant::now();
    shared.replied(&id, Ok(serde_json::from_str(&body).unwrap()), replied)
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: String) -> StatusCode {
    let replied = Instant::now();
    shared.replied(&id, Err(serde_json::from_str(&body).unwrap_or(Value::String(body))), replied)
}
