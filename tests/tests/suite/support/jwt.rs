//! JWTs parsed and made by hand, without the library that the functions use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern::token::SAMPLE_KEYS;
use ring::hmac;
use serde_json::Value;

/// The header as it is, and the claims.
pub(crate) fn parts(token: &str) -> (String, Value) {
    let [header, claims, _] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    (String::from_utf8(decode(header)).unwrap(), serde_json::from_slice(&decode(claims)).unwrap())
}

/// The claims.
pub(crate) fn claims(token: &str) -> Value {
    parts(token).1
}

/// A token with this header and these claims, under the sample key with HMAC-SHA-256 whatever the header says.
pub(crate) fn mint(header: &str, claims: &Value) -> String {
    mint_with(&sample_key(), header, claims)
}

/// A token with this header and these claims, under this key with HMAC-SHA-256.
pub(crate) fn mint_with(key: &[u8], header: &str, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", encode(signature.as_ref()))
}

/// The bytes of the public sample key.
pub(crate) fn sample_key() -> Vec<u8> {
    let keys: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    decode(keys["keys"][0]["k"].as_str().unwrap())
}

/// Base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
