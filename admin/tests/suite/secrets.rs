//! A stand-in for Secrets Manager with the two secrets of a deployment, and the table in which their changes are
//! recorded.

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

/// The secret of the signing keys.
pub(crate) const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf";
/// The secret of the public keys.
pub(crate) const PUBLIC_ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:public-keys-AbCdEf";

/// The name of the secret of the signing keys.
pub(crate) const NAME: &str = "keys";
/// A secret that was deleted, and can be restored.
pub(crate) const DELETED: &str = "deleted";

/// The first value of the secret of the signing keys. The stack generates one of this form.
pub(crate) const GENERATED: &str = "Zk3vQ9xT1mB7yL5nC2wR8pD4sF6hJ0gKaXeUiOqWzVtYbNrMcHlPdGfSjAuEoIx2";

/// The first value of the secret of the public keys. The stack writes it: a set without keys.
pub(crate) const NO_KEYS: &str = r#"{"keys":[]}"#;

pub(crate) struct Secrets {
    endpoint: String,
    shared: Arc<Mutex<Shared>>,
    pub(crate) table: Table,
}

#[derive(Default)]
struct Shared {
    keys: Secret,
    public: Secret,
    requests: usize,
    /// The secrets that were written, in order.
    written: Vec<String>,
    /// The secret that may not be written.
    read_only: Option<&'static str>,
}

#[derive(Default)]
struct Secret {
    value: Option<String>,
    /// What another operator writes after the next read.
    next: Option<String>,
}

impl Shared {
    fn secret(&mut self, id: &str) -> Option<&mut Secret> {
        match id {
            ARN | NAME => Some(&mut self.keys),
            PUBLIC_ARN => Some(&mut self.public),
            _ => None,
        }
    }
}

impl Secrets {
    /// Starts it with this value in the secret of the signing keys, or with none. The secret of the public keys is as the
    /// stack makes it.
    pub(crate) async fn start(value: Option<&str>) -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        shared.lock().unwrap().keys.value = value.map(str::to_owned);
        shared.lock().unwrap().public.value = Some(NO_KEYS.to_owned());
        let endpoint = serve(Router::new().fallback(answer).with_state(Arc::clone(&shared))).await;
        let table = Table::start().await;
        Operator::new(client(&table), "postern").create_table().await.unwrap();
        Self { endpoint, shared, table }
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

    /// The value of the secret of the signing keys.
    pub(crate) fn value(&self) -> Option<String> {
        self.shared.lock().unwrap().keys.value.clone()
    }

    /// The value of the secret of the public keys.
    pub(crate) fn public(&self) -> Option<String> {
        self.shared.lock().unwrap().public.value.clone()
    }

    /// Writes the secret of the signing keys.
    pub(crate) fn set(&self, value: &str) {
        self.shared.lock().unwrap().keys.value = Some(value.to_owned());
    }

    /// Writes the secret of the public keys.
    pub(crate) fn set_public(&self, value: &str) {
        self.shared.lock().unwrap().public.value = Some(value.to_owned());
    }

    /// Lets another operator write this after the next read of the signing keys.
    pub(crate) fn changes_after_a_read(&self, next: &str) {
        self.shared.lock().unwrap().keys.next = Some(next.to_owned());
    }

    /// Lets another operator write this after the next read of the public keys.
    pub(crate) fn public_changes_after_a_read(&self, next: &str) {
        self.shared.lock().unwrap().public.next = Some(next.to_owned());
    }

    /// Denies all writes of this secret, or of none.
    pub(crate) fn denies_writes_of(&self, id: Option<&'static str>) {
        self.shared.lock().unwrap().read_only = id;
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.shared.lock().unwrap().requests
    }

    /// The secrets that were written since the last call, in order.
    pub(crate) fn written(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().unwrap().written)
    }
}

/// Serves on a free port.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    calls::recorded(endpoint).await
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    let id = body["SecretId"].as_str().unwrap();
    let mut shared = shared.lock().unwrap();
    shared.requests += 1;
    let is_put = parts.headers["x-amz-target"] == "secretsmanager.PutSecretValue";
    if is_put && shared.read_only == Some(id) {
        return reply(400, &json!({"__type": "AccessDeniedException", "message": "not authorized"}));
    }
    if id == DELETED {
        let message = "You can't perform this operation on the secret because it was marked for deletion.";
        return reply(400, &json!({"__type": "InvalidRequestException", "message": message}));
    }
    let Some(secret) = shared.secret(id) else {
        return reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no such secret"}));
    };
    match (parts.headers["x-amz-target"].to_str().unwrap(), secret.value.as_ref()) {
        ("secretsmanager.GetSecretValue", Some(text)) => {
            let answer = reply(200, &json!({"ARN": id, "SecretString": text}));
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
            shared.written.push(id.to_owned());
            reply(200, &json!({"ARN": id}))
        }
        (other, _) => panic!("{other}"),
    }
}

/// A reply of AWS's JSON protocols.
pub(crate) fn reply(status: u16, body: &Value) -> Response {
    let reply = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    reply.body(Body::from(body.to_string())).unwrap()
}
