//! The part of API Gateway. It makes an event (payload format 2.0) of each HTTP request, and an HTTP response
//! of each reply. Routes, CORS and limits are those of the template.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::clock::now;
use postern::random::random;
use serde_json::{Value, json};

use crate::functions::Function;

/// The largest body that API Gateway accepts.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Makes the HTTP API of these functions. The server must provide connection info.
pub fn router(functions: Vec<Function>) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(functions))
}

async fn handle(
    State(functions): State<Arc<Vec<Function>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let wants = header::ACCESS_CONTROL_REQUEST_METHOD;
    if request.method() == Method::OPTIONS && origin.is_some() && request.headers().contains_key(wants) {
        return with_cors(reply(StatusCode::NO_CONTENT, Body::empty()));
    }
    let path = request.uri().path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let function = functions.iter().find(|function| function.routes.iter().any(|(_, route)| *route == path));
    let reply = match function {
        None => message(StatusCode::NOT_FOUND, "Not Found"),
        Some(function) => invoke(function, peer, request).await,
    };
    if origin.is_some() { with_cors(reply) } else { reply }
}

async fn invoke(function: &Function, peer: SocketAddr, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let event = event(&parts, &body, peer);
    match function.invoke(event).await {
        Ok(reply) => decode(&reply)
            .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Err(error) => {
            tracing::error!(contract = function.name, cause = error.0, "the function failed");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// Makes the event of a request, as API Gateway does (payload format 2.0).
fn event(parts: &axum::http::request::Parts, body: &[u8], peer: SocketAddr) -> Value {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|earlier| *earlier = format!("{earlier},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    let agent = headers.get("user-agent").cloned();
    headers.insert("x-forwarded-for", peer.ip().to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    let path = parts.uri.path();
    let route = format!("{} {path}", parts.method);
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
    let mut event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": agent,
            },
            "requestId": hex::encode(random::<8>()),
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": now().millis(),
        },
        "isBase64Encoded": text.is_none() && !body.is_empty(),
    });
    if !body.is_empty() {
        let body = text.map_or_else(|| STANDARD.encode(body), str::to_owned);
        event["body"] = Value::String(body);
    }
    event
}

/// Returns whether API Gateway passes a body of this type on as text. It encodes all others in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// Makes the HTTP response of a function's reply, as API Gateway does.
fn decode(output: &Value) -> Option<Response> {
    let status = u16::try_from(output.get("statusCode")?.as_u64()?).ok()?;
    let body = output.get("body").and_then(Value::as_str).unwrap_or_default();
    let body = match output.get("isBase64Encoded").and_then(Value::as_bool) {
        Some(true) => STANDARD.decode(body).ok()?,
        _ => body.as_bytes().to_vec(),
    };
    let mut response = reply(StatusCode::from_u16(status).ok()?, Body::from(body));
    for (name, value) in output.get("headers")?.as_object()? {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        response.headers_mut().insert(name, HeaderValue::from_str(value.as_str()?).ok()?);
    }
    Some(response)
}

fn reply(status: StatusCode, body: Body) -> Response {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}

fn message(status: StatusCode, text: &str) -> Response {
    let mut reply = reply(status, Body::from(json!({"message": text}).to_string()));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Adds the CORS headers of the template's default: any origin, without credentials.
///
/// API Gateway adds these headers to the replies of functions ("Configure CORS for HTTP APIs" in its
/// developer guide). The guide does not mention API Gateway's own errors. Here they get the headers too, so
/// that a web page can read the error.
fn with_cors(mut reply: Response) -> Response {
    let exposed = "retry-after,www-authenticate,x-request-id";
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET,HEAD,OPTIONS,POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*,authorization"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}
