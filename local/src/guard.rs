//! The guard of what stands in for AWS on this machine: programs may call it, and web pages may not.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The names of this machine, for itself and for its containers (Docker).
const NAMES: [&str; 2] = ["localhost", "host.docker.internal"];

/// Refuses a request of a web page.
///
/// A browser on this machine sends an `Origin` with what a page writes to another origin, and with what it wants to
/// read there. The SDKs send none. The name of a page's own host may resolve to this machine (DNS rebinding), and
/// then the page is of the same origin. Its requests carry that name as their `Host`. An IP address cannot be rebound.
pub(crate) async fn refuse_web_pages(request: Request, next: Next) -> Response {
    match request.headers().contains_key(header::ORIGIN) || !names_this_machine(request.headers()) {
        false => next.run(request).await,
        true => (StatusCode::FORBIDDEN, "Web pages may not call this.\n").into_response(),
    }
}

/// Returns whether the request has one `Host`, and it is a name of this machine or an IP address.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    let host = host.host().trim_start_matches('[').trim_end_matches(']');
    NAMES.iter().any(|name| host.eq_ignore_ascii_case(name)) || host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn host_is_one_name_of_this_machine_or_an_ip_address() {
        let is_ours = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            names_this_machine(&headers)
        };
        for host in [
            "127.0.0.1:8000",
            "localhost:8000",
            "LocalHost",
            "[::1]:8000",
            "172.17.0.1:8000",
            "host.docker.internal:8000",
        ] {
            assert!(is_ours(&[host]), "{host}");
        }
        for host in [
            "",
            ":8000",
            "localhost.:8000",
            "localhost.example.com:8000",
            "example.com:8000",
            "127.0.0.1.example.com:8000",
            "localhost:8000@example.com",
            "2130706433",
        ] {
            assert!(!is_ours(&[host]), "{host}");
        }
        assert!(!is_ours(&[]));
        assert!(!is_ours(&["localhost:8000", "localhost:8000"]));
    }
}
