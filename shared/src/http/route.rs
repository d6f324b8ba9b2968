//! Which route a request takes, and the reply to one that takes none.

use lambda_http::http::header::{self, HeaderValue};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, RequestExt};

use super::reply::{Response, json};

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
