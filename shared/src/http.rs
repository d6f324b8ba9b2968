//! The edge: API Gateway's requests in, replies out. The one place that knows Lambda.

mod body;

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::header::{self, HeaderName, HeaderValue};
use lambda_http::http::{Method, StatusCode, Uri};
use lambda_http::lambda_runtime::{self, LambdaEvent, service_fn};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, Body, Error, IntoResponse, RequestExt, Service};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Instrument;

use crate::ambient::{Timestamp, now};
use crate::app::App;
use crate::audit::Caller;
use crate::config::{ConfigError, Environment};
use crate::logging;
use crate::mfa;
use crate::refusal::Refusal;

pub use lambda_http::Request;

pub use self::body::{BodyError, Forms, MAX_BODY_BYTES, is_no_urlencoded, members};

/// A reply on its way out.
pub type Response = lambda_http::Response<Body>;

/// The longest that a request is worked on. Whoever waits for a sign-in has given up by then.
const LONGEST_WORK: Duration = Duration::from_secs(8);
/// What is kept back of the time that Lambda gives.
const KEPT_FOR_THE_REPLY: Duration = Duration::from_millis(500);

/// What API Gateway takes of a request line and headers together, in bytes.
const MAX_HEAD_BYTES: usize = 10 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What Lambda handed over is no event of API Gateway's. Says nothing of what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnEvent;

impl std::fmt::Display for NotAnEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the event is no request of an API Gateway HTTP API (payload format 2.0); nothing was done",
        )
    }
}

impl std::error::Error for NotAnEvent {}

/// The MFA code among a request's members. Missing, `null`, `false` and what folds to nothing are none; an integer is
/// its six digits, since some clients send a number and lose the zeros; of another type it is a code that is wrong.
pub fn mfa_code(members: &Map<String, Value>) -> Option<String> {
    match members.get("token") {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::String(code)) if mfa::fold_code(code).is_empty() => None,
        Some(Value::String(code)) => Some(code.clone()),
        Some(Value::Number(number)) => {
            Some(number.as_u64().filter(|n| *n < 1_000_000).map_or_else(String::new, |n| format!("{n:06}")))
        }
        Some(Value::Bool(true) | Value::Array(_) | Value::Object(_)) => Some(String::new()),
    }
}

/// The token of a `Bearer` authorization (RFC 6750 §2.1), which may be empty; `None` where there is no such
/// authorization.
pub fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    // What is not ASCII is no token, but is one that was sent.
    scheme.eq_ignore_ascii_case(b"Bearer").then(|| str::from_utf8(token).unwrap_or_default().trim())
}

/// A parameter of the query, the first of that name.
pub fn query<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}

/// The parameters of the form (`application/x-www-form-urlencoded`) that a request carries, all of a name.
///
/// # Errors
/// If the body is too large, compressed, or not of UTF-8.
pub fn form(request: &Request) -> Result<QueryMap, BodyError> {
    let text = str::from_utf8(body::bytes(request)?).map_err(|_| BodyError::Malformed)?;
    match text.parse() {
        Ok(parameters) => Ok(parameters),
        Err(never) => match never {},
    }
}

/// The id and the secret of an HTTP Basic authorization (RFC 7617), form-urlencoded as OAuth clients send them
/// (RFC 6749 §2.3.1). `None` where there is no such authorization.
///
/// # Errors
/// If it is malformed.
pub fn basic(request: &Request) -> Option<Result<(String, String), BodyError>> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes().trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, credentials) = value.split_at(end);
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    let decoded = STANDARD.decode(credentials.trim_ascii()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    Some(
        pair.ok_or(BodyError::Malformed)
            .and_then(|(id, secret)| Ok((body::decode(id.as_bytes())?, body::decode(secret.as_bytes())?))),
    )
}

/// Who makes this request, at the door of this contract.
pub fn caller(app: &App, contract: &'static str, request: &Request) -> Caller {
    caller_at(app.now(), contract, request)
}

