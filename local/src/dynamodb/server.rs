//! The server of the embedded DynamoDB API. The database's own server lets web pages of every origin read its replies, and
//! it cannot be wrapped. So it has no port of its own: it serves connections inside this process, behind the guard.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use dynoxide::Database;
use dynoxide::server::serve_with_shutdown;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::guard::refuse_web_pages;

/// The longest body that DynamoDB takes.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

type Connection = SendRequest<Full<Bytes>>;

/// A database, and the connections to its server that wait for a request.
struct Server {
    database: Database,
    idle: Mutex<Vec<Connection>>,
}

/// Returns the API of a database. It refuses web pages.
pub(super) fn router(database: Database) -> Router {
    Router::new()
        .fallback(forward)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(refuse_web_pages))
        .with_state(Arc::new(Server { database, idle: Mutex::default() }))
}

/// Passes a request on to the database's server.
async fn forward(State(server): State<Arc<Server>>, mut parts: Parts, body: Bytes) -> Response {
    // Whether the caller's connection ends is not the matter of the connection inside.
    parts.headers.remove(header::CONNECTION);
    match server.send(Request::from_parts(parts, Full::new(body))).await {
        Ok(reply) => reply,
        Err(error) => {
            tracing::error!(cause = %error, "the embedded DynamoDB API does not answer");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

impl Server {
    async fn send(&self, request: Request<Full<Bytes>>) -> io::Result<Response> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(&self.database).await?,
        };
        let reply = send(&mut connection, request).await?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(reply)
    }
}

/// Opens a connection to a server of this database. The server's port is open only until it has answered a first request,
/// so nobody else finds it. The server serves a connection in a task of its own, which does not end with the server.
async fn connect(database: &Database) -> io::Result<Connection> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (mut connection, transfer) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(transfer);
    let health = send(&mut connection, Request::new(Full::default()));
    tokio::select! {
        reply = health => reply.map(|_| connection),
        ended = serve_with_shutdown(listener, database.clone(), std::future::pending()) => {
            Err(io::Error::other(ended.err().unwrap_or_default()))
        }
    }
}

async fn send(connection: &mut Connection, request: Request<Full<Bytes>>) -> io::Result<Response> {
    connection.ready().await.map_err(io::Error::other)?;
    let reply = connection.send_request(request).await.map_err(io::Error::other)?;
    let (parts, body) = reply.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?;
    Ok(Response::from_parts(parts, Body::from(body.to_bytes())))
}
