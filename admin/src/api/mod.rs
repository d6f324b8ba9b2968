//! The HTTP API of a deployment, as a client sees it.

mod contracts;
mod failure;
mod routes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use postern::environment::is_this_machine;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ProtocolVersion};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

pub use self::contracts::{ACCOUNT, CONTRACTS, Contract, FollowUp, Form, PASSWORD_CONTRACTS, SSO_SIGN_IN};
pub use self::failure::{Kind, Unreachable};
pub use self::routes::{DISCOVERY, KEY_SET, ROUTES, Route};
use crate::output::{Exit, Failure, plain};

/// The API of `cargo run`.
const LOCAL_URL: &str = "http://127.0.0.1:3000";
/// The largest reply that is read, in bytes. Ours are far smaller.
const MAX_REPLY: usize = 1 << 20;
/// How many characters of an unexpected reply are shown.
const SHOWN: usize = 200;

/// The API at a URL.
#[derive(Clone)]
pub struct Api {
    base: Url,
    within: Duration,
    tls: Arc<ClientConfig>,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
    /// How long it took to arrive whole.
    pub took: Duration,
}

/// Returns the URL of the API: that of the option, else of the stack, else of `cargo run` if `local` is set.
///
/// # Errors
/// If there is none.
pub fn url(option: Option<&str>, stack: Option<&str>, local: bool) -> Result<String, Failure> {
    option.or(stack).or(local.then_some(LOCAL_URL)).map(str::to_owned).ok_or_else(|| {
        Failure::usage("which URL? Name it with --url URL, or name the stack with --stack or POSTERN_STACK")
    })
}

impl Api {
    /// Makes the API at this URL. The path of the URL is put before that of each route. Each reply has to arrive
    /// within this time. Sends no request.
    ///
    /// # Errors
    /// If the URL is malformed, or the machine's trusted certificates cannot be read.
    pub fn new(url: &str, within: Duration) -> Result<Self, Failure> {
        let base = Url::parse(url).ok().filter(|base| {
            let plain_url = base.username().is_empty() && base.password().is_none() && base.query().is_none();
            matches!(base.scheme(), "http" | "https") && plain_url && base.fragment().is_none()
        });
        let base = base.ok_or_else(|| {
            Failure::usage(
                "the URL of the API must begin with http:// or https://, without a user, `?` or `#`",
            )
        })?;
        let broken = || Failure::new(Exit::Failed, "TLS cannot be set up with this machine's certificates");
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| broken().caused_by(error))?
            .with_native_roots()
            .map_err(|error| broken().caused_by(error))?
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { base, within, tls: Arc::new(tls), client })
    }

    /// Returns the URL of a path of the API.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// Returns whether requests go to another machine without TLS, so that others can read them on the way. The
    /// URL is taken as the parser corrected it, since requests go there: `HTTP:host` becomes `http://host`.
    pub fn sends_plaintext(&self) -> bool {
        self.base.scheme() == "http" && !is_this_machine(self.base.as_str())
    }

    /// Makes a TLS connection, and returns its version. `None` if the URL is one without TLS.
    ///
    /// # Errors
    /// If there is no connection, the certificate is not accepted, or no version of TLS is common to both.
    pub async fn tls_version(&self) -> Result<Option<&'static str>, Unreachable> {
        let (Some(host), "https") = (self.base.host_str(), self.base.scheme()) else { return Ok(None) };
        let port = self.base.port_or_known_default().unwrap_or(443);
        // The URL parser keeps the brackets of an IPv6 address.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let connecting = async {
            let name = ServerName::try_from(bare.to_owned()).map_err(|error| Unreachable::broken(&error))?;
            let stream =
                TcpStream::connect((bare, port)).await.map_err(|error| Unreachable::connection(&error))?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let stream =
                connector.connect(name, stream).await.map_err(|error| Unreachable::of_connection(&error))?;
            Ok(match stream.get_ref().1.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS 1.3",
            })
        };
        match tokio::time::timeout(self.within, connecting).await {
            Ok(version) => version.map(Some),
            Err(_) => Err(Unreachable::timeout(self.within)),
        }
    }

    /// Sends a request. No redirect is followed, since no client of the contracts follows one.
    ///
    /// # Errors
    /// If no reply arrives in time.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, Unreachable> {
        let begun = Instant::now();
        let reply = tokio::time::timeout(self.within, self.send_once(method, path, headers, body)).await;
        let mut reply = reply.map_err(|_| Unreachable::timeout(self.within))??;
        reply.took = begun.elapsed();
        Ok(reply)
    }

    async fn send_once(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, Unreachable> {
        let with_header = |request: Builder, (name, value): &(&str, &str)| request.header(*name, *value);
        let uri: Uri = self.at(path).parse().map_err(|error| Unreachable::broken(&error))?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| Unreachable::broken(&error))?;
        let request = headers.iter().fold(Request::builder().method(method).uri(uri), with_header);
        let request =
            request.body(Full::from(body.to_owned())).map_err(|error| Unreachable::broken(&error))?;
        let reply = self.client.request(request).await.map_err(|error| Unreachable::of_request(&error))?;
        let (parts, body) = reply.into_parts();
        let body = Limited::new(body, MAX_REPLY).collect().await;
        let body = body.map_err(|error| Unreachable::broken(error.as_ref()))?.to_bytes();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            took: Duration::ZERO,
        })
    }

    /// Sends a POST with a JSON body.
    ///
    /// # Errors
    /// If no reply arrives in time.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply, Unreachable> {
        self.send("POST", path, &[("content-type", "application/json")], &body.to_string()).await
    }
}

