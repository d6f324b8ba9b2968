//! Request bodies: JSON and the two kinds of HTML forms. The body's first byte and its Content-Type show
//! which it is.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_util::stream;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use multer::{Constraints, Multipart, SizeLimit};
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::Request;

/// The largest request body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// The forms that a contract reads besides JSON. They are those that the product with this contract reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forms {
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data` too. Files in it are ignored.
    UrlencodedAndMultipart,
}

/// Why a request body cannot be read. The parser's own message is not passed on to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is neither a JSON object nor a form.
    Malformed,
    /// It has more than [`MAX_BODY_BYTES`].
    TooLarge,
    /// It is compressed, or its character set is not UTF-8.
    Unsupported,
}

impl BodyError {
    /// Returns the status of the reply (RFC 9110 §15.5). Contracts differ only in the status for a malformed
    /// body, which is given.
    pub const fn status(self, malformed: StatusCode) -> StatusCode {
        match self {
            Self::Malformed => malformed,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// Reads the members of a request's body: those of a JSON object, or the fields of a form, which are strings.
/// If a member appears twice, the last one counts.
///
/// A body that begins like a JSON object or array is JSON, whatever its Content-Type is: `curl -d` sends JSON
/// as urlencoded. Otherwise the Content-Type counts. Without a known Content-Type, a body with an equals sign
/// is a form.
///
/// # Errors
/// If the body is malformed, too large, compressed, or not in UTF-8.
pub fn members(request: &Request, forms: Forms) -> Result<Map<String, Value>, BodyError> {
    let body = bytes(request)?;
    let content_type = header(request, CONTENT_TYPE);
    let (kind, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    let kind = kind.trim().to_ascii_lowercase();
    match kind.as_str() {
        _ if looks_like_json(body) => json(body),
        "multipart/form-data" if forms == Forms::UrlencodedAndMultipart => multipart(body, content_type),
        "application/x-www-form-urlencoded" => urlencoded(body),
        kind if kind == "application/json" || kind.ends_with("+json") => json(body),
        _ if body.contains(&b'=') => urlencoded(body),
        _ => json(body),
    }
}

/// Returns whether a body is JSON or a multipart form. A route that requires an urlencoded form refuses it.
pub fn is_not_urlencoded(request: &Request) -> bool {
    let kind = header(request, CONTENT_TYPE).to_ascii_lowercase();
    kind.starts_with("multipart/") || looks_like_json(request.body().as_ref())
}

/// Returns the bytes of a body.
///
/// # Errors
/// If the body is too large or compressed, or if its Content-Type names another character set than UTF-8.
pub(super) fn bytes(request: &Request) -> Result<&[u8], BodyError> {
    let body = request.body().as_ref();
    if body.len() > MAX_BODY_BYTES {
        return Err(BodyError::TooLarge);
    }
    let encoding = header(request, CONTENT_ENCODING).trim();
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(BodyError::Unsupported);
    }
    let parameters = header(request, CONTENT_TYPE).split(';').skip(1);
    let charset = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    let known = ["utf-8", "utf8", "us-ascii"];
    match charset {
        Some(charset) if !known.iter().any(|known| charset.eq_ignore_ascii_case(known)) => {
            Err(BodyError::Unsupported)
        }
        _ => Ok(body),
    }
}

fn header(request: &Request, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Returns the body without a byte order mark, which some tools put before UTF-8.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(without_mark(body).trim_ascii_start().first(), Some(b'{' | b'['))
}

fn json(body: &[u8]) -> Result<Map<String, Value>, BodyError> {
    serde_json::from_slice(without_mark(body)).map_err(|_| BodyError::Malformed)
}

/// Reads the fields of a form (WHATWG URL §5.1). Each must be in UTF-8.
fn urlencoded(body: &[u8]) -> Result<Map<String, Value>, BodyError> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(end);
            Ok((decode(name)?, Value::String(decode(value.get(1..).unwrap_or_default())?)))
        })
        .collect()
}

/// Decodes a name or a value of a form.
pub(super) fn decode(part: &[u8]) -> Result<String, BodyError> {
    let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).map_err(|_| BodyError::Malformed)
}

/// Reads the fields of a multipart form (RFC 7578). Files in it are ignored.
fn multipart(body: &[u8], content_type: &str) -> Result<Map<String, Value>, BodyError> {
    let boundary = multer::parse_boundary(content_type).map_err(|_| BodyError::Malformed)?;
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(MAX_BODY_BYTES as u64));
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body.to_vec())]);
    let read = pin!(async {
        let mut parts = Multipart::with_constraints(whole, boundary, limits);
        let mut fields = Vec::new();
        while let Some(part) = parts.next_field().await? {
            let name = part.name().filter(|_| part.file_name().is_none()).map(str::to_owned);
            let bytes = part.bytes().await?;
            if let Some(name) = name {
                fields.push((name, bytes.to_vec()));
            }
        }
        Ok::<_, multer::Error>(fields)
    });
    // The whole body is in memory, so one poll completes.
    let Poll::Ready(Ok(fields)) = read.poll(&mut Context::from_waker(Waker::noop())) else {
        return Err(BodyError::Malformed);
    };
    let text = |bytes| String::from_utf8(bytes).map_err(|_| BodyError::Malformed);
    fields.into_iter().map(|(name, bytes)| Ok((name, Value::String(text(bytes)?)))).collect()
}

#[cfg(test)]
mod tests;
