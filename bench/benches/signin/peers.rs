//! The part `peers`: Postern's account function compared with other solutions, in one run. `bench/README.md`
//! says what each does more or less than Postern. The part prints a table, and writes it and a picture to
//! `bench/results/`.
//!
//! It is the last part, since it needs Node and Python, and installs packages into the target directory.

mod calls;
mod chart;
mod install;
mod process;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use postern::environment::Environment;
use postern::store::operator::Operator;
use postern_tests::binary::demo_table;
use postern_tests::events;

use self::install::megabytes;
pub(crate) use self::install::program;
pub(crate) use self::process::Running;
use self::process::{Launch, Protocol};
use crate::Spread;

const STARTS: usize = 10;
const ROUNDS: usize = 100;
/// The first rounds, which are not counted.
const WARM_UP: usize = 10;
const PASSWORD: &str = "SecurePass123!";
/// The parameters that every verified hash must have.
const PARAMETERS: &str = "$argon2id$v=19$m=19456,t=2,p=1$";

/// A solution with a sign-in.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Where it keeps its users, if not in Postern's table.
    store: Option<&'static str>,
    pub(crate) launch: Launch,
    /// The place of the token in the reply, as a JSON pointer.
    token: &'static str,
    deployed: f64,
}

/// The measurements of one peer.
struct Figures {
    name: &'static str,
    store: String,
    start: Spread,
    first: Spread,
    right: Spread,
    wrong: Spread,
    memory: f64,
    deployed: f64,
}

#[derive(Default)]
struct Times {
    starts: Vec<Duration>,
    firsts: Vec<Duration>,
    rights: Vec<Duration>,
    wrongs: Vec<Duration>,
}

pub(crate) async fn run() {
    let (node, node_version) = program("node");
    let (_, python_version) = program("python3");
    let (_table, env) = demo_table().await;
    let hash = hash(&env).await;
    let peers = [
        ours(&env),
        node_function(&node, &env),
        node_with_writes(&node, &env),
        better_auth(&node, hash),
        django(),
    ];
    let figures = measure(&peers).await;
    let setting = format!("Node {}, {python_version}, {}", node_version.trim_start_matches('v'), machine());
    table::write(&figures, &setting);
    chart::write(&figures);
}

/// Returns johndoe's hash.
pub(crate) async fn hash(env: &Environment) -> String {
    let hash = Operator::from_env(env).unwrap().user(1).await.unwrap().unwrap().password_hash.unwrap();
    assert!(hash.starts_with(PARAMETERS), "{hash}");
    hash
}

/// Measures all peers in turns, so that other load on the machine disturbs all equally.
async fn measure(peers: &[Peer]) -> Vec<Figures> {
    let mut all: Vec<Times> = peers.iter().map(|_| Times::default()).collect();
    let mut running: Vec<Option<Running>> = peers.iter().map(|_| None).collect();
    for _ in 0..STARTS {
        for ((peer, times), place) in peers.iter().zip(&mut all).zip(&mut running) {
            if let Some(before) = place.take() {
                before.stop().await;
            }
            let (mut process, start) = Running::start(&peer.launch).await;
            let first = signed_in(peer, &mut process, 0).await;
            times.starts.push(start);
            times.firsts.push(first);
            *place = Some(process);
        }
    }
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..peers.len() {
            let which = (round + turn) % peers.len();
            let (peer, times) = (&peers[which], &mut all[which]);
            let process = running[which].as_mut().unwrap();
            let (status, body, wrong) = process.sign_in("not the password", round).await;
            assert_eq!(status, 401, "{}: {body}", peer.name);
            let right = signed_in(peer, process, round).await;
            if round >= WARM_UP {
                times.rights.push(right);
                times.wrongs.push(wrong);
            }
        }
    }
    let mut figures = Vec::new();
    for ((peer, times), process) in peers.iter().zip(all).zip(running) {
        let process = process.unwrap();
        let store = match peer.store {
            Some(words) => words.to_owned(),
            None => format!("{} calls", peer.calls().await),
        };
        figures.push(Figures {
            name: peer.name,
            store,
            start: Spread::of(times.starts),
            first: Spread::of(times.firsts),
            right: Spread::of(times.rights),
            wrong: Spread::of(times.wrongs),
            memory: process.resident(),
            deployed: peer.deployed,
        });
        process.stop().await;
    }
    figures
}

/// Signs in, checks that the reply has a token, and returns the time.
pub(crate) async fn signed_in(peer: &Peer, process: &mut Running, round: usize) -> Duration {
    let (status, body, took) = process.sign_in(PASSWORD, round).await;
    let token = body.pointer(peer.token).and_then(|token| token.as_str()).unwrap_or_default();
    assert!(status == 200 && token.len() > 20, "{}: {status} {body}", peer.name);
    took
}

impl Peer {
    /// Returns the number of calls to the table that a sign-in makes.
    pub(crate) async fn calls(&self) -> usize {
        calls::of_a_sign_in(&self.launch, PASSWORD).await
    }
}

