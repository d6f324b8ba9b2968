//! The guard of the page: only a browser on this machine may read it, and in it no web page of another origin.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The headers of every reply. None of them is for CORS, so a web page of another origin can read nothing. Trusted
/// types let no text become HTML.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types 'none'",
        ),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Refuses a request whose `Host` is not this machine's.
///
/// The listener is on the loopback interface. A web page can still reach it: the name of its host may resolve
/// to 127.0.0.1 (DNS rebinding), and then the page is of the same origin. Its requests carry that name.
pub(super) async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    let mut reply = match is_this_machine(request.headers(), port) {
        true => next.run(request).await,
        false => {
            (StatusCode::FORBIDDEN, "This page is only for the machine that serves it.\n").into_response()
        }
    };
    for (name, value) in HEADERS {
        reply.headers_mut().insert(name, value);
    }
    reply
}

/// Returns whether the request has one `Host`, and it is a name of the loopback interface with this port.
fn is_this_machine(headers: &HeaderMap, port: u16) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = host.to_str().unwrap_or_default();
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        // Browsers leave out the port of the scheme.
        host.eq_ignore_ascii_case(&format!("{name}:{port}")) || port == 80 && host.eq_ignore_ascii_case(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_one_name_of_the_loopback_interface_with_the_port() {
        let is_ours = |hosts: &[&'static str], port| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            is_this_machine(&headers, port)
        };
        for host in ["127.0.0.1:3000", "localhost:3000", "LocalHost:3000", "[::1]:3000"] {
            assert!(is_ours(&[host], 3000), "{host}");
        }
        assert!(is_ours(&["localhost"], 80));
        for host in [
            "",
            "localhost",
            "localhost:3001",
            "localhost:30000",
            "localhost.:3000",
            "localhost.example:3000",
            "example.com:3000",
            "127.0.0.1.example.com:3000",
            "localhost:3000@example.com",
            "0.0.0.0:3000",
        ] {
            assert!(!is_ours(&[host], 3000), "{host}");
        }
        assert!(!is_ours(&[], 3000));
        assert!(!is_ours(&["localhost:3000", "localhost:3000"], 3000));
    }
}
