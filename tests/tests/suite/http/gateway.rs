//! The local gateway does what API Gateway does: bodies as text or base64, both slashes, CORS, its own 404.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use postern_local::gateway;
use postern_local::template::Template;
use postern_tests::deployment::Deployment;
use tower::ServiceExt;

const JOHNDOE: &str = r#"{"username":"johndoe","password":"SecurePass123!"}"#;

async fn send(
    deployment: &Deployment,
    request: axum::http::request::Builder,
    body: &str,
) -> Response<String> {
    let router = gateway::router(&Template::embedded().unwrap(), deployment.functions()).unwrap();
    let mut request: Request<Body> = request.body(Body::from(body.to_owned())).unwrap();
    let peer: SocketAddr = "127.0.0.1:50000".parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Response::from_parts(parts, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn body_of_any_content_type_arrives() {
    let deployment = Deployment::start().await;
    for kind in
        ["application/json", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "nonsense"]
    {
        let request = Request::post("/api/v2/account/signin/").header("content-type", kind);
        assert_eq!(send(&deployment, request, JOHNDOE).await.status(), 200, "{kind}");
    }
    let reply = send(&deployment, Request::post("/api/v2/account/signin"), JOHNDOE).await;
    assert_eq!(reply.status(), 200);
    assert!(reply.headers().contains_key("x-request-id"));
    assert!(!reply.headers().contains_key("access-control-allow-origin"), "nobody asked");
}

#[tokio::test]
async fn preflight_of_any_origin_is_allowed() {
    let deployment = Deployment::start().await;
    let preflight = Request::options("/signin")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let reply = send(&deployment, preflight, "").await;
    assert_eq!(reply.status(), 204);
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    assert_eq!(reply.headers()["access-control-allow-headers"], "*,authorization");
    assert_eq!(reply.headers()["access-control-max-age"], "86400");

    let request = Request::post("/signin").header("origin", "https://app.example.com");
    let reply = send(&deployment, request, "{}").await;
    assert_eq!(reply.status(), 400);
    let exposed = &reply.headers()["access-control-expose-headers"];
    assert_eq!(exposed, "retry-after,www-authenticate,x-request-id");
}

/// A web page can read every error, because every reply has the CORS headers.
#[tokio::test]
async fn errors_of_the_gateway_and_of_functions_have_cors_headers() {
    let deployment = Deployment::start().await;
    let large = "x".repeat(11 * 1024 * 1024);
    for (method, path, body, status) in [
        ("POST", "/nowhere", "", 404),
        // The page of `cargo run` is no part of the API.
        ("GET", "/", "", 404),
        ("GET", "/_local/users.json", "", 404),
        ("GET", "/signin", "", 404),
        ("GET", "/account/mfa/jwt", "", 405),
        ("POST", "/signin", "{}", 400),
        ("POST", "/signin", large.as_str(), 413),
    ] {
        let request = Request::builder().method(method).uri(path).header("origin", "https://app.example.com");
        let reply = send(&deployment, request, body).await;
        assert_eq!(reply.status(), status, "{method} {path}");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*", "{method} {path}");
    }
}

/// The methods of the template's CORS settings are those of the routes. HEAD belongs to GET. OPTIONS is the preflight.
#[tokio::test]
async fn cors_of_the_template_allows_the_methods_of_the_routes() {
    let deployment = Deployment::start().await;
    let routes = deployment.functions().iter().flat_map(|function| function.routes);
    let mut methods: BTreeSet<&str> = routes.map(|(method, _)| method.as_str()).collect();
    methods.extend(["HEAD", "OPTIONS"]);
    assert_eq!(Template::embedded().unwrap().cors().unwrap().methods, Vec::from_iter(methods).join(","));
}

/// Each route reaches its function. The gateway's own 404 has no request id.
#[tokio::test]
async fn every_route_is_served_with_and_without_its_slash() {
    let deployment = Deployment::start().await;
    for function in deployment.functions() {
        for (method, route) in function.routes {
            for path in [(*route).to_owned(), format!("{route}/")] {
                let reply = send(&deployment, Request::builder().method(method).uri(&path), "").await;
                assert!(reply.headers().contains_key("x-request-id"), "{method} {path}");
                assert!(
                    ![404, 405].contains(&reply.status().as_u16()),
                    "{method} {path}: {}",
                    reply.status()
                );
                let reply = send(&deployment, Request::put(&path), "").await;
                assert!(!reply.headers().contains_key("x-request-id"), "{path}");
                assert_eq!(reply.status(), 404, "{path}");
            }
        }
    }
    let reply = send(&deployment, Request::get("/.well-known/jwks.json"), "").await;
    assert_eq!((reply.status().as_u16(), reply.body().as_str()), (200, r#"{"keys":[]}"#));
}

/// The function answers a stray request that a greedy route catches, and the gateway answers all others. Both say the same.
#[tokio::test]
async fn request_to_no_route_is_not_found() {
    let deployment = Deployment::start().await;
    for (method, path, is_answered_by_a_function) in [
        ("POST", "/SIGNIN", true),
        ("POST", "/signin/x", true),
        ("POST", "/api/auth/signin//", true),
        ("POST", "//signin", true),
        ("GET", "/api/nothing", true),
        ("POST", "/", false),
        ("GET", "/signin", false),
        ("PUT", "/signin/", false),
        ("GET", "/oauth/token", false),
    ] {
        let reply = send(&deployment, Request::builder().method(method).uri(path), JOHNDOE).await;
        assert_eq!(
            (reply.status().as_u16(), reply.body().as_str()),
            (404, r#"{"message":"Not Found"}"#),
            "{method} {path}"
        );
        let has_id = reply.headers().contains_key("x-request-id");
        assert_eq!(has_id, is_answered_by_a_function, "{method} {path}");
    }
    // A function knows the other methods of a path.
    let reply = send(&deployment, Request::get("/account/mfa/jwt"), "").await;
    assert_eq!((reply.status().as_u16(), reply.headers()["allow"].to_str().unwrap()), (405, "POST"));
}

#[tokio::test]
async fn request_with_malformed_query_or_host_is_answered_by_the_function() {
    let deployment = Deployment::start().await;
    for (uri, host) in
        [("/signin?a=%zz&b=%22", "api.example.com"), ("/signin", "api.example.com:99999"), ("/signin", "ü")]
    {
        let request = Request::post(uri).header("host", host).header("x-note", "Zoë");
        assert_eq!(send(&deployment, request, "{}").await.status(), 400, "{uri} {host}");
    }
}
