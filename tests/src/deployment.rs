//! A whole deployment in this process: a DynamoDB API of its own, the demo users, all functions, and a clock that
//! stands still until a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postern::App;
use postern::audit::Caller;
use postern::clock::{self, Timestamp};
use postern::environment::Environment;
use postern::store::operator::Operator;
use postern::token::PublicKeys;
use postern_local::demo;
pub use postern_local::functions::CONTRACTS;
use postern_local::functions::{self, Function, Handler};
use postern_local::mail::{MailServices, SentMail};
use serde_json::{Value, json};

use crate::contracts::{self, Session};
pub use crate::contracts::{PASSWORD_CONTRACTS, PASSWORD_ROUTES, credentials, name_at};
use crate::events::set_path;
use crate::logs;
use crate::table::Table;

/// The deployment.
pub struct Deployment {
    /// The app of the tests. The functions share its keys and its password hashes.
    pub app: Arc<App>,
    /// The table, as an operator holds it.
    pub store: Operator,
    /// The functions' environment.
    pub env: Environment,
    /// The DynamoDB API.
    pub table: Table,
    /// The queue of the mailer, and its mailbox.
    pub mail_services: MailServices,
    /// The keys that the key set shows.
    pub public_keys: Arc<PublicKeys>,
    mailer: Handler,
    functions: Vec<Function>,
    clock: Arc<AtomicU64>,
}

/// A reply as API Gateway would pass it on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u64,
    /// The headers, with lower-case names.
    pub headers: Value,
    /// The body as it is.
    pub text: String,
}

impl Reply {
    /// Takes a function's reply apart.
    pub fn of(output: &Value) -> Self {
        assert_eq!(output["isBase64Encoded"], json!(false), "{output}");
        Self {
            status: output["statusCode"].as_u64().unwrap(),
            headers: output["headers"].clone(),
            text: output["body"].as_str().unwrap_or_default().to_owned(),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }
}

impl Deployment {
    /// Starts a deployment at the present time.
    pub async fn start() -> Self {
        Self::start_with(|env| env).await
    }

    /// Starts a deployment with other settings. Refusals do not wait for a step unless `change` sets one: the
    /// suites cause thousands of them, and few tests are about the wait. An empty setting is the default.
    pub async fn start_with(change: impl FnOnce(Environment) -> Environment) -> Self {
        logs::capture();
        let table = Table::start().await;
        let env = change(table.environment().with("REFUSAL_STEP_MILLISECONDS", "0"));
        let store = Operator::from_env(&env).unwrap();
        store.create_table().await.unwrap();
        let clock = Arc::new(AtomicU64::new(clock::now().millis()));
        let app = app(&env, &clock).await;
        demo::create_all(&app, &store).await.unwrap();
        let public_keys = functions::public_keys(&app, &env).await.unwrap();
        let functions = functions(&app, &public_keys, &env);
        let (mail_services, mailer) = (table.mail_services(), mailer(&app, &env).await);
        Self { app, store, env, table, mail_services, public_keys, mailer, functions, clock }
    }

    /// Restarts the functions over the same table, with other settings. What they held in memory is gone.
    pub async fn restart(&mut self, change: impl FnOnce(Environment) -> Environment) {
        self.env = change(self.env.clone());
        self.app = app(&self.env, &self.clock).await;
        self.public_keys = functions::public_keys(&self.app, &self.env).await.unwrap();
        self.functions = functions(&self.app, &self.public_keys, &self.env);
        self.mailer = mailer(&self.app, &self.env).await;
    }

    /// Stops the DynamoDB API and leaves the functions running. `table` then holds an empty one.
    pub async fn stop_table(&mut self) {
        let empty = Table::start().await;
        std::mem::replace(&mut self.table, empty).stop().await;
    }

    /// The present time of this deployment.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.clock.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// Sets the time.
    pub fn set_time(&self, now: Timestamp) {
        self.clock.store(now.millis(), Ordering::SeqCst);
    }

    /// A caller of a contract, now and without a deadline.
    pub fn caller(&self, contract: &'static str) -> Caller {
        let started = Instant::now();
        Caller {
            contract,
            request_id: "test-request".to_owned(),
            address: "192.0.2.1".to_owned(),
            now: self.now(),
            started,
            deadline: started + Duration::from_secs(3600),
        }
    }

    /// All functions.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The mailer.
    pub fn mailer(&self) -> &Handler {
        &self.mailer
    }

    /// Takes the messages that functions put on the queue.
    pub fn queued(&self) -> Vec<Value> {
        let messages = self.mail_services.queue.take().into_iter();
        messages.map(|message| serde_json::from_str(&message.body).unwrap()).collect()
    }

    /// Hands all messages on the queue to the mailer, as SQS does. Those that fail go back to the queue. Returns
    /// the mails that were sent since the last time this was called.
    pub async fn mail(&self) -> Vec<SentMail> {
        self.mail_services.deliver(&self.mailer, self.mail_services.queue.take()).await;
        self.mail_services.mailbox.take()
    }

