//! Assertions about successful replies.

use postern_tests::deployment::Reply;
use serde_json::{Value, json};

use crate::support::words::headers;

pub(crate) const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// A successful reply with a token, whose members come in this order.
#[track_caller]
pub(crate) fn assert_token_reply(reply: &Reply, order: &[&str]) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers, headers(json!({"pragma": "no-cache"})));
    assert_order(&reply.text, order);
    reply.json()
}

/// The members' names come in this order, and there are no others.
#[track_caller]
pub(crate) fn assert_order(text: &str, order: &[&str]) {
    let places: Vec<_> = order.iter().map(|name| text.find(&format!("\"{name}\":"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{order:?} in {text}");
    assert_eq!(text.matches("\":").count(), order.len(), "{order:?} and no more in {text}");
}

#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no string: {value}"))
}

#[track_caller]
pub(crate) fn assert_alphabet(text: &str, length: usize, alphabet: fn(&u8) -> bool) {
    assert!(text.len() == length && text.as_bytes().iter().all(alphabet), "{text}");
}

pub(crate) fn is_hex(byte: &u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(byte)
}