/// Like [`caller`], at a time of the function's own.
pub fn caller_at(time: Timestamp, contract: &'static str, request: &Request) -> Caller {
    let context = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    };
    let started = Instant::now();
    Caller {
        contract,
        request_id: context.and_then(|c| c.request_id.clone()).unwrap_or_default(),
        address: context.and_then(|c| c.http.source_ip.clone()).unwrap_or_default(),
        now: time,
        started,
        deadline: started + time_left(request.lambda_context_ref().map_or(0, |c| c.deadline), now()),
    }
}

/// How long work on a request may take, of which Lambda says when it ends the function: milliseconds since the
/// epoch, or 0 where nobody says. Whatever the function's own time-out is, the caller gets an answer before it.
fn time_left(deadline: u64, now: Timestamp) -> Duration {
    if deadline == 0 {
        return LONGEST_WORK;
    }
    Timestamp::from_millis(deadline).since(now).saturating_sub(KEPT_FOR_THE_REPLY).min(LONGEST_WORK)
}

/// The route that a request takes, if it takes one: of each, the method and the path without its trailing slash.
/// Both slash forms of a path are one route, and HEAD takes the route of GET. The reply has its body then too: the server
/// that sends it leaves the body out and keeps the length (RFC 9110 §9.3.2).
pub fn route<'r>(request: &Request, routes: &[(Method, &'r str)]) -> Option<&'r str> {
    let path = path(request);
    routes
        .iter()
        .find(|(method, route)| *route == path && answers(method, request.method()))
        .map(|(_, route)| *route)
}

/// The reply to a request that takes none of these routes, in API Gateway's words, who answers most of them
/// before we see them.
pub fn no_route(request: &Request, routes: &[(Method, &str)]) -> Response {
    let path = path(request);
    let of_path = routes.iter().filter(|(_, route)| *route == path);
    let methods: Vec<&str> = of_path
        .flat_map(
            |(method, _)| if method == Method::GET { vec!["GET", "HEAD"] } else { vec![method.as_str()] },
        )
        .collect();
    if methods.is_empty() {
        return json(StatusCode::NOT_FOUND, &serde_json::json!({"message": "Not Found"}));
    }
    let mut reply =
        json(StatusCode::METHOD_NOT_ALLOWED, &serde_json::json!({"message": "Method Not Allowed"}));
    if let Ok(allowed) = HeaderValue::from_str(&methods.join(", ")) {
        reply.headers_mut().insert(header::ALLOW, allowed);
    }
    reply
}

/// Whether a route of this method answers a request of that one.
fn answers(route: &Method, request: &Method) -> bool {
    route == request || (route == Method::GET && request == Method::HEAD)
}

fn path(request: &Request) -> &str {
    let path = request.raw_http_path();
    path.strip_suffix('/').unwrap_or(path)
}

/// A JSON reply that nobody stores.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let (status, text) = match serde_json::to_string(body) {
        Ok(text) => (status, text),
        Err(error) => {
            tracing::error!(cause = %error, "a reply is no JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, "{}".to_owned())
        }
    };
    let mut reply = Response::new(Body::Text(text));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// A successful JSON reply that holds a token (RFC 6749 §5.1).
pub fn token_json(body: &impl Serialize) -> Response {
    let mut reply = json(StatusCode::OK, body);
    reply.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    reply
}

