//! The local stand-in for API Gateway. It chooses the function of each HTTP request by the routes of the
//! template, makes the event (payload format 2.0), and turns the reply into an HTTP response. CORS follows the
//! template too.

mod event;
pub mod route_table;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use self::route_table::RouteTable;
use crate::functions::Function;
use crate::template::{Template, TemplateError};

/// The largest body that API Gateway accepts.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// An HTTP API.
struct Api {
    routes: RouteTable<Function>,
    cors: HeaderMap,
}

/// Makes the HTTP API of the template, with these functions. The server must provide connection info.
///
/// # Errors
/// If the template has a malformed route, or one of a function that is not among these.
pub fn router(template: &Template, functions: &[Function]) -> Result<Router, TemplateError> {
    let api = Api { routes: routes(template, functions)?, cors: cors(template)? };
    Ok(Router::new().fallback(handle).with_state(Arc::new(api)))
}

/// Returns the routes of the template. Each leads to its function.
///
/// # Errors
/// If the template has a malformed route, or one of a function that is not among these.
pub fn routes(template: &Template, functions: &[Function]) -> Result<RouteTable<Function>, TemplateError> {
    let routes = template.routes()?.into_iter().map(|(key, binary)| {
        let function = functions.iter().find(|function| function.binary() == binary);
        let function = function.ok_or_else(|| TemplateError(format!("{key}: there is no {binary}")))?;
        Ok((key, function.clone()))
    });
    let routes: Vec<_> = routes.collect::<Result<_, TemplateError>>()?;
    RouteTable::new(routes).map_err(|error| TemplateError(error.to_string()))
}

async fn handle(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let has_origin = request.headers().contains_key(header::ORIGIN);
    let is_preflight = request.method() == Method::OPTIONS
        && has_origin
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut reply = match is_preflight {
        true => reply(StatusCode::NO_CONTENT, Body::empty()),
        false => answer(&api, peer, request).await,
    };
    // API Gateway adds these headers to the replies of functions ("Configure CORS for HTTP APIs" in its
    // developer guide). The guide does not mention API Gateway's own errors. Here they get the headers too, so
    // that a web page can read the error.
    if has_origin {
        reply.headers_mut().extend(api.cors.clone());
    }
    reply
}

async fn answer(api: &Api, peer: SocketAddr, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(chosen) = api.routes.find(parts.method.as_str(), parts.uri.path()) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    match chosen.target.invoke(event::event(&parts, &body, peer, &chosen)).await {
        Ok(reply) => decode(&reply)
            .unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        Err(error) => {
            tracing::error!(contract = chosen.target.name, cause = error.0, "the function failed");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// Turns a function's reply into an HTTP response, as API Gateway does.
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

/// Makes the CORS headers of the template.
fn cors(template: &Template) -> Result<HeaderMap, TemplateError> {
    let cors = template.cors()?;
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, cors.origin),
        (header::ACCESS_CONTROL_ALLOW_METHODS, cors.methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, cors.headers),
        (header::ACCESS_CONTROL_MAX_AGE, cors.max_age),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, cors.exposed),
    ];
    let headers = headers.map(|(name, value)| {
        let value = HeaderValue::from_str(&value);
        Ok((name, value.map_err(|_| TemplateError("a CORS setting is no header".to_owned()))?))
    });
    headers.into_iter().collect()
}
