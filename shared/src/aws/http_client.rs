//! The HTTP client for calls to AWS: HTTP/1.1, over TLS or without, on connections that are kept open.
//!
//! DynamoDB and Secrets Manager speak HTTP/1.1. The SDK's own client can also speak HTTP/2 and use proxies,
//! which would make each function's binary larger.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::http::{HeaderValue, Request, Response, Uri, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a connection may be idle. A server may have closed a connection that was idle for longer.
const MAX_IDLE: Duration = Duration::from_secs(90);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An HTTP client for calls to AWS. It has no time-outs of its own: the time-out of an attempt, in
/// `service.rs`, includes the connection.
#[derive(Clone, Debug)]
pub(super) struct Http(Arc<Connections>);

/// The connections, and what is needed to open another.
#[derive(Debug)]
struct Connections {
    tls: Arc<ClientConfig>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection without a request.
#[derive(Debug)]
struct Idle {
    origin: Origin,
    connection: SendRequest<SdkBody>,
    since: Instant,
}

/// To which server a connection is (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    authority: Authority,
}

/// A byte stream, of TLS or of TCP.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Http {
    pub(super) fn new(tls: ClientConfig) -> Self {
        Self(Arc::new(Connections { tls: Arc::new(tls), idle: Mutex::default() }))
    }

    /// Sends a request, and reads the whole reply.
    pub(super) async fn send(&self, request: Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
        self.0.send(request).await
    }
}

impl HttpClient for Http {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Http {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connections = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            connections.send(request).await
        })
    }
}

impl Connections {
    async fn send(&self, mut request: Request<SdkBody>) -> Result<HttpResponse, ConnectorError> {
        let origin = Origin::of(request.uri()).map_err(ConnectorError::user)?;
        let host = HeaderValue::from_str(origin.host_and_port());
        request.headers_mut().insert(header::HOST, host.map_err(|error| ConnectorError::user(error.into()))?);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
        loop {
            let idle = self.take(&origin);
            let is_new = idle.is_none();
            let mut connection = match idle {
                Some(connection) => connection,
                None => self.open(&origin).await.map_err(ConnectorError::io)?,
            };
            if connection.ready().await.is_err() && !is_new {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = body.collect().await.map_err(io_error)?.to_bytes();
                    // A server that failed may fail again. The next request gets another connection.
                    if !head.status.is_server_error() {
                        self.idle().push(Idle { origin, connection, since: Instant::now() });
                    }
                    let response = Response::from_parts(head, SdkBody::from(body));
                    return response
                        .try_into()
                        .map_err(|error| ConnectorError::other(BoxError::from(error), None));
                }
                // The server closed the idle connection, and nothing was sent. This does not count as an
                // attempt.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(io_error(error.into_error())),
                },
            }
        }
    }

    /// Takes the connection to this server that was used last.
    fn take(&self, origin: &Origin) -> Option<SendRequest<SdkBody>> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < MAX_IDLE && !idle.connection.is_closed());
        let last = idle.iter().rposition(|idle| idle.origin == *origin)?;
        Some(idle.remove(last).connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self, origin: &Origin) -> Result<SendRequest<SdkBody>, BoxError> {
        // The brackets of an IPv6 address are syntax of URIs.
        let host = origin.authority.host().trim_matches(['[', ']']);
        let port = origin.authority.port_u16().unwrap_or(origin.default_port());
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Stream> = if origin.scheme == Scheme::HTTPS {
            let name = ServerName::try_from(host.to_owned())?;
            Box::new(TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp).await?)
        } else {
            Box::new(tcp)
        };
        let (connection, driver) = handshake(TokioIo::new(stream)).await?;
        // An error of the connection is also the error of its request.
        tokio::spawn(async { driver.await.ok() });
        Ok(connection)
    }
}

impl Origin {
    fn of(uri: &Uri) -> Result<Self, BoxError> {
        match (uri.scheme(), uri.authority()) {
            // Another scheme must not be sent without TLS, as a misspelt `https` would be.
            (Some(scheme), Some(authority)) if [Scheme::HTTPS, Scheme::HTTP].contains(scheme) => {
                Ok(Self { scheme: scheme.clone(), authority: authority.clone() })
            }
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput).into()),
        }
    }

    fn default_port(&self) -> u16 {
        if self.scheme == Scheme::HTTPS { 443 } else { 80 }
    }

    /// Returns what the header `Host` has to be. It is a part of the signature, as it is here.
    fn host_and_port(&self) -> &str {
        match self.authority.port_u16() {
            Some(port) if port != self.default_port() => self.authority.as_str(),
            _ => self.authority.host(),
        }
    }
}

/// Returns an error after which a request may be sent again.
fn io_error(error: hyper::Error) -> ConnectorError {
    ConnectorError::io(error.into())
}

#[cfg(test)]
mod tests;