/// A refusal's JSON reply, with `Retry-After` where waiting helps.
pub fn refusal_json(status: StatusCode, refusal: &Refusal, body: &impl Serialize) -> Response {
    let mut reply = json(status, body);
    if let Some(seconds) = refusal.retry_after() {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// A 401 with its challenge (RFC 6750 §3), which tells whether a token was sent.
pub fn with_challenge(mut reply: Response, sent: bool) -> Response {
    let challenge = if sent { "Bearer error=\"invalid_token\"" } else { "Bearer" };
    reply.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    reply
}

/// The reply with the id of its request.
pub fn with_request_id(mut reply: Response, caller: &Caller) -> Response {
    if let Ok(id) = HeaderValue::from_str(&caller.request_id) {
        reply.headers_mut().insert(REQUEST_ID, id);
    }
    reply
}

/// One invocation, exactly as Lambda makes it: the event is decoded, handled, and the reply encoded.
///
/// # Errors
/// If it is no event of API Gateway's (payload format 2.0).
pub async fn invoke<H, F>(
    handle: H,
    event: LambdaEvent<Value>,
) -> Result<impl Serialize + use<H, F>, NotAnEvent>
where
    H: Fn(Request) -> F + Send + Sync,
    F: Future<Output = Response> + Send,
{
    let LambdaEvent { payload, context } = event;
    // lambda_http panics on what API Gateway cannot send, too: on more header names than its map has room for, and
    // below on a body that is called base64 and is not.
    if payload["headers"].as_object().is_some_and(|headers| headers.len() > MAX_HEAD_BYTES) {
        return Err(NotAnEvent);
    }
    // Decoded here and not by the runtime, which logs what it cannot decode: headers, and tokens with them.
    let mut event: ApiGatewayV2httpRequest = serde_json::from_value(payload).map_err(|_| NotAnEvent)?;
    let body = event.body.as_deref().unwrap_or_default();
    if event.is_base64_encoded && STANDARD.decode(body).is_err() {
        return Err(NotAnEvent);
    }
    // lambda_http makes a URI out of these and panics where they make none, or one of more than 64 KiB, and callers
    // write most of them. Nobody here reads that URI: the path and the query have extensions of their own.
    event.headers.remove(header::HOST);
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    event.raw_path = event.raw_path.filter(|path| path.starts_with('/') && path.len() <= MAX_HEAD_BYTES);
    let query = event.raw_query_string.as_deref().unwrap_or_default();
    if query.len() > MAX_HEAD_BYTES || format!("/?{query}").parse::<Uri>().is_err() {
        event.raw_query_string = None;
    }
    // Whatever is logged meanwhile can be found by the id that the caller got.
    let span = tracing::error_span!("request", request_id = event.request_context.request_id);
    let service = service_fn(|request| {
        let reply = handle(request).instrument(span.clone());
        async move { Ok::<_, Infallible>(Reply(reply.await)) }
    });
    let event = LambdaEvent::new(LambdaRequest::ApiGatewayV2(event), context);
    match Adapter::from(service).call(event).await {
        Ok(reply) => Ok(reply),
    }
}

/// A reply whose body is what it shall be: lambda_http would look for its character set, with tables for 40 of them.
struct Reply(Response);

impl IntoResponse for Reply {
    fn into_response(self) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(ready(self.0))
    }
}

/// The whole of a function: reads its configuration, opens its connection, and answers until Lambda ends it.
///
/// A configuration that is wrong ends the process with one line that names the variable.
pub fn run<S, H, F>(settings: fn(&Environment) -> Result<S, ConfigError>, handle: H) -> ExitCode
where
    S: Send + Sync + 'static,
    H: Fn(&'static App, &'static S, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send,
{
    serve(
        async |env| {
            let settings = settings(env)?;
            Ok((App::start(env).await?, settings))
        },
        move |(app, settings), request| handle(app, settings, request),
    )
}

/// Like [`run`], for a function that holds something else than an [`App`], and says how that starts.
pub fn serve<T, H, F>(start: impl AsyncFnOnce(&Environment) -> Result<T, ConfigError>, handle: H) -> ExitCode
where
    T: Send + Sync + 'static,
    H: Fn(&'static T, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send,
{
    let env = Environment::of_process();
    let level = logging::init(&env);
    let outcome = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
        runtime.block_on(async {
            level?;
            // It lives as long as the process.
            let held: &'static T = Box::leak(Box::new(start(&env).await?));
            let handle = &handle;
            lambda_runtime::run(service_fn(move |event| async move {
                invoke(move |request| handle(held, request), event).await.map_err(|error| {
                    tracing::warn!("{error}");
                    Error::from(error)
                })
            }))
            .await
        })
    });
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!(cause = %error, "the runtime does not start");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_time_for_the_reply_before_lambdas_own_time_out() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let left = |millis: u64| time_left(now.millis() + millis, now);
        assert_eq!(time_left(0, now), Duration::from_secs(8));
        assert_eq!(left(10_000), Duration::from_secs(8));
        assert_eq!(left(3_000), Duration::from_millis(2_500));
        assert_eq!(left(500), Duration::ZERO);
        assert_eq!(time_left(1, now), Duration::ZERO);
    }
}
