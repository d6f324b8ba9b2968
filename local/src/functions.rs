//! The five contracts, the key set and the mailer, each as a Lambda function with events and replies in JSON.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lambda_http::Context;
use lambda_http::http::Method;
use lambda_http::lambda_runtime::LambdaEvent;
use mailer::Mailer;
use postern::App;
use postern::clock;
use postern::environment::{ConfigError, Environment};
use postern::error::StartError;
use postern::http::{Edge, Request, Response, invoke};
use postern::token::{JwtProfile, PublicKeys};
use serde_json::Value;
use serde_json::value::to_raw_value;

/// A function that handles an event of API Gateway (payload format 2.0), or the mailer one of SQS, and returns the
/// reply, both in JSON.
pub type Handler = Arc<dyn Fn(LambdaEvent<Value>) -> Invocation + Send + Sync>;

/// One invocation of a function.
pub type Invocation = Pin<Box<dyn Future<Output = Result<Value, InvocationFailed>> + Send>>;

/// A function error, in Lambda's terms. For such an error API Gateway makes the reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvocationFailed(pub String);

/// A contract or the key set: its name, its routes and its function.
#[derive(Clone)]
pub struct Function {
    /// The contract's name, or `jwks`.
    pub name: &'static str,
    /// The path of the sign-in, with a trailing slash if the contract's page has one. For `jwks`, the path of
    /// the key set.
    pub path: &'static str,
    /// All routes, without their trailing slashes.
    pub routes: &'static [(Method, &'static str)],
    /// The function.
    pub handler: Handler,
}

impl Function {
    /// Returns the name of the function's binary.
    pub fn binary(&self) -> String {
        if self.name == KEY_SET { self.name.to_owned() } else { format!("{}-signin", self.name) }
    }

    /// Sends an event to the function, as Lambda does.
    pub fn invoke(&self, event: Value) -> Invocation {
        (self.handler)(LambdaEvent::new(event, Context::default()))
    }

    /// Sends an event to the function, as Lambda does with this time-out.
    pub fn invoke_within(&self, event: Value, time: Duration) -> Invocation {
        let mut context = Context::default();
        context.deadline = clock::now().plus(time).millis();
        (self.handler)(LambdaEvent::new(event, context))
    }
}

/// The name of the key set's function.
const KEY_SET: &str = "jwks";

/// Lists the contracts: the name of each, its crate, and the path of its sign-in.
macro_rules! contracts {
    ($($name:literal: $contract:ident, $path:literal;)+) => {
        /// The names of the contracts.
        pub const CONTRACTS: [&str; [$($name),+].len()] = [$($name),+];

        fn contracts(
            app: &Arc<App>,
            edge: &Arc<Edge>,
            env: &Environment,
        ) -> Result<Vec<Function>, ConfigError> {
            let mut profiles: Vec<JwtProfile> = Vec::new();
            Ok(vec![$({
                let (app, settings) = (Arc::clone(app), Arc::new($contract::Settings::from_env(env)?));
                profiles.iter().try_for_each(|of_other| settings.jwt().differ_from(of_other))?;
                profiles.push(settings.jwt().clone());
                let handler = handler(edge, move |request| {
                    let (app, settings) = (Arc::clone(&app), Arc::clone(&settings));
                    async move { $contract::handle(&app, &settings, request).await }
                });
                Function { name: $name, path: $path, routes: $contract::ROUTES, handler }
            }),+])
        }
    };
}

contracts! {
    "account": account_signin, "/api/v2/account/signin/";
    "sso": sso_signin, "/api/v2/sso/signin/";
    "session": session_signin, "/api/auth/signin";
    "mfa": mfa_signin, "/signin";
    "email": email_signin, "/api/sign-in/";
}

/// Returns the public keys for [`all`]. Unless the environment names others, they are those of the app's signing keys.
///
/// # Errors
/// If the environment names public keys that cannot be read.
pub async fn public_keys(app: &App, env: &Environment) -> Result<Arc<PublicKeys>, StartError> {
    let is_named = |name| env.optional(name).is_some();
    let mut env = env.clone();
    if !is_named("PUBLIC_KEYS") && !is_named("PUBLIC_KEYS_SECRET_ARN") {
        env = env.with("PUBLIC_KEYS", app.keys().current().public_document());
    }
    Ok(Arc::new(PublicKeys::start(&env, app.now()).await?))
}

/// Returns all contracts over one [`App`], and the key set over these public keys.
///
/// # Errors
/// If the settings of a contract, of the key set or of the edge are malformed, or if the tokens of two contracts would have the same
/// issuer and audience.
pub fn all(app: &Arc<App>, keys: &Arc<PublicKeys>, env: &Environment) -> Result<Vec<Function>, ConfigError> {
    let edge = Arc::new(Edge::from_env(env)?);
    let key_set = {
        let (app, keys) = (Arc::clone(app), Arc::clone(keys));
        let settings = Arc::new(jwks::Settings::from_env(env)?);
        handler(&edge, move |request| {
            let (app, keys, settings) = (Arc::clone(&app), Arc::clone(&keys), Arc::clone(&settings));
            async move { jwks::handle(&settings, &keys, app.now(), request).await }
        })
    };
    let mut functions = contracts(app, &edge, env)?;
    functions.push(Function {
        name: KEY_SET,
        path: "/.well-known/jwks.json",
        routes: jwks::ROUTES,
        handler: key_set,
    });
    Ok(functions)
}

/// Returns the mailer over this [`App`]. It handles events of SQS.
///
/// # Errors
/// If a setting of the mailer is missing or malformed.
pub async fn mailer(app: &Arc<App>, env: &Environment) -> Result<Handler, StartError> {
    let (app, mailer) = (Arc::clone(app), Arc::new(Mailer::start(env).await?.without_steps()));
    Ok(Arc::new(move |event: LambdaEvent<Value>| {
        let (app, mailer) = (Arc::clone(&app), Arc::clone(&mailer));
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| InvocationFailed(error.to_string());
            let payload = to_raw_value(&event.payload).map_err(|error| failed(&error))?;
            let reply = mailer::handle(&app, &mailer, LambdaEvent::new(payload, event.context));
            serde_json::to_value(reply.await.map_err(|error| failed(&error))?).map_err(|error| failed(&error))
        })
    }))
}

fn handler<H, F>(edge: &Arc<Edge>, handle: H) -> Handler
where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let edge = Arc::clone(edge);
    Arc::new(move |event: LambdaEvent<Value>| {
        let (edge, handle) = (Arc::clone(&edge), handle.clone());
        Box::pin(async move {
            let failed = |error: &dyn std::fmt::Display| InvocationFailed(error.to_string());
            let payload = to_raw_value(&event.payload).map_err(|error| failed(&error))?;
            let reply = invoke(&edge, handle, LambdaEvent::new(payload, event.context));
            serde_json::to_value(reply.await.map_err(|error| failed(&error))?).map_err(|error| failed(&error))
        })
    })
}
