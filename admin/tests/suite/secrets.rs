//! A stand-in for Secrets Manager with one secret, and the table in which changes of the secret are recorded.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use postern::store::operator::Operator;
use postern_local::dynamodb::Table;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::table::client;

pub(crate) const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf";

pub(crate) struct Secrets {
    endpoint: String,
    value: Arc<Mutex<Option<String>>>,
    pub(crate) table: Table,
}

impl Secrets {
    /// Starts it with this value in the secret, or with none.
    pub(crate) async fn start(value: Option<&str>) -> Self {
        let value = Arc::new(Mutex::new(value.map(str::to_owned)));
        let endpoint = serve(Router::new().fallback(answer).with_state(Arc::clone(&value))).await;
        let table = Table::start(0, None, None).await.unwrap();
        Operator::new(client(&table), "postern").create_table().await.unwrap();
        Self { endpoint, value, table }
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
        self.value.lock().unwrap().clone()
    }
}

/// Serves on a free port.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    endpoint
}

async fn answer(State(value): State<Arc<Mutex<Option<String>>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    if body["SecretId"] != ARN {
        return reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no such secret"}));
    }
    let mut value = value.lock().unwrap();
    match (parts.headers["x-amz-target"].to_str().unwrap(), value.as_ref()) {
        ("secretsmanager.GetSecretValue", Some(text)) => {
            reply(200, &json!({"ARN": ARN, "SecretString": text}))
        }
        ("secretsmanager.GetSecretValue", None) => {
            reply(400, &json!({"__type": "ResourceNotFoundException", "message": "no value"}))
        }
        ("secretsmanager.PutSecretValue", _) => {
            *value = Some(body["SecretString"].as_str().unwrap().to_owned());
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