impl Reply {
    /// Returns the value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Returns the value at a JSON pointer of the body.
    pub fn value_at(&self, pointer: &str) -> Option<Value> {
        serde_json::from_str::<Value>(&self.body).ok()?.pointer(pointer).cloned()
    }

    /// Returns the text at a JSON pointer of the body.
    pub fn text_at(&self, pointer: &str) -> Option<String> {
        self.value_at(pointer)?.as_str().map(str::to_owned)
    }

    /// Returns whether a function of ours answered: API Gateway's own replies have no `X-Request-Id`.
    pub fn is_of_function(&self) -> bool {
        self.headers.contains_key("x-request-id")
    }

    /// Returns the status, and the words of a refusal. A successful reply may hold tokens, and is not shown.
    pub fn words(&self) -> String {
        if self.status < 400 || self.body.is_empty() {
            return self.status.to_string();
        }
        let shown: String = self.body.chars().take(SHOWN).collect();
        let more = if shown.len() < self.body.len() { "…" } else { "" };
        format!("{} {}{more}", self.status, plain(&shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_that_of_the_option_then_of_the_stack_then_of_this_machine() {
        let found = |option, stack, local| url(option, stack, local).ok();
        assert_eq!(found(Some("a"), Some("b"), true).as_deref(), Some("a"));
        assert_eq!(found(None, Some("b"), true).as_deref(), Some("b"));
        assert_eq!(found(None, None, true).as_deref(), Some(LOCAL_URL));
        assert_eq!(found(None, None, false), None);
    }

    /// The parser of URLs corrects these spellings, and the requests go to the host that it finds.
    #[test]
    fn url_without_tls_is_seen_in_each_spelling() {
        let readable = |url: &str| Api::new(url, Duration::ZERO).ok().map(|api| api.sends_plaintext());
        for url in [
            "http://host.example",
            "HTTP://host.example",
            "Http:host.example",
            "http:/host.example",
            "http:host.example",
            "http:\\\\host.example",
            "http:////host.example",
            " http://host.example",
            "\nhttp://host.example",
            "ht\ttp://host.example",
            "http://localhost.example",
            "http://host.example/127.0.0.1",
        ] {
            assert_eq!(readable(url), Some(true), "{url:?}");
        }
        for url in [
            "https://host.example",
            "HTTPS:host.example",
            "http://127.0.0.1:1",
            "HTTP:LocalHost",
            "http:[::1]",
        ] {
            assert_eq!(readable(url), Some(false), "{url:?}");
        }
        assert_eq!(readable("http://127.0.0.1@host.example"), None);
    }
}
