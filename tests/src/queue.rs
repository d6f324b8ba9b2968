//! A stand-in for SQS with the queue of the mailer. It keeps the messages that functions send.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use postern::environment::Environment;
use serde_json::{Value, json};

use crate::secrets_manager::{reply, serve};

/// The queue.
pub struct Queue {
    endpoint: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    messages: Vec<Value>,
    is_down: bool,
}

impl Queue {
    /// Starts it.
    pub async fn start() -> Self {
        let shared = Arc::default();
        let endpoint = serve(Router::new().fallback(send_message).with_state(Arc::clone(&shared))).await;
        Self { endpoint, shared }
    }

    /// The environment of a function that sends messages to the queue.
    pub fn in_env(&self, env: Environment) -> Environment {
        env.with("AWS_ENDPOINT_URL_SQS", &self.endpoint)
            .with("MAIL_QUEUE_URL", format!("{}/000000000000/mail", self.endpoint))
    }

    /// The messages since the last time this was called.
    pub fn messages(&self) -> Vec<Value> {
        std::mem::take(&mut self.shared.lock().unwrap().messages)
    }

    /// Refuses every message from now on, or none.
    pub fn set_down(&self, is_down: bool) {
        self.shared.lock().unwrap().is_down = is_down;
    }
}

async fn send_message(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.headers["x-amz-target"], "AmazonSQS.SendMessage");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let input: Value = serde_json::from_slice(&body).unwrap();
    let message = serde_json::from_str(input["MessageBody"].as_str().unwrap()).unwrap();
    let mut shared = shared.lock().unwrap();
    if shared.is_down {
        return reply(500, &json!({"__type": "InternalError", "message": "the queue is down"}));
    }
    shared.messages.push(message);
    reply(200, &json!({"MessageId": "00000000-0000-0000-0000-000000000000", "MD5OfMessageBody": ""}))
}
