//! Tests of key sets and tokens, with the example keys of the RFCs.

mod jwt;
mod key_set;
mod profile;
mod public;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use super::*;
use crate::clock::Timestamp;
use crate::environment::Environment;

/// RFC 7515 A.1.
pub(super) const K: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

/// RFC 7515 A.3.
pub(super) const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

pub(super) const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

pub(super) const EC_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";

/// RFC 8037 A.1.
pub(super) const OKP_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

pub(super) const OKP_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// RFC 7515 A.2, and a token that Node's crypto module signed with it: its claims are [`claims`].
pub(super) const RSA: &str = include_str!("rsa.jwk.json");

pub(super) const RSA_TOKEN: &str = include_str!("rsa.jwt");

/// 1024 bits.
pub(super) const SMALL_RSA: &str = include_str!("small-rsa.jwk.json");

pub(super) const RECOVERY: &str = "cmVjb3ZlcnkgY29kZXMgYXJlIHN0b3JlZCB1bmRlciB0aGlz";

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

pub(super) fn hs256() -> Value {
    json!({"kty": "oct", "k": K})
}

pub(super) fn es256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "d": EC_D, "kid": "ec"})
}

pub(super) fn eddsa() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "d": OKP_D, "x": OKP_X, "kid": "ed"})
}

pub(super) fn rs256() -> Value {
    with(serde_json::from_str(RSA).unwrap(), json!({"kid": "rsa"}))
}

/// Returns the key with these members replaced. `null` removes a member.
pub(super) fn with(mut key: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(key.as_object_mut().unwrap().remove(name)),
            value => key[name] = value.clone(),
        }
    }
    key
}

pub(super) fn set(keys: &[Value]) -> String {
    json!({"keys": keys, "recovery_code_key": RECOVERY}).to_string()
}

pub(super) fn with_peppers(peppers: &Value) -> String {
    json!({"keys": [hs256()], "recovery_code_key": RECOVERY, "password_peppers": peppers}).to_string()
}

pub(super) fn key_set_of(keys: &[Value]) -> KeySet {
    KeySet::parse(&set(keys)).unwrap()
}

pub(super) fn claims() -> Value {
    json!({"sub": "☃", "exp": 1_700_000_001})
}

/// Returns the profile of tokens with this issuer and of this type. An empty text stands for the default.
pub(super) fn profile(issuer: &str, typ: &str) -> JwtProfile {
    let env = Environment::of([("ISSUER", issuer), ("TYPE", typ)]);
    JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE").unwrap()
}

pub(super) fn sign(keys: &KeySet, claims: &Value) -> String {
    keys.sign(&profile("", ""), claims).unwrap()
}

pub(super) fn verify(keys: &KeySet, token: &str) -> Result<Value, TokenError> {
    keys.verify(&profile("", ""), token, NOW)
}

/// Returns a token with this header, signed with the HS256 key even if the header names another algorithm.
pub(super) fn token_with_header(header: &str) -> String {
    token_with(header, &claims())
}

pub(super) fn token_with(header: &str, claims: &Value) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(&claims.to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(K).unwrap());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

pub(super) fn header(token: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}
