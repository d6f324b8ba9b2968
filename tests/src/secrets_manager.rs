//! A stand-in for Secrets Manager with one secret in it, which the test can change.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use postern::environment::Environment;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::calls;

/// The ARN of the secret, if it holds the signing keys.
pub const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf";

/// The ARN of the secret, if it holds the public keys.
const PUBLIC_ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:public-keys-AbCdEf";

/// What the stand-in answers.
#[derive(Clone)]
pub enum Answer {
    /// The secret's text.
    Text(String),
    /// A secret that is no text.
    Binary,
    /// An error, with its status and code.
    Error(u16, &'static str),
    /// No answer.
    Hang,
}

/// The stand-in.
pub struct Secrets {
    endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    arn: &'static str,
    calls: AtomicUsize,
    answer: Mutex<Answer>,
}

impl Secrets {
    /// Starts it with this answer, for the secret of the signing keys.
    pub async fn start(answer: Answer) -> Self {
        Self::of(ARN, answer).await
    }

    /// Starts it with this answer, for the secret of the public keys.
    pub async fn start_public(answer: Answer) -> Self {
        Self::of(PUBLIC_ARN, answer).await
    }

    async fn of(arn: &'static str, answer: Answer) -> Self {
        let shared = Arc::new(Shared { arn, calls: AtomicUsize::new(0), answer: Mutex::new(answer) });
        let endpoint = serve(Router::new().fallback(get_secret_value).with_state(Arc::clone(&shared))).await;
        Self { endpoint, shared }
    }

    /// The environment whose keys of this kind are only in the stand-in.
    pub fn in_env(&self, env: Environment) -> Environment {
        let arn = self.shared.arn;
        let env = env.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.endpoint);
        match arn {
            PUBLIC_ARN => env.with("PUBLIC_KEYS", "").with("PUBLIC_KEYS_SECRET_ARN", arn),
            _ => env.with("SIGNING_KEYS", "").with("SIGNING_KEYS_SECRET_ARN", arn),
        }
    }

    /// Answers so from now on.
    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// The calls since the last time this was called.
    pub fn calls(&self) -> usize {
        self.shared.calls.swap(0, Ordering::SeqCst)
    }
}

/// Serves on a free port. Returns the URL.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    calls::recorded(endpoint).await
}

async fn get_secret_value(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.headers["x-amz-target"], "secretsmanager.GetSecretValue");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"SecretId": shared.arn}));
    shared.calls.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().unwrap().clone();
    match answer {
        Answer::Text(text) => reply(200, &json!({"ARN": shared.arn, "Name": "keys", "SecretString": text})),
        Answer::Binary => reply(200, &json!({"ARN": shared.arn, "Name": "keys", "SecretBinary": "AAEC"})),
        Answer::Error(status, code) => reply(status, &json!({"__type": code, "message": "LEAKED-secret"})),
        Answer::Hang => std::future::pending().await,
    }
}

/// A reply of AWS's JSON protocols.
pub fn reply(status: u16, body: &Value) -> Response {
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    reply.body(Body::from(body.to_string())).unwrap()
}
