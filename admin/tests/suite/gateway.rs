//! The HTTP API of a deployment on a port of this machine, whole or with a fault.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use postern_local::gateway;
use postern_local::template::Template;
use postern_tests::deployment::Deployment;
use tokio::net::TcpListener;

/// A request, as far as a fault depends on it: method, path and body.
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
}

/// The API of this deployment.
pub(crate) fn router(deployment: &Deployment) -> Router {
    gateway::router(&Template::embedded().unwrap(), deployment.functions()).unwrap()
}

/// Serves the API, and returns its URL.
pub(crate) async fn start(deployment: &Deployment) -> String {
    serve(router(deployment)).await
}

/// Serves the API with a fault that changes replies.
pub(crate) async fn start_with_fault<F>(deployment: &Deployment, fault: F) -> String
where
    F: Fn(&Seen, Response) -> Response + Send + Sync + 'static,
{
    let fault = Arc::new(fault);
    let layer = from_fn(move |request: Request, next: Next| {
        let fault = Arc::clone(&fault);
        async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let seen = Seen {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            fault(&seen, next.run(Request::from_parts(parts, Body::from(body))).await)
        }
    });
    serve(router(deployment).layer(layer)).await
}

/// Serves a router that needs connection info.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    url
}

/// A reply of API Gateway itself.
pub(crate) fn own_reply(status: u16, message: &str) -> Response {
    let body = serde_json::json!({ "message": message }).to_string();
    let mut reply = Response::new(Body::from(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap();
    reply
}
