//! The five functions as Lambda runs them, one environment each, over one embedded table with users.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postern::App;
use postern::environment::Environment;
use postern::random::random;
use postern::session::{NewSession, SessionRequest, SessionSecret};
use postern::store::operator::{CreateOutcome, MAX_BATCH, NewUser, Operator};
use postern_local::demo;
use postern_local::dynamodb::Table;
use postern_tests::binary::{in_workspace, start};
use postern_tests::contracts::jwt_profile;
pub(crate) use postern_tests::deployment::CONTRACTS;
use postern_tests::runtime_api::RuntimeApi;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// The number of users, who sign in by turns. With this number, and with the highest number of free failures,
/// no user has to wait.
pub(crate) const USERS: u64 = 5_000;
pub(crate) const FIRST_ID: u64 = 1_001;
pub(crate) const PASSWORD: &str = "a password of many people";
/// The number of users who have an access token for sso, each with a session of its own.
const TOKENS: u64 = 500;

pub(crate) struct Deployment {
    pub(crate) functions: Vec<Function>,
    pub(crate) app: App,
    /// Access tokens of the account contract, each with the id of its user.
    pub(crate) tokens: Vec<(u64, String)>,
    env: Environment,
    _table: Table,
}

/// One environment of a function, and the Runtime API that it asks.
pub(crate) struct Function {
    pub(crate) api: RuntimeApi,
    process: Child,
    audited: Arc<AtomicUsize>,
}

impl Deployment {
    pub(crate) async fn start() -> Self {
        let table = Table::start(0, None, None).await.unwrap();
        let env = table.environment(&Environment::of([("THROTTLE_FREE_FAILURES", "25")]));
        let store = Operator::from_env(&env).unwrap();
        store.create_table().await.unwrap();
        let app = App::start(&env).await.unwrap();
        create_users(&app, &store).await;
        let tokens = begin_sessions(&app, &store).await;
        let mut functions = Vec::new();
        for contract in CONTRACTS {
            functions.push(Function::start(contract, &env).await);
        }
        Self { functions, app, tokens, env, _table: table }
    }

    /// Starts another environment of a contract's function.
    pub(crate) async fn start_another(&self, contract: usize) -> Function {
        Function::start(CONTRACTS[contract], &self.env).await
    }

    /// Starts another environment of a contract's function, which handles this number of requests at once.
    pub(crate) async fn start_concurrent(&self, contract: usize, requests: usize) -> Function {
        let env = self.env.clone().with("AWS_LAMBDA_MAX_CONCURRENCY", requests.to_string());
        Function::start(CONTRACTS[contract], &env).await
    }

    /// Returns the number of replies that came without an event, or twice.
    pub(crate) fn unasked(&self) -> usize {
        self.functions.iter().map(|function| function.api.unasked()).sum()
    }

    /// Returns the number of audit events of attempts so far. The latest ones may still be on their way.
    pub(crate) fn audited(&self) -> usize {
        self.functions.iter().map(|function| function.audited.load(Ordering::Relaxed)).sum()
    }

    /// Returns the processor time of the functions, and of this process with the table, the generator and the
    /// Runtime APIs.
    pub(crate) fn processor_time(&self) -> (Duration, Duration) {
        let functions =
            self.functions.iter().map(|function| processor_time(&function.id().to_string())).sum();
        (functions, processor_time("self"))
    }
}

impl Function {
    async fn start(contract: &str, env: &Environment) -> Self {
        let api = RuntimeApi::start().await;
        let path = in_workspace("target/release").join(format!("{contract}-signin"));
        let mut process = start(path.to_str().unwrap(), env, &api.address());
        let audited = Arc::new(AtomicUsize::new(0));
        let (mut lines, count) =
            (BufReader::new(process.stdout.take().unwrap()).lines(), Arc::clone(&audited));
        // The lines must be read all the time. Otherwise the function would block when the pipe is full.
        tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.unwrap() {
                assert!(!line.contains(r#""level":"ERROR""#), "{line}");
                count.fetch_add(usize::from(line.contains("sign-in attempt")), Ordering::Relaxed);
            }
        });
        api.polled().await;
        Self { api, process, audited }
    }

    /// Returns the processor time of the function.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(&self.id().to_string())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id().expect("the function lives")
    }
}

async fn create_users(app: &App, store: &Operator) {
    let known = demo::user(app, &demo::USERS[0]);
    let hash = app.passwords().hash(PASSWORD, random()).unwrap();
    let ids: Vec<u64> = (FIRST_ID..FIRST_ID + USERS).collect();
    for ids in ids.chunks(MAX_BATCH) {
        let new_users = ids.iter().map(|id| {
            let mut user = known.clone();
            (user.id, user.username, user.email) = (*id, username(*id), email(*id));
            user.password_hash = Some(hash.clone());
            NewUser::new(user).unwrap()
        });
        let outcomes = store.create_users(new_users.collect()).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, CreateOutcome::Created(_))));
    }
}

pub(crate) fn username(id: u64) -> String {
    format!("user-{id}")
}

pub(crate) fn email(id: u64) -> String {
    format!("{}@example.com", username(id))
}

/// Begins sessions and issues access tokens as the account contract does, but without hashing.
async fn begin_sessions(app: &App, store: &Operator) -> Vec<(u64, String)> {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let (now, mut tokens) = (app.now(), Vec::new());
    for id in FIRST_ID..FIRST_ID + TOKENS {
        let request = SessionRequest {
            kind: "account",
            device: None,
            secret: SessionSecret::random_base62(),
            idle: YEAR,
            absolute: YEAR,
        };
        let session = NewSession::begin(request, id, 0, now);
        store.put_session(&session).await.unwrap();
        let claims = json!({
            "token_type": "access", "exp": now.plus(YEAR).secs(), "iat": now.secs(), "jti": id.to_string(),
            "user_id": id, "epoch": 0, "sid": session.token.session_id(),
        });
        tokens.push((id, app.keys().sign(&jwt_profile("account"), &claims).unwrap()));
    }
    tokens
}

fn processor_time(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The 14th and the 15th field, in hundredths of a second. The fields are counted after the name, which is
    // in brackets.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Starts a function. Returns the time until its first poll, the time of its first event, and the reply.
pub(crate) async fn cold_start(
    deployment: &Deployment,
    contract: usize,
    event: &serde_json::Value,
) -> (Duration, Duration, serde_json::Value) {
    let began = Instant::now();
    let function = deployment.start_another(contract).await;
    let polled = began.elapsed();
    let handled = function.api.queue(event).await;
    (polled, handled.replied - handled.handed, handled.reply.unwrap())
}
