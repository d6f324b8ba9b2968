//! The edge in front of the API, if there is one: CloudFront, as `edge.yaml` creates it.
//!
//! The edge sends a secret with each request. A request with the secret has its caller's address in
//! `CloudFront-Viewer-Address`, because the address that API Gateway sees is one of CloudFront. A request without
//! the secret did not come through the edge. It is refused, unless `EDGE_OPTIONAL` is set, which is for the time
//! in which clients move to the edge. Then it is handled as if there were no edge, and
//! `CloudFront-Viewer-Address` is not read.

use std::net::IpAddr;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{HeaderMap, HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};
use subtle::{Choice, ConstantTimeEq};

use super::reply::{Response, json, set_request_id};
use crate::environment::{ConfigError, Environment};

const DIGESTS: &str = "EDGE_SECRET_SHA256";
const OPTIONAL: &str = "EDGE_OPTIONAL";

/// The header in which the edge sends its secret.
const SECRET: HeaderName = HeaderName::from_static("x-postern-edge");

/// The header in which CloudFront sends the address and the port of its viewer.
const VIEWER_ADDRESS: HeaderName = HeaderName::from_static("cloudfront-viewer-address");

/// The most digests. Two are enough to replace a secret while requests go on.
const MAX_DIGESTS: usize = 2;

/// The fewest bytes of a secret. A shorter one was not made at random: for example, it is the empty text of a
/// variable that was not set. `edge.yaml` takes 64 hexadecimal digits.
const MIN_SECRET_BYTES: usize = 32;

/// The settings of the edge. By default there is no edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The SHA-256 digests of the secrets that the edge may send. A digest is not secret: nobody can compute 256
    /// random bits from their digest.
    digests: Vec<[u8; 32]>,
    /// Whether all requests have to come through the edge.
    is_required: bool,
}

impl Edge {
    /// Reads `EDGE_SECRET_SHA256` (no digest, or one or two, in hexadecimal, separated by a comma) and
    /// `EDGE_OPTIONAL`. Without a digest there is no edge.
    ///
    /// # Errors
    /// If one of them is anything else, or a digest is that of the empty text.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let is_required = !env.flag(OPTIONAL)?;
        let Some(value) = env.optional(DIGESTS) else { return Ok(Self::default()) };
        let digests: Option<Vec<_>> = value.split(',').map(decode).collect();
        let digests = digests.filter(|digests| digests.len() <= MAX_DIGESTS).ok_or_else(|| {
            ConfigError::new(
                DIGESTS,
                "must be one or two SHA-256 digests in hexadecimal, with a comma between",
            )
        })?;
        let empty = digest(&SHA256, b"");
        if digests.iter().any(|digest| digest == empty.as_ref()) {
            return Err(ConfigError::new(
                DIGESTS,
                "has the digest of the empty text: the secret was not set when its digest was made",
            ));
        }
        Ok(Self { digests, is_required })
    }

    /// Returns whether a request may be handled. If it came through the edge, the address of the event's
    /// caller becomes that of the edge's viewer. The secret is removed from the event, so that no later code
    /// can show it.
    pub(super) fn admit(&self, event: &mut ApiGatewayV2httpRequest) -> bool {
        let has_secret = only_value(&event.headers, &SECRET).is_some_and(|value| self.knows(value));
        event.headers.remove(SECRET);
        if !has_secret {
            // A refusal is not logged here: anybody can cause it, and the access log of the API shows it.
            return !self.is_required;
        }
        let Some(address) = only_value(&event.headers, &VIEWER_ADDRESS).and_then(address) else {
            tracing::error!("the edge sends no valid CloudFront-Viewer-Address; the request is refused");
            return false;
        };
        event.request_context.http.source_ip = Some(address.to_string());
        true
    }

    /// Compares a secret with all digests in a time that does not depend on either, unless it is too short.
    fn knows(&self, secret: &HeaderValue) -> bool {
        if secret.len() < MIN_SECRET_BYTES {
            return false;
        }
        let presented = digest(&SHA256, secret.as_bytes());
        let none = Choice::from(0);
        self.digests.iter().fold(none, |known, digest| known | digest.ct_eq(presented.as_ref())).into()
    }
}

