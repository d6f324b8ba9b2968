//! A compiled binary that handles several requests at once, as on Lambda Managed Instances.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use postern::App;
use postern::store::operator::{CreateOutcome, NewUser, Operator};
use postern_local::demo;
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::binary::{demo_table, logged, start};
use crate::contracts::jwt_profile;
use crate::deployment::{Reply, credentials, event};
use crate::runtime_api::RuntimeApi;
use crate::table::Table;

const SIGN_IN: &str = "/api/v2/account/signin/";
const PASSWORD: &str = "SecurePass123!";
const FIRST_ID: usize = 1_001;
/// bcrypt of a high cost. It takes many times as long as a refresh, and little memory.
const SLOW: &str = "$2b$12$gA3oHZwjMF4ezEZUTYXwfeBLwse8FnXW..SSTXD8wiYgbKNlxXGcG";
/// The resident memory of a binary without optimisation, without the memory for hashes.
const OTHER_MIB: usize = 128;
/// The memory for one hash, and what its alignment may add.
const HASH_MIB: usize = 21;

/// The function of the account contract, and its users, who have passwords.
struct Function {
    process: Child,
    api: RuntimeApi,
    logged: JoinHandle<String>,
    /// The requests that were sent. Each emits one audit event.
    sent: AtomicUsize,
    app: App,
    _table: Table,
}

/// A request: its event, and the id that its reply must have.
struct Request {
    id: String,
    event: Value,
}

