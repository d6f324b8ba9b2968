//! The event of a request, as API Gateway makes it (payload format 2.0).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::clock::now;
use postern::random::random;
use serde_json::{Value, json};

use super::route_table::{Chosen, decoded};

/// Makes the event of a request with this route.
pub(super) fn event<T>(parts: &Parts, body: &[u8], peer: SocketAddr, chosen: &Chosen<'_, T>) -> Value {
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.as_str())
            .and_modify(|earlier| *earlier = format!("{earlier},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    let agent = headers.get("user-agent").cloned();
    headers.insert("x-forwarded-for", peer.ip().to_string());
    headers.insert("x-forwarded-proto", "http".to_owned());
    // AWS's guide says that path variables are decoded. The path itself was observed to be decoded too.
    let path = decoded(parts.uri.path());
    let text = std::str::from_utf8(body).ok().filter(|_| is_text(&parts.headers));
    let mut event = json!({
        "version": "2.0",
        "routeKey": chosen.key,
        "rawPath": path,
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "localhost",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": peer.ip().to_string(),
                "userAgent": agent,
            },
            "requestId": hex::encode(random::<8>()),
            "routeKey": chosen.key,
            "stage": "$default",
            "timeEpoch": now().millis(),
        },
        "isBase64Encoded": text.is_none() && !body.is_empty(),
    });
    if !chosen.parameters.is_empty() {
        event["pathParameters"] = json!(chosen.parameters);
    }
    if !body.is_empty() {
        let body = text.map_or_else(|| STANDARD.encode(body), str::to_owned);
        event["body"] = Value::String(body);
    }
    event
}

/// Returns whether API Gateway passes a body of this type on as text. It encodes all others in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}
