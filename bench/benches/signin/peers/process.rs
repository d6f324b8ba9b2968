//! The process of a peer. It is a Lambda function or a server, and is started, called and measured from
//! outside.

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
use postern_tests::binary::logged;
use postern_tests::deployment::Reply;
use postern_tests::runtime_api::RuntimeApi;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::process::{Usage, usage};

/// How a peer gets its requests.
#[derive(Clone)]
pub(crate) enum Protocol {
    /// As a Lambda function, with this event of API Gateway.
    Lambda(Value),
    /// As an HTTP server, over one connection.
    Http {
        /// The path of the sign-in.
        path: &'static str,
        /// The field of the login name, and the name.
        name: [&'static str; 2],
    },
}

/// How a peer is started. `PORT` in its arguments and values is a free port.
#[derive(Clone)]
pub(crate) struct Launch {
    /// The program and its arguments.
    pub(crate) command: Vec<String>,
    /// The environment, without the address of the Runtime API.
    pub(crate) env: Vec<(String, String)>,
    /// The working folder.
    pub(crate) folder: PathBuf,
    /// How it gets its requests.
    pub(crate) protocol: Protocol,
}

/// The process of a peer.
pub(crate) struct Running {
    child: Child,
    channel: Channel,
    /// The standard output of the process.
    output: JoinHandle<String>,
}

enum Channel {
    Lambda(RuntimeApi, Value),
    Http { connection: Connection, path: &'static str, name: [&'static str; 2] },
}

/// A connection to a server, and the task that reads and writes it.
struct Connection {
    requests: SendRequest<Full<Bytes>>,
    task: JoinHandle<hyper::Result<()>>,
}

impl Running {
    /// Starts a peer. Returns the time until it was ready: until the first poll of a function, or the first
    /// answer of a server.
    pub(crate) async fn start(launch: &Launch) -> (Self, Duration) {
        let starting = async {
            match &launch.protocol {
                Protocol::Lambda(event) => {
                    let api = RuntimeApi::start().await;
                    let began = Instant::now();
                    let mut child = spawn(launch, 0, &api.address());
                    api.polled().await;
                    let took = began.elapsed();
                    let output = logged(&mut child);
                    (Self { child, channel: Channel::Lambda(api, event.clone()), output }, took)
                }
                Protocol::Http { path, name } => {
                    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                    let port = free.local_addr().unwrap().port();
                    drop(free);
                    let began = Instant::now();
                    let mut child = spawn(launch, port, "");
                    let connection = connected(port).await;
                    let took = began.elapsed();
                    let output = logged(&mut child);
                    (Self { child, channel: Channel::Http { connection, path, name: *name }, output }, took)
                }
            }
        };
        timeout(Duration::from_secs(60), starting)
            .await
            .unwrap_or_else(|_| panic!("{:?} does not start", launch.command))
    }

    /// Signs in with this password, from an address for each round. Returns the status, the body and the time
    /// of the reply.
    pub(crate) async fn sign_in(&mut self, password: &str, round: usize) -> (u64, Value, Duration) {
        let began = Instant::now();
        match &mut self.channel {
            Channel::Lambda(api, event) => {
                let mut event = event.clone();
                event["body"] = json!(json!({"username": "johndoe", "password": password}).to_string());
                event["requestContext"]["http"]["sourceIp"] = json!(format!("198.51.100.{}", round % 250));
                let reply = Reply::of(&api.invoke(event).await.unwrap());
                (reply.status, reply.json(), began.elapsed())
            }
            Channel::Http { connection, path, name: [field, name] } => {
                let (status, body) =
                    ask(connection, "POST", path, json!({*field: name, "password": password}).to_string())
                        .await;
                (status, serde_json::from_slice(&body).unwrap(), began.elapsed())
            }
        }
    }

    /// Waits until a function asks for its next event. Returns at once for a server.
    pub(crate) async fn polled(&self) {
        if let Channel::Lambda(api, _) = &self.channel {
            api.polled().await;
        }
    }

    /// Returns what the process has used since it began, without its children.
    pub(crate) fn usage(&self) -> Usage {
        usage(self.child.id().unwrap())
    }

    /// Returns the resident memory, in MiB. If the process only supervises a worker, it is that of the
    /// worker.
    pub(crate) fn resident(&self) -> f64 {
        let id = self.child.id().unwrap();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        children
            .split_whitespace()
            .map(|child| child.parse().unwrap())
            .map(crate::process::resident)
            .reduce(f64::max)
            .unwrap_or_else(|| crate::process::resident(id))
    }

    /// Ends the process and its children.
    pub(crate) async fn stop(self) {
        if let Channel::Http { connection, .. } = self.channel {
            // A worker of gunicorn that gets its signal while a connection is open does not end.
            drop(connection.requests);
            connection.task.await.unwrap().unwrap();
        }
        end(self.child).await;
    }

    /// Ends a process that has no children. Returns what it has written to its standard output.
    pub(crate) async fn into_output(self) -> String {
        end(self.child).await;
        self.output.await.unwrap()
    }
}

async fn end(mut child: Child) {
    // A supervisor must end on a signal. Otherwise its workers would keep running.
    let id = child.id().unwrap().to_string();
    super::install::run(std::process::Command::new("kill").args(["-INT", &id]));
    if timeout(Duration::from_secs(5), child.wait()).await.is_err() {
        child.kill().await.unwrap();
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
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Connects to a server as soon as it answers.
async fn connected(port: u16) -> Connection {
    loop {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            stream.set_nodelay(true).unwrap();
            let (requests, driver) = handshake(TokioIo::new(stream)).await.unwrap();
            let mut connection = Connection { requests, task: tokio::spawn(driver) };
            ask(&mut connection, "GET", "/", String::new()).await;
            return connection;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn ask(connection: &mut Connection, method: &str, path: &str, body: String) -> (u64, Bytes) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap();
    connection.requests.ready().await.unwrap();
    let reply = connection.requests.send_request(request).await.unwrap();
    let status = reply.status().as_u16();
    (status.into(), reply.into_body().collect().await.unwrap().to_bytes())
}
