//! The stand-in for SQS: one queue, which takes messages.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// After how many failures a message goes to the dead-letter queue, as in the template.
const MAX_RECEIVES: u32 = 5;

/// The queue of the mailer.
#[derive(Default)]
pub struct Queue {
    messages: Mutex<Messages>,
    arrived: Notify,
    ids: AtomicU64,
    is_down: AtomicBool,
}

#[derive(Default)]
struct Messages {
    waiting: VecDeque<Message>,
    dead: Vec<Message>,
}

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id that SQS gives it.
    pub id: String,
    /// The body of the message, as a function sent it.
    pub body: String,
    failures: u32,
}

impl Message {
    /// Returns the message as a record of an event.
    pub(super) fn record(&self) -> Value {
        json!({"messageId": self.id, "eventSource": "aws:sqs", "body": self.body})
    }
}

impl Queue {
    /// Puts a message on the queue. Returns the id that SQS gives it.
    pub fn put(&self, body: impl Into<String>) -> String {
        let id = format!("message-{}", self.ids.fetch_add(1, Ordering::Relaxed));
        self.messages().waiting.push_back(Message { id: id.clone(), body: body.into(), failures: 0 });
        self.arrived.notify_one();
        id
    }

    /// Takes all messages from the queue.
    pub fn take(&self) -> Vec<Message> {
        self.messages().waiting.drain(..).collect()
    }

    /// Puts messages back that failed. One that failed too often goes to the dead-letter queue.
    pub fn put_back(&self, failed: impl IntoIterator<Item = Message>) {
        let mut messages = self.messages();
        for mut message in failed {
            message.failures += 1;
            if message.failures < MAX_RECEIVES {
                messages.waiting.push_back(message);
                self.arrived.notify_one();
            } else {
                messages.dead.push(message);
            }
        }
    }

    /// Returns the messages on the dead-letter queue.
    pub fn dead(&self) -> Vec<Message> {
        self.messages().dead.clone()
    }

    /// Makes the queue refuse every message from now on, or none.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::Relaxed);
    }

    /// Returns whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.messages().waiting.is_empty()
    }

    /// Waits until a message is there.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a call of SQS (AWS JSON 1.0).
pub(super) async fn send_message(
    State(queue): State<Arc<Queue>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    const SEND_MESSAGE: &[u8] = b"AmazonSQS.SendMessage";
    if queue.is_down.load(Ordering::Relaxed) {
        return reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({"__type": "InternalError"}));
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_message = headers.get("x-amz-target").is_some_and(|target| target.as_bytes() == SEND_MESSAGE);
    match body["MessageBody"].as_str().filter(|_| is_message) {
        Some(message) => reply(StatusCode::OK, &json!({"MessageId": queue.put(message)})),
        None => reply(StatusCode::BAD_REQUEST, &json!({"__type": "com.amazonaws.sqs#UnsupportedOperation"})),
    }
}

fn reply(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string()).into_response()
}