/// Sends 64 requests at once to a compiled function: sign-ins with the right and with a wrong password, and
/// refreshes, each of another user. Each gets its own reply. The memory is that of as many hashes as there
/// are processors.
pub async fn answers_64_at_once(binary: &str) {
    const REQUESTS: usize = 64;
    let function = Function::start(binary, REQUESTS, |_| None).await;
    // Of the users who refresh. These are sign-ins at once too.
    let refreshing: Vec<usize> = (0..REQUESTS).filter(|user| user % 3 == 2).collect();
    let sign_ins = refreshing.iter().map(|user| sign_in("first", *user, PASSWORD)).collect();
    let mut tokens = vec![String::new(); REQUESTS];
    for (user, reply) in refreshing.iter().zip(function.answers(sign_ins).await) {
        function.assert_signed_in(*user, &reply);
        reply.json()["token"]["refresh_token"].as_str().unwrap().clone_into(&mut tokens[*user]);
    }
    let requests = (0..REQUESTS).map(|user| match user % 3 {
        0 => sign_in("right", user, PASSWORD),
        1 => sign_in("wrong", user, "not the password"),
        _ => refresh(user, &tokens[user]),
    });
    for (user, reply) in function.answers(requests.collect()).await.iter().enumerate() {
        match user % 3 {
            1 => {
                assert_eq!(reply.status, 401, "{}", reply.text);
                assert_eq!(reply.json()["errors"][0]["code"], "authentication_failed");
            }
            _ => function.assert_signed_in(user, reply),
        }
    }
    let processors = available_parallelism().unwrap().get();
    let most = function.most_resident_mib();
    assert!(most <= OTHER_MIB + processors * HASH_MIB, "{most} MiB were resident");
    let sent = function.sent.load(Ordering::Relaxed);
    let logged = function.end().await;
    for line in logged.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    let audited = logged.lines().filter(|line| line.contains(r#""contract":"account""#));
    assert_eq!(audited.count(), sent, "{logged}");
}

/// Sends sign-ins that hash for long, more than there are processors, and then refreshes, one after the
/// other. All refreshes are answered while hashes still wait for a processor.
pub async fn answers_others_while_hashes_wait(binary: &str) {
    let processors = available_parallelism().unwrap().get();
    let slow = 4 * processors;
    let function = Function::start(binary, slow + 1, |user| (user < slow).then_some(SLOW)).await;
    let refreshing = slow;
    let first = function.answers(vec![sign_in("first", refreshing, PASSWORD)]).await.remove(0).json();
    let mut token = first["token"]["refresh_token"].as_str().unwrap().to_owned();
    let mut sign_ins = JoinSet::new();
    for user in 0..slow {
        sign_ins.spawn(function.api.queue(&sign_in("slow", user, "not the password").event));
    }
    for _ in 0..10 {
        let reply = function.answers(vec![refresh(refreshing, &token)]).await.remove(0);
        function.assert_signed_in(refreshing, &reply);
        reply.json()["refresh_token"].as_str().unwrap().clone_into(&mut token);
    }
    let mut answered = 0;
    while sign_ins.try_join_next().is_some() {
        answered += 1;
    }
    assert!(slow - answered > processors, "{answered} of {slow} slow sign-ins were answered before");
    while let Some(handled) = sign_ins.join_next().await {
        // On a busy machine, the last ones may reach their deadline while they wait.
        let status = Reply::of(&handled.unwrap().reply.unwrap()).status;
        assert!([401, 503].contains(&status), "{status}");
    }
    function.end().await;
}

impl Function {
    /// Starts a binary that handles this number of requests at once, with a user for each of them. A user has
    /// the hash that is given, or else that of the password.
    async fn start(binary: &str, requests: usize, hash: impl Fn(usize) -> Option<&'static str>) -> Self {
        let (table, env) = demo_table().await;
        let store = Operator::from_env(&env).unwrap();
        let app = App::start(&env).await.unwrap();
        let known = demo::user(&app, &demo::USERS[0]);
        let new_users = (0..requests).map(|number| {
            let mut user = known.clone();
            user.id = (FIRST_ID + number) as u64;
            (user.username, user.email) = (username(number), format!("{}@example.com", username(number)));
            user.password_hash = hash(number).map(str::to_owned).or(user.password_hash);
            NewUser::new(user).unwrap()
        });
        let outcomes = store.create_users(new_users.collect()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, CreateOutcome::Created(_))));
        let api = RuntimeApi::start().await;
        let env = env.with("AWS_LAMBDA_MAX_CONCURRENCY", requests.to_string());
        let mut process = start(binary, &env, &api.address());
        let logged = logged(&mut process);
        let asked = timeout(Duration::from_secs(60), api.polled_by(requests)).await;
        asked.expect("the function asks for as many events as it may handle at once");
        Self { process, api, logged, sent: AtomicUsize::new(0), app, _table: table }
    }

    /// Sends requests at once. Returns the replies in the same order, each with the id of its request. If the
    /// machine is so busy that the table answers a request too late, the request is sent again.
    async fn answers(&self, requests: Vec<Request>) -> Vec<Reply> {
        let mut replies: Vec<Option<Reply>> = requests.iter().map(|_| None).collect();
        for _ in 0..10 {
            let missing: Vec<_> = (0..requests.len()).filter(|at| replies[*at].is_none()).collect();
            let handled: Vec<_> = missing.iter().map(|at| self.api.queue(&requests[*at].event)).collect();
            self.sent.fetch_add(missing.len(), Ordering::Relaxed);
            for (at, handled) in missing.into_iter().zip(handled) {
                let handled = timeout(Duration::from_secs(60), handled).await.expect("a reply");
                let reply = Reply::of(&handled.reply.unwrap());
                assert_eq!(reply.header("x-request-id"), Some(&*requests[at].id));
                replies[at] = Some(reply).filter(|reply| reply.status != 503);
            }
        }
        replies.into_iter().map(|reply| reply.expect("an answer of the table")).collect()
    }

    /// Checks that a reply signs this user in, and no other.
    fn assert_signed_in(&self, user: usize, reply: &Reply) {
        assert_eq!(reply.status, 200, "{}", reply.text);
        let body = reply.json();
        let tokens = body.get("token").unwrap_or(&body);
        let token = tokens["access_token"].as_str().unwrap();
        let claims: Value =
            self.app.keys().current().verify(&jwt_profile("account"), token, self.app.now()).unwrap();
        assert_eq!(claims["user_id"], FIRST_ID + user);
    }

    /// The most memory that was resident at any time, in MiB.
    fn most_resident_mib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id().unwrap())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    }

    /// Ends the process. Returns its log.
    async fn end(mut self) -> String {
        assert_eq!(self.api.unasked(), 0, "a reply came to no event, or twice");
        self.process.kill().await.unwrap();
        self.logged.await.unwrap()
    }
}

fn username(user: usize) -> String {
    format!("user-{user}")
}

/// A sign-in of a user. `which` makes the id of the request another one.
fn sign_in(which: &str, user: usize, password: &str) -> Request {
    let body = credentials("account", &username(user), password).to_string();
    Request::new(which, user, event("POST", SIGN_IN, &[("content-type", "application/json")], Some(&body)))
}

fn refresh(user: usize, token: &str) -> Request {
    let body = format!("grant_type=refresh_token&refresh_token={token}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    Request::new("refresh", user, event("POST", "/oauth/token/", &headers, Some(&body)))
}

impl Request {
    /// Makes it a request from an address of the user's own.
    fn new(which: &str, user: usize, mut event: Value) -> Self {
        let id = format!("{which}-{user}");
        event["requestContext"]["requestId"] = json!(id);
        let address = Ipv4Addr::from(0x0a00_0000 + user as u32);
        event["requestContext"]["http"]["sourceIp"] = json!(address.to_string());
        Self { id, event }
    }
}