    /// Adds a function that a test made.
    pub fn add(&mut self, function: Function) {
        self.functions.push(function);
    }

    /// A function by the name of its contract or of a further route.
    pub fn function(&self, contract: &str) -> &Function {
        let contract = contracts::of_route(contract);
        self.functions.iter().find(|function| function.name == contract).unwrap()
    }

    /// Sends an event to a contract's function, as Lambda does.
    pub async fn invoke(&self, contract: &str, event: Value) -> Reply {
        Reply::of(&self.function(contract).invoke(event).await.unwrap())
    }

    /// Sends an event to a contract's function, as Lambda does when it ends the function after this time.
    pub async fn invoke_within(&self, contract: &str, event: Value, time: Duration) -> Reply {
        Reply::of(&self.function(contract).invoke_within(event, time).await.unwrap())
    }

    /// Posts a body to a contract's sign-in.
    pub async fn post(&self, contract: &str, body: &str) -> Reply {
        self.invoke(contract, self.event(contract, Some(body))).await
    }

    /// Posts a body with these members to a contract's sign-in.
    pub async fn sign_in(&self, contract: &str, body: Value) -> Reply {
        self.post(contract, &contracts::body(contract, &body)).await
    }

    /// Signs in at a password contract. The name is the one that the contract expects.
    pub async fn password(&self, contract: &str, name: &str, password: &str) -> Reply {
        self.sign_in(contract, credentials(contract, name, password)).await
    }

    /// Presents a bearer token to sso.
    pub async fn sso(&self, token: &str) -> Reply {
        let mut event = self.event("sso", None);
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
        self.invoke("sso", event).await
    }

    /// The event of a successful sign-in by johndoe at any contract.
    pub async fn right_sign_in(&self, contract: &str) -> Value {
        self.sign_in_of(contract, "johndoe", "SecurePass123!").await
    }

    /// The event of a sign-in at any contract. It asks for a session token if the contract gives one only then. At a
    /// contract without passwords it carries a token that account has just issued.
    pub async fn sign_in_of(&self, contract: &str, username: &str, password: &str) -> Value {
        if !contracts::takes_password(contract) {
            let reply = self.password("account", username, password).await.json();
            let mut event = self.event(contract, None);
            let token = reply["token"]["access_token"].as_str().unwrap();
            event["headers"]["authorization"] = json!(format!("Bearer {token}"));
            return event;
        }
        let mut body = credentials(contract, &name_at(contract, username), password);
        if contracts::get(contract).session == Session::OnRequest {
            body["stay_logged_in"] = json!(true);
        }
        self.event(contract, Some(&contracts::body(contract, &body)))
    }

    /// Sends any request to a contract's function. The path may carry a query, and an empty body is none.
    pub async fn request(
        &self,
        contract: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let body = Some(body).filter(|body| !body.is_empty());
        self.invoke(contract, event(method, path, headers, body)).await
    }

    /// The event of a POST to a contract's sign-in, or to a further route that signs in.
    pub fn event(&self, contract: &str, body: Option<&str>) -> Value {
        let further = contracts::further(contract);
        let path = further.map_or(self.function(contract).path, |further| further.path);
        let kind = match further.and_then(|further| further.form) {
            Some(_) => "application/x-www-form-urlencoded",
            None => "application/json",
        };
        event("POST", path, &[("content-type", kind)], body)
    }
}

/// The event of a request; the path may carry a query.
pub fn event(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut event = json!({
        "version": "2.0",
        "rawQueryString": query,
        "headers": {"host": "api.example.com"},
        "requestContext": {
            "http": {"method": method, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
            "requestId": "test-request",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": false,
    });
    set_path(&mut event, path);
    for (name, value) in headers {
        event["headers"][name] = json!(value);
    }
    event
}

/// All functions. The access key id of each is its name, which distinguishes its calls to the table from those of others.
fn functions(app: &App, keys: &Arc<PublicKeys>, env: &Environment) -> Vec<Function> {
    let named = |name| {
        let app = Arc::new(app.with_credentials(name, "local"));
        let mut all = functions::all(&app, keys, env).unwrap().into_iter();
        all.find(|function| function.name == name).unwrap()
    };
    CONTRACTS.into_iter().chain(["jwks"]).map(named).collect()
}

/// The mailer, whose calls are distinguished from those of others in the same way.
async fn mailer(app: &App, env: &Environment) -> Handler {
    let app = Arc::new(app.with_credentials("mailer", "local"));
    functions::mailer(&app, &env.clone().with("AWS_ACCESS_KEY_ID", "mailer")).await.unwrap()
}

async fn app(env: &Environment, clock: &Arc<AtomicU64>) -> Arc<App> {
    let hands = Arc::clone(clock);
    let now = Arc::new(move || Timestamp::from_millis(hands.load(Ordering::SeqCst)));
    Arc::new(App::start_at(env, now).await.unwrap())
}
