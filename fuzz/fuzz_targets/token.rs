//! Verifies tokens with a key set. A token that is valid or expired has the right signature and the
//! right claims, and a valid one has the profile. This target checks all with code of its own.
//!
//! An input is a token, or else a header in the first line and claims in the second, from which a signed
//! token is made.

#![no_main]

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use postern::clock::Timestamp;
use postern::environment::Environment;
use postern::token::{JwtProfile, KeySet, TokenError};
use ring::hmac;
use serde_json::{Map, Value};

const SECRET: &[u8] = b"fuzz: one HS256 key of this ring";
const NAMED_SECRET: &[u8] = b"fuzz: the HS256 key with a name.";
/// 2023-11-14T22:13:20.5Z.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

/// Both HS256 keys, and the keys of RFC 7515 A.3 and RFC 8037 A.1. No input is signed with the latter.
const KEYS: &str = r#"{"keys":[
    {"kty":"oct","k":"ZnV6ejogb25lIEhTMjU2IGtleSBvZiB0aGlzIHJpbmc"},
    {"kty":"oct","kid":"named","k":"ZnV6ejogdGhlIEhTMjU2IGtleSB3aXRoIGEgbmFtZS4"},
    {"kty":"EC","crv":"P-256","kid":"ec","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
     "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"},
    {"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
     "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}],
    "recovery_code_key":"ZnV6ejogcmVjb3ZlcnkgY29kZXMgYXJlIG5vdCB0cmllZA"}"#;

static KEY_SET: LazyLock<KeySet> = LazyLock::new(|| KeySet::parse(KEYS).expect("these are keys"));

/// Without an issuer and an audience, and of the default type.
static PROFILE: LazyLock<JwtProfile> = LazyLock::new(|| {
    let env = Environment::of::<String, String>([]);
    JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE").expect("the default is a type")
});

fuzz_target!(|input: &[u8]| {
    let Ok(input) = str::from_utf8(input) else { return };
    let token = match input.split_once('\n') {
        Some((header, claims)) => signed(header, claims),
        None => input.to_owned(),
    };
    match KEY_SET.verify::<Value>(&PROFILE, &token, NOW) {
        Ok(claims) => {
            assert_eq!(claims, checked_claims(&token), "the claims differ from those that were signed");
            let now = NOW.millis() as f64 / 1000.0;
            assert!(claims["exp"].as_f64().expect("a time") > now, "it has expired");
            // A minute of leeway for other clocks.
            let latest = now + 60.0;
            assert!(claims.get("iss").is_none() && claims.get("aud").is_none(), "it is of another profile");
            assert!(["jwt", "application/jwt"].contains(&typ(&token).as_str()), "it is of another type");
            assert!(claims.get("nbf").is_none_or(|nbf| nbf.as_f64().expect("a time") <= latest), "too early");
        }
        Err(TokenError::Expired) => drop(checked_claims(&token)),
        Err(TokenError::UnknownKey) => assert!(!["named", "ec", "ed"].contains(&kid(&token).as_str())),
        Err(TokenError::Invalid) => {}
    }
});

fn signed(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let secret = if header.contains("named") { NAMED_SECRET } else { SECRET };
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns the header of a token.
fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("a first part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("JSON")
}

/// Returns the key id of a token.
fn kid(token: &str) -> String {
    header(token)["kid"].as_str().expect("a text").to_owned()
}

/// Returns the type of a token in lower case. Without one, it is the default.
fn typ(token: &str) -> String {
    header(token)["typ"].as_str().unwrap_or("jwt").to_ascii_lowercase()
}

/// Checks the header and the signature of a token, and returns its claims.
fn checked_claims(token: &str) -> Value {
    let decode = |part| URL_SAFE_NO_PAD.decode(part).expect("base64url");
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().expect("three parts");
    let message = format!("{header}.{claims}");
    let header: Map<String, Value> = serde_json::from_slice(&decode(header)).expect("an object");
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none_or(Value::is_null));
    let secrets: &[&[u8]] = match header.get("kid") {
        None | Some(Value::Null) => &[SECRET, NAMED_SECRET],
        Some(kid) => {
            assert_eq!(kid, "named");
            &[NAMED_SECRET]
        }
    };
    let verified = secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, message.as_bytes(), &decode(signature)).is_ok()
    });
    assert!(verified, "the signature is wrong");
    serde_json::from_slice(&decode(claims)).expect("claims are JSON")
}
