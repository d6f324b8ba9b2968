//! A peer that runs: started, asked and measured from outside, as a function of Lambda or as a server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use postern_tests::deployment::Reply;
use postern_tests::runtime_api::RuntimeApi;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How a peer is asked.
#[derive(Clone)]
pub(super) enum Way {
    /// As Lambda asks, with this event of API Gateway's.
    Lambda(Value),
    /// On a kept connection, at this path, by a name in this field.
    Http {
        /// Of the sign-in.
        path: &'static str,
        /// The name that signs in: the field, and the name.
        name: [&'static str; 2],
    },
}

/// How a peer is started. `PORT` in its arguments and values is a free port.
#[derive(Clone)]
pub(super) struct Launch {
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// All of its environment, but for where the Runtime API is.
    pub(super) env: Vec<(String, String)>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// How it is asked.
    pub(super) way: Way,
}

/// A peer's process.
pub(super) struct Running {
    child: Child,
    line: Line,
}

enum Line {
    Lambda(RuntimeApi, Value),
    Http { connection: SendRequest<Full<Bytes>>, path: &'static str, name: [&'static str; 2] },
}

impl Running {
    /// Starts a peer, and says how long it took until it could take a request: until its first poll, or until it
    /// answers anything at all.
    pub(super) async fn start(launch: &Launch) -> (Self, Duration) {
        let starting = async {
            match &launch.way {
                Way::Lambda(event) => {
                    let api = RuntimeApi::start().await;
                    let began = Instant::now();
                    let child = spawn(launch, 0, &api.address());
                    api.polled().await;
                    (Self { child, line: Line::Lambda(api, event.clone()) }, began.elapsed())
                }
                Way::Http { path, name } => {
                    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                    let port = free.local_addr().unwrap().port();
                    drop(free);
                    let began = Instant::now();
                    let child = spawn(launch, port, "");
                    let connection = connected(port).await;
                    (Self { child, line: Line::Http { connection, path, name: *name } }, began.elapsed())
                }
            }
        };
        timeout(Duration::from_secs(60), starting)
            .await
            .unwrap_or_else(|_| panic!("{:?} does not start", launch.command))
    }

    /// Signs in with this password from an address of this round's. The reply's status and body, and how long it took.
    pub(super) async fn sign_in(&mut self, password: &str, round: usize) -> (u64, Value, Duration) {
        let began = Instant::now();
        match &mut self.line {
            Line::Lambda(api, event) => {
                let mut event = event.clone();
                event["body"] = json!(json!({"username": "johndoe", "password": password}).to_string());
                event["requestContext"]["http"]["sourceIp"] = json!(format!("198.51.100.{}", round % 250));
                let reply = Reply::of(&api.invoke(event).await.unwrap());
                (reply.status, reply.json(), began.elapsed())
            }
            Line::Http { connection, path, name: [field, name] } => {
                let (status, body) =
                    ask(connection, "POST", path, json!({*field: name, "password": password}).to_string())
                        .await;
                (status, serde_json::from_slice(&body).unwrap(), began.elapsed())
            }
        }
    }

    /// The resident memory in MiB: of the process that answers, where one only watches over it.
    pub(super) fn resident(&self) -> f64 {
        let id = self.child.id().unwrap();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children
            .split_whitespace()
            .map(|child| child.parse().unwrap())
            .map(crate::process::resident)
            .reduce(f64::max)
            .unwrap_or_else(|| crate::process::resident(id))
    }

    /// Ends it, and all that it started.
    pub(super) async fn stop(mut self) {
        let id = self.child.id().unwrap();
        drop(self.line);
        // What watches over others must be asked to end, or they outlive it.
        super::install::run(std::process::Command::new("kill").args(["-INT", &id.to_string()]));
        if timeout(Duration::from_secs(5), self.child.wait()).await.is_err() {
            self.child.kill().await.unwrap();
        }
    }
}

fn spawn(launch: &Launch, port: u16, runtime_api: &str) -> Child {
    let place = |text: &str| text.replace("PORT", &port.to_string());
    let [program, arguments @ ..] = launch.command.as_slice() else { panic!("a peer without a program") };
    Command::new(program)
        .args(arguments.iter().map(|argument| place(argument)))
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, place(value))))
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .current_dir(&launch.folder)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A connection to a server, once that answers.
async fn connected(port: u16) -> SendRequest<Full<Bytes>> {
    loop {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            stream.set_nodelay(true).unwrap();
            let (mut connection, driver) = handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(driver);
            ask(&mut connection, "GET", "/", String::new()).await;
            return connection;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn ask(
    connection: &mut SendRequest<Full<Bytes>>,
    method: &str,
    path: &str,
    body: String,
) -> (u64, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap();
    connection.ready().await.unwrap();
    let reply = connection.send_request(request).await.unwrap();
    let status = reply.status().as_u16();
    (status.into(), reply.into_body().collect().await.unwrap().to_bytes())
}