/// Makes the reply to a request that did not come through the edge. It is API Gateway's own reply to a caller
/// who is not authorized.
pub(super) fn forbidden(request_id: &str) -> Response {
    set_request_id(json(StatusCode::FORBIDDEN, &serde_json::json!({"message": "Forbidden"})), request_id)
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// Returns the value of a header that was sent once. API Gateway joins repeated headers with a comma ("Working
/// with AWS Lambda proxy integrations for HTTP APIs"), and such a value is neither a secret nor an address.
fn only_value<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Reads an address and a port, such as `198.51.100.10:46532`. AWS's pages show no IPv6 address here.
/// CloudFront is known to send it without brackets, and brackets are accepted too.
fn address(value: &HeaderValue) -> Option<IpAddr> {
    let (address, port) = value.to_str().ok()?.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    match address.strip_prefix('[').and_then(|address| address.strip_suffix(']')) {
        Some(address) => address.parse().ok().map(IpAddr::V6),
        None => address.parse().ok(),
    }
    .filter(|_| is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_TEXT: &str = "0123456789abcdef0123456789abcdef";
    const OTHER_TEXT: &str = "fedcba9876543210fedcba9876543210";

    /// The digest of `SECRET_TEXT`, as `sha256sum` prints it.
    const DIGEST: &str = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";

    fn digest_of(secret: &str) -> String {
        hex::encode(digest(&SHA256, secret.as_bytes()).as_ref())
    }

    #[test]
    fn setting_other_than_one_or_two_digests_is_an_error_that_names_it() {
        let read = |value: &str| Edge::from_env(&Environment::of([(DIGESTS, value)]));
        assert_eq!(Edge::from_env(&Environment::of::<&str, &str>([])).unwrap(), Edge::default());
        assert_eq!(read("").unwrap(), Edge::default());
        assert_eq!(read(DIGEST).unwrap().digests.len(), 1);
        assert_eq!(read(&format!("{DIGEST},{DIGEST}")).unwrap().digests.len(), 2);
        for value in [
            "foo",
            ",",
            &DIGEST[2..],
            &format!("{DIGEST}00"),
            &format!("{DIGEST},"),
            &format!(",{DIGEST}"),
            &format!("{DIGEST} {DIGEST}"),
            &format!("{DIGEST}, {DIGEST}"),
            &format!("{DIGEST},{DIGEST},{DIGEST}"),
            &digest_of(""),
            &digest_of("").to_uppercase(),
            &format!("{DIGEST},{}", digest_of("")),
        ] {
            let error = read(value).unwrap_err();
            assert_eq!(error.variable, "EDGE_SECRET_SHA256", "{value}");
            assert!(!error.to_string().contains(value) || value == ",", "{error}");
        }
        for digests in ["", DIGEST] {
            let env = Environment::of([(DIGESTS, digests), (OPTIONAL, "perhaps")]);
            assert_eq!(Edge::from_env(&env).unwrap_err().variable, "EDGE_OPTIONAL");
        }
    }

    fn knows(digests: &str, secret: &str) -> bool {
        let edge = Edge::from_env(&Environment::of([(DIGESTS, digests)])).unwrap();
        edge.knows(&HeaderValue::from_str(secret).unwrap())
    }

    #[test]
    fn secret_is_known_by_any_of_its_digests() {
        let other = digest_of(OTHER_TEXT);
        assert!(knows(DIGEST, SECRET_TEXT) && knows(&other, OTHER_TEXT));
        for both in [format!("{DIGEST},{other}"), format!("{other},{DIGEST}")] {
            assert!(knows(&both, SECRET_TEXT) && knows(&both, OTHER_TEXT));
            assert!(!knows(&both, &"0".repeat(32)));
        }
        let twice = format!("{SECRET_TEXT},{SECRET_TEXT}");
        let padded = format!("{SECRET_TEXT} ");
        for wrong in ["", OTHER_TEXT, &SECRET_TEXT.to_uppercase(), &padded, &twice, DIGEST] {
            assert!(!knows(DIGEST, wrong), "{wrong}");
        }
        for secret in ["", SECRET_TEXT] {
            assert!(!Edge::default().knows(&HeaderValue::from_static(secret)));
        }
    }

    /// The digest of a short text admits nobody, not even a caller who sends the text.
    #[test]
    fn secret_of_fewer_than_32_bytes_is_not_known() {
        for (length, is_known) in [(1, false), (31, false), (32, true), (64, true)] {
            let secret = "5".repeat(length);
            assert_eq!(knows(&digest_of(&secret), &secret), is_known, "{length}");
        }
        let edge = Edge { digests: vec![decode(&digest_of("")).unwrap()], is_required: true };
        assert!(!edge.knows(&HeaderValue::from_static("")));
    }

    #[test]
    fn event_has_no_secret_after_it_was_admitted_or_refused() {
        let both = [(DIGESTS, DIGEST), (OPTIONAL, "true")];
        for (settings, secret, admitted, address) in [
            (&both[..1], SECRET_TEXT, true, "198.51.100.10"),
            (&both[..1], OTHER_TEXT, false, "192.0.2.1"),
            (&both, SECRET_TEXT, true, "198.51.100.10"),
            (&both, OTHER_TEXT, true, "192.0.2.1"),
            (&[], SECRET_TEXT, true, "192.0.2.1"),
        ] {
            let mut event = ApiGatewayV2httpRequest::default();
            event.request_context.http.source_ip = Some("192.0.2.1".to_owned());
            event.headers.insert(SECRET, HeaderValue::from_static(secret));
            event.headers.insert(VIEWER_ADDRESS, HeaderValue::from_static("198.51.100.10:46532"));
            let edge = Edge::from_env(&Environment::of(settings.iter().copied())).unwrap();
            assert_eq!(edge.admit(&mut event), admitted, "{settings:?} {secret}");
            assert!(!event.headers.contains_key(SECRET), "{settings:?} {secret}");
            assert_eq!(
                event.request_context.http.source_ip.as_deref(),
                Some(address),
                "{settings:?} {secret}"
            );
        }
    }

    #[test]
    fn address_is_read_from_an_address_with_a_port_and_nothing_else() {
        let read = |text: &'static str| address(&HeaderValue::from_static(text)).map(|ip| ip.to_string());
        for (text, address) in [
            ("198.51.100.10:46532", "198.51.100.10"),
            ("198.51.100.10:0", "198.51.100.10"),
            ("2001:db8::1:46532", "2001:db8::1"),
            ("[2001:db8::1]:46532", "2001:db8::1"),
            ("2001:db8:0:1:2:3:4:5:443", "2001:db8:0:1:2:3:4:5"),
            ("::1:443", "::1"),
        ] {
            assert_eq!(read(text).as_deref(), Some(address), "{text}");
        }
        for malformed in [
            "",
            ":",
            ":443",
            "198.51.100.10",
            "198.51.100.10:",
            "198.51.100.10:65536",
            "198.51.100.10:+1",
            "198.51.100.10:443,198.51.100.11:443",
            " 198.51.100.10:443",
            "198.51.100.256:443",
            "[198.51.100.10]:443",
            "[2001:db8::1:443",
            "2001:db8:0:1:2:3:4:5",
            "example.com:443",
        ] {
            assert_eq!(read(malformed), None, "{malformed}");
        }
    }
}
