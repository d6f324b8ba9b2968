//! The route of a request, and the reply to a request without a route.

use lambda_http::http::header::{self, HeaderValue};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, RequestExt};

use super::reply::{Response, json};

/// Returns the route of a request, if there is one. Each route is a method and a path without its trailing
/// slash. A path with and without a trailing slash is the same route, and HEAD uses the route of GET. The
/// reply to HEAD has a body too. The server that sends it omits the body and keeps its length (RFC 9110
/// §9.3.2). The last segment of a route may be a parameter, such as `{id}`: see [`last_segment`].
pub fn route<'r>(request: &Request, routes: &[(Method, &'r str)]) -> Option<&'r str> {
    routes_of(path(request), routes)
        .find(|(method, _)| answers(method, request.method()))
        .map(|(_, route)| *route)
}

/// Returns the routes with this path. A path that a route names is no value of another route's parameter.
fn routes_of<'a, 'r>(
    path: &str,
    routes: &'a [(Method, &'r str)],
) -> impl Iterator<Item = &'a (Method, &'r str)> {
    let is_named = routes.iter().any(|(_, route)| *route == path);
    routes.iter().filter(move |(_, route)| if is_named { *route == path } else { is_path_of(route, path) })
}

/// Returns whether a path without its trailing slash is one of this route. A parameter at the end of the route
/// stands for one segment, which is not empty.
pub fn is_path_of(route: &str, path: &str) -> bool {
    match route.rsplit_once('/') {
        Some((parent, last)) if last.starts_with('{') => {
            path.rsplit_once('/').is_some_and(|(of, segment)| of == parent && !segment.is_empty())
        }
        _ => route == path,
    }
}

/// Returns the last segment of a request's path: the value of a route's parameter.
pub fn last_segment(request: &Request) -> &str {
    path(request).rsplit('/').next().unwrap_or_default()
}

/// Makes the reply to a request without a route, with API Gateway's own messages. API Gateway itself answers
/// most of these requests before they reach the function.
pub fn no_route(request: &Request, routes: &[(Method, &str)]) -> Response {
    let methods: Vec<&str> = routes_of(path(request), routes)
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

/// Returns whether a route with this method answers a request with that method.
fn answers(route: &Method, request: &Method) -> bool {
    route == request || (route == Method::GET && request == Method::HEAD)
}

fn path(request: &Request) -> &str {
    let path = request.raw_http_path();
    path.strip_suffix('/').unwrap_or(path)
}