pub(crate) fn ours(env: &Environment) -> Peer {
    postern("Postern, account", install::binary("account-signin"), env)
}

/// Returns a release binary of the account function.
pub(crate) fn postern(name: &'static str, binary: PathBuf, env: &Environment) -> Peer {
    Peer {
        name,
        store: None,
        deployed: megabytes(&binary),
        launch: lambda(vec![text(binary)], env),
        token: "/token/access_token",
    }
}

pub(crate) fn node_function(node: &Path, env: &Environment) -> Peer {
    node_handler(node, env, "Node function", "handler.mjs")
}

/// Returns the Node function that makes the calls of ours.
pub(crate) fn node_with_writes(node: &Path, env: &Environment) -> Peer {
    node_handler(node, env, "Node, our writes", "handler-with-writes.mjs")
}

fn node_handler(node: &Path, env: &Environment, name: &'static str, handler: &str) -> Peer {
    let folder = install::npm("node");
    let bundle = folder.join("dist").join(handler);
    let files = std::fs::read_dir(folder.join("dist")).unwrap().map(|entry| entry.unwrap().path());
    let addon = files.filter(|path| path.extension().is_some_and(|end| end == "node"));
    Peer {
        name,
        store: None,
        deployed: megabytes(&bundle) + addon.map(|path| megabytes(&path)).sum::<f64>(),
        launch: lambda(vec![text(node.to_path_buf()), text(folder.join("runtime.mjs")), text(bundle)], env),
        token: "/token/access_token",
    }
}

pub(crate) fn better_auth(node: &Path, hash: String) -> Peer {
    let folder = install::npm("better-auth");
    Peer {
        name: "better-auth",
        store: Some("its own memory"),
        deployed: megabytes(&folder.join("dist")),
        launch: Launch {
            command: vec![text(node.to_path_buf()), "dist/server.mjs".to_owned()],
            env: variables([
                ("NODE_ENV", "production"),
                ("EMAIL", "johndoe@example.com"),
                ("PASSWORD_HASH", &hash),
                ("PORT", "PORT"),
            ]),
            folder,
            protocol: Protocol::Http {
                path: "/api/auth/sign-in/email",
                name: ["email", "johndoe@example.com"],
            },
        },
        token: "/token",
    }
}

fn django() -> Peer {
    let folder = install::pip("django");
    let database = folder.join("db.sqlite3");
    if database.exists() {
        std::fs::remove_file(&database).unwrap();
    }
    let env = variables([("DATABASE", database.to_str().unwrap()), ("PYTHONDONTWRITEBYTECODE", "1")]);
    let prepared = Command::new(folder.join("venv/bin/python"))
        .args(["prepare.py", "johndoe", PASSWORD])
        .envs(env.clone())
        .current_dir(&folder)
        .output()
        .unwrap();
    let hash = String::from_utf8(prepared.stdout).unwrap();
    assert!(hash.starts_with(&format!("argon2{PARAMETERS}")), "{hash}");
    let packages = std::fs::read_dir(folder.join("venv/lib")).unwrap().next().unwrap().unwrap().path();
    let gunicorn = "venv/bin/gunicorn --bind 127.0.0.1:PORT --worker-class gthread --threads 1 --keep-alive 60 \
                    --log-level warning app:application";
    Peer {
        name: "Django, simplejwt",
        store: Some("a SQLite file"),
        deployed: megabytes(&packages.join("site-packages")) + megabytes(&folder.join("app.py")),
        launch: Launch {
            command: gunicorn.split_whitespace().map(str::to_owned).collect(),
            env,
            folder,
            protocol: Protocol::Http { path: "/api/token/", name: ["username", "johndoe"] },
        },
        token: "/access",
    }
}

/// Starts a function as Lambda does. The environment holds the table and the key.
fn lambda(command: Vec<String>, env: &Environment) -> Launch {
    let names = ["TABLE_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let names = names.into_iter().chain(["AWS_ENDPOINT_URL_DYNAMODB", "SIGNING_KEYS"]);
    let mut env = variables(names.map(|name| (name, env.optional(name).unwrap())));
    env.extend(variables([
        ("AWS_LAMBDA_FUNCTION_NAME", "local"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        // Node's warnings are switched off: the SDK would print at each start that it will need a newer Node.
        ("NODE_NO_WARNINGS", "1"),
    ]));
    let event =
        events::all(Some("account")).into_iter().find(|event| event.name == "sign-in/success").unwrap().event;
    Launch { command, env, folder: std::env::temp_dir(), protocol: Protocol::Lambda(event) }
}

fn variables<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn text(path: PathBuf) -> String {
    path.to_str().unwrap().to_owned()
}

/// Returns the processor and the number of its cores.
fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().unwrap();
    format!("{cores} cores of {}", model.trim_start_matches([' ', '\t', ':']))
}
