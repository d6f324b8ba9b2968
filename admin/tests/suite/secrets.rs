//! A stand-in for Secrets Manager with one secret, and the table in which changes of the secret are recorded.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use postern::store::operator::Operator;
use postern_tests::calls;
use postern_tests::table::Table;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::table::client;

pub(crate) const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf";

pub(crate) struct Secrets {
    endpoint: String,
    secret: Arc<Mutex<Secret>>,
    pub(crate) table: Table,
}

#[derive(Default)]
struct Secret {
    value: Option<String>,
    requests: usize,
    /// What another operator writes after the next read.
    next: Option<String>,
}

impl Secrets {
    /// Starts it with this value in the secret, or with none.
    pub(crate) async fn start(value: Option<&str>) -> Self {
        let secret = Secret { value: value.map(str::to_owned), ..Secret::default() };
        let secret = Arc::new(Mutex::new(secret));
        let endpoint = serve(Router::new().fallback(answer).with_state(Arc::clone(&secret))).await;
        let table = Table::start().await;
        Operator::new(client(&table), "postern").create_table().await.unwrap();
        Self { endpoint, secret, table }
    }

    /// Points a command to this stand-in.
    pub(crate) fn with_endpoint<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.endpoint)
    }

    /// Points a command to this stand-in and its table.
    pub(crate) fn with_table<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.with_endpoint(command)
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.table.endpoint())
            .env("TABLE_NAME", "postern")
    }

    /// The value of the secret.
    pub(crate) fn value(&self) -> Option<String> {
        self.secret.lock().unwrap().value.clone()
    }

    /// Lets another operator write this after the next read.
    pub(crate) fn changes_after_a_read(&self, next: &str) {
        self.secret.lock().unwrap().next = Some(next.to_owned());
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.secret.lock().unwrap().requests
    }
}

/// Serves on a free port.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    calls::recorded(endpoint).await
}

async fn answer(State(secret): State<Arc<Mutex<Secret>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    let mut secret = secret.lock().unwrap();
    secret.requests += 1;
    if body["SecretId"] != ARN {
        return reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no such secret"}));
    }
    match (parts.headers["x-amz-target"].to_str().unwrap(), secret.value.as_ref()) {
        ("secretsmanager.GetSecretValue", Some(text)) => {
            let answer = reply(200, &json!({"ARN": ARN, "SecretString": text}));
            if let Some(next) = secret.next.take() {
                secret.value = Some(next);
            }
            answer
        }
        ("secretsmanager.GetSecretValue", None) => {
            reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no value"}))
        }
        ("secretsmanager.PutSecretValue", _) => {
            secret.value = Some(body["SecretString"].as_str().unwrap().to_owned());
            reply(200, &json!({"ARN": ARN}))
        }
        (other, _) => panic!("{other}"),
    }
}

/// A reply of AWS's JSON protocols.
pub(crate) fn reply(status: u16, body: &Value) -> Response {
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    reply.body(Body::from(body.to_string())).unwrap()
}
