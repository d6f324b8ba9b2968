//! The ring of keys: what it signs it verifies, and what it did not sign it refuses.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value, json};

use super::*;

/// RFC 7515 A.1.
const K: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/// RFC 7515 A.3.
const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const EC_D: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
/// RFC 8037 A.1.
const OKP_D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const OKP_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 7515 A.2, and a token that Node's crypto module signed with it: its claims are [`claims`].
const RSA: &str = include_str!("tests/rsa.jwk.json");
const RSA_TOKEN: &str = include_str!("tests/rsa.jwt");
/// 1024 bits.
const SMALL_RSA: &str = include_str!("tests/small-rsa.jwk.json");
const RECOVERY: &str = "cmVjb3ZlcnkgY29kZXMgYXJlIHN0b3JlZCB1bmRlciB0aGlz";

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_500);

fn hs256() -> Value {
    json!({"kty": "oct", "k": K})
}

fn es256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": EC_X, "y": EC_Y, "d": EC_D, "kid": "ec"})
}

fn eddsa() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "d": OKP_D, "x": OKP_X, "kid": "ed"})
}

fn rs256() -> Value {
    with(serde_json::from_str(RSA).unwrap(), json!({"kid": "rsa"}))
}

/// The key with these members instead of its own; `null` takes one away.
fn with(mut key: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => drop(key.as_object_mut().unwrap().remove(name)),
            value => key[name] = value.clone(),
        }
    }
    key
}

fn set(keys: &[Value]) -> String {
    json!({"keys": keys, "recovery_code_key": RECOVERY}).to_string()
}

fn with_peppers(peppers: &Value) -> String {
    json!({"keys": [hs256()], "recovery_code_key": RECOVERY, "password_peppers": peppers}).to_string()
}

fn ring(keys: &[Value]) -> KeyRing {
    KeyRing::parse(&set(keys)).unwrap()
}

fn claims() -> Value {
    json!({"sub": "☃", "exp": 1_700_000_001})
}

fn verify(ring: &KeyRing, token: &str) -> Result<Value, TokenError> {
    ring.verify(token, NOW)
}

/// A token with this header, whose signature is the HS256 key's whatever the header says.
fn token_with_header(header: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(header), encode(&claims().to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &URL_SAFE_NO_PAD.decode(K).unwrap());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

fn header(token: &str) -> String {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

#[test]
fn what_a_ring_signs_it_verifies_and_no_other_does() {
    let rings = [[hs256()], [es256()], [eddsa()], [rs256()]].map(|keys| ring(&keys));
    for (i, signer) in rings.iter().enumerate() {
        let token = signer.sign(&claims()).unwrap();
        for (j, verifier) in rings.iter().enumerate() {
            let expected = match (i, j) {
                _ if i == j => Ok(claims()),
                // Without a kid it names no key.
                (0, _) => Err(TokenError::Invalid),
                _ => Err(TokenError::UnknownKey),
            };
            assert_eq!(verify(verifier, &token), expected, "{i} {j}");
        }
    }
}

#[test]
fn the_header_names_the_algorithm_and_the_key() {
    for (key, expected) in [
        (hs256(), r#"{"typ":"JWT","alg":"HS256"}"#),
        (with(hs256(), json!({"kid": "h"})), r#"{"typ":"JWT","alg":"HS256","kid":"h"}"#),
        (es256(), r#"{"typ":"JWT","alg":"ES256","kid":"ec"}"#),
        (eddsa(), r#"{"typ":"JWT","alg":"EdDSA","kid":"ed"}"#),
        (rs256(), r#"{"typ":"JWT","alg":"RS256","kid":"rsa"}"#),
    ] {
        assert_eq!(header(&ring(&[key]).sign(&claims()).unwrap()), expected);
    }
}

/// RFC 7515 A.1: a token from elsewhere, with line breaks in its header.
#[test]
fn the_standards_own_token_verifies() {
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
                 .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                 .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let claims = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    let ring = ring(&[hs256()]);
    assert_eq!(ring.verify(token, Timestamp::from_millis(1_300_819_379_999)), Ok(claims));
    assert_eq!(verify(&ring, token), Err(TokenError::Expired));
}

#[test]
fn a_token_that_another_library_signed_with_rsa_verifies() {
    assert_eq!(verify(&ring(&[rs256()]), RSA_TOKEN), Ok(claims()));
}

#[test]
fn the_first_key_signs_and_all_verify() {
    let all = [es256(), eddsa(), rs256(), with(hs256(), json!({"kid": "h"})), hs256()];
    let mut turned = all.clone();
    turned.rotate_left(1);
    let (old, new) = (ring(&all), ring(&turned));
    assert_eq!(verify(&new, &old.sign(&claims()).unwrap()), Ok(claims()));
    assert_eq!(verify(&old, &new.sign(&claims()).unwrap()), Ok(claims()));
    assert_eq!(header(&new.sign(&claims()).unwrap()), r#"{"typ":"JWT","alg":"EdDSA","kid":"ed"}"#);
    // A key that left the ring takes its tokens with it.
    assert_eq!(verify(&ring(&all[1..]), &old.sign(&claims()).unwrap()), Err(TokenError::UnknownKey));
}

#[test]
fn a_kid_chooses_its_key_and_without_one_every_hs256_key_is_tried() {
    let named = with(hs256(), json!({"kid": "h"}));
    let other = json!({"kty": "oct", "k": RECOVERY, "kid": "other"});
    let good = Ok(claims());
    let bad = Err(TokenError::Invalid);
    let unknown = Err(TokenError::UnknownKey);
    for (keys, header, expected) in [
        (vec![named.clone()], r#"{"alg":"HS256","kid":"h"}"#, &good),
        (vec![named.clone()], r#"{"alg":"HS256"}"#, &good),
        (vec![other.clone(), named.clone()], r#"{"alg":"HS256"}"#, &good),
        (vec![es256(), other.clone(), named.clone()], r#"{"alg":"HS256"}"#, &good),
        (vec![other.clone(), named.clone()], r#"{"alg":"HS256","kid":"h"}"#, &good),
        (vec![other.clone(), named.clone()], r#"{"alg":"HS256","kid":"other"}"#, &bad),
        (vec![other, named.clone()], r#"{"alg":"HS256","kid":"H"}"#, &unknown),
        (vec![named.clone()], r#"{"alg":"HS256","kid":""}"#, &unknown),
        (vec![hs256()], r#"{"alg":"HS256","kid":"h"}"#, &unknown),
        // The algorithm is the key's.
        (vec![named.clone()], r#"{"alg":"HS384","kid":"h"}"#, &bad),
        (vec![named.clone()], r#"{"alg":"none","kid":"h"}"#, &bad),
        (vec![named.clone(), es256()], r#"{"alg":"HS256","kid":"ec"}"#, &bad),
        (vec![named, es256()], r#"{"alg":"ES256","kid":"h"}"#, &bad),
    ] {
        assert_eq!(&verify(&ring(&keys), &token_with_header(header)), expected, "{header} {keys:?}");
    }
}

/// The classic confusion (RFC 8725 §2.1): the public key, which everybody has, taken for an HMAC key.
#[test]
fn a_public_key_is_no_hmac_key() {
    let point =
        [&[4][..], &URL_SAFE_NO_PAD.decode(EC_X).unwrap(), &URL_SAFE_NO_PAD.decode(EC_Y).unwrap()].concat();
    for public in [URL_SAFE_NO_PAD.decode(OKP_X).unwrap(), point] {
        let attacker = ring(&[json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(public), "kid": "ed"})]);
        let token = attacker.sign(&claims()).unwrap();
        for keys in [vec![eddsa()], vec![eddsa(), es256()], vec![with(es256(), json!({"kid": "ed"}))]] {
            assert_eq!(verify(&ring(&keys), &token), Err(TokenError::Invalid));
        }
    }
}

#[test]
fn extensions_that_must_be_understood_are_not() {
    let ring = ring(&[hs256()]);
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]"] {
        let token = token_with_header(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#));
        assert_eq!(verify(&ring, &token), Err(TokenError::Invalid), "{crit}");
    }
    assert_eq!(verify(&ring, &token_with_header(r#"{"alg":"HS256","x":1}"#)), Ok(claims()));
}

#[test]
fn a_token_of_more_than_8_kib_is_not_looked_at() {
    let ring = ring(&[hs256()]);
    let token = |length: usize| ring.sign(&with(claims(), json!({"x": "x".repeat(length)}))).unwrap();
    let lengths = (6000..6200).map(token).map(|token| (token.len(), verify(&ring, &token).is_ok()));
    let (fit, over): (Vec<_>, Vec<_>) = lengths.partition(|(length, _)| *length <= 8192);
    assert!(!fit.is_empty() && fit.iter().all(|(_, good)| *good));
    assert!(!over.is_empty() && over.iter().all(|(_, good)| !good));
}

/// `NOW` is 1,700,000,000.5.
#[test]
fn exp_must_lie_ahead_and_nbf_must_not() {
    let ring = ring(&[hs256()]);
    for (members, expected) in [
        (json!({"exp": 1_700_000_001}), Ok(())),
        (json!({"exp": 1_700_000_000.6}), Ok(())),
        (json!({"exp": 1_700_000_000.5}), Err(TokenError::Expired)),
        (json!({"exp": 1_700_000_000}), Err(TokenError::Expired)),
        (json!({"exp": -1}), Err(TokenError::Expired)),
        (json!({"exp": 1e300}), Ok(())),
        (json!({"exp": null}), Err(TokenError::Invalid)),
        (json!({"exp": "1700000001"}), Err(TokenError::Invalid)),
        (json!({"exp": [1_700_000_001]}), Err(TokenError::Invalid)),
        (json!({"nbf": 1_700_000_000.5}), Ok(())),
        (json!({"nbf": 1_700_000_000}), Ok(())),
        (json!({"nbf": 1_700_000_060.5}), Ok(())),
        (json!({"nbf": 1_700_000_061}), Err(TokenError::Invalid)),
        (json!({"nbf": "now"}), Err(TokenError::Invalid)),
        (json!({"nbf": 1_700_000_061, "exp": 1}), Err(TokenError::Invalid)),
    ] {
        let token = ring.sign(&with(claims(), members.clone())).unwrap();
        assert_eq!(verify(&ring, &token).map(|_| ()), expected, "{members}");
    }
}

/// The claims' own type has the last word.
#[test]
fn claims_of_another_form_are_invalid() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Claims {
        sub: u64,
    }
    let ring = ring(&[hs256()]);
    let token = |sub: Value| ring.sign(&with(claims(), json!({"sub": sub}))).unwrap();
    assert_eq!(ring.verify(&token(json!(7)), NOW), Ok(Claims { sub: 7 }));
    assert_eq!(ring.verify::<Claims>(&token(json!("7")), NOW), Err(TokenError::Invalid));
    assert_eq!(
        ring.verify::<Claims>(&ring.sign(&json!({"exp": 1.8e9})).unwrap(), NOW),
        Err(TokenError::Invalid)
    );
}

#[test]
fn each_bad_key_set_is_named_without_key_material() {
    let short = URL_SAFE_NO_PAD.encode([b'k'; 31]);
    let other_half = json!({"x": OKP_X});
    let wrong_dq = rs256()["dq"].as_str().unwrap().replacen("Wa7I9", "Wa6I9", 1);
    for (text, problem) in [
        ("{}".to_owned(), "must be a JWK Set"),
        ("{\"keys\":".to_owned(), "must be a JWK Set"),
        (json!([hs256()]).to_string(), "must be a JWK Set"),
        (json!(set(&[hs256()])).to_string(), "must be a JWK Set"),
        (json!({"keys": "AyM1"}).to_string(), "must be a JWK Set"),
        (set(&[json!({"k": K})]), "must be a JWK Set"),
        (set(&[with(hs256(), json!({"k": 7}))]), "must be a JWK Set"),
        (set(&[]), "must have at least one key"),
        (json!({"keys": [hs256()]}).to_string(), "needs the member recovery_code_key"),
        (
            json!({"keys": [hs256()], "recovery_code_key": short}).to_string(),
            "needs the member recovery_code_key",
        ),
        (
            json!({"keys": [hs256()], "recovery_code_key": "=!"}).to_string(),
            "needs the member recovery_code_key",
        ),
        (
            with_peppers(&json!(["cGVwcGVy"])),
            "has password_peppers that cannot be used: they must be an object",
        ),
        (
            with_peppers(&json!("cGVwcGVy")),
            "has password_peppers that cannot be used: they must be an object",
        ),
        (
            with_peppers(&json!({"LEAKED!": "a"})),
            "has password_peppers that cannot be used: the id of a pepper has 1 to 16 characters",
        ),
        (
            with_peppers(&json!({"a": 7})),
            "has password_peppers that cannot be used: the pepper a must be bytes in base64url",
        ),
        (
            with_peppers(&json!({"a": "+/+/"})),
            "has password_peppers that cannot be used: the pepper a must be bytes in base64url",
        ),
        (
            with_peppers(&json!({"a": ""})),
            "has password_peppers that cannot be used: the pepper a must have 1 to 256 bytes",
        ),
        (
            with_peppers(&json!({"a": URL_SAFE_NO_PAD.encode([b'k'; 257])})),
            "has password_peppers that cannot be used: the pepper a must have 1 to 256 bytes",
        ),
        (
            with_peppers(&(0..9).map(|at| (at.to_string(), json!("cGVwcGVy"))).collect()),
            "has password_peppers that cannot be used: there are more than 8 peppers",
        ),
        (set(&[hs256(), with(hs256(), json!({"k": null}))]), "key 1 needs k in base64url"),
        (set(&[with(hs256(), json!({"k": "+/+/"}))]), "key 0 needs k in base64url"),
        (set(&[with(hs256(), json!({"k": short}))]), "key 0 is an HS256 key of 31 bytes; 32 are the least"),
        (set(&[with(hs256(), json!({"alg": "HS512"}))]), "key 0 has an alg that is not HS256"),
        (set(&[with(es256(), json!({"alg": "RS256"}))]), "key 0 has an alg that is not ES256"),
        (set(&[with(eddsa(), json!({"alg": "ES256"}))]), "key 0 has an alg that is not EdDSA"),
        (set(&[with(es256(), json!({"kid": null}))]), "key 0 needs a kid"),
        (set(&[with(eddsa(), json!({"kid": null}))]), "key 0 needs a kid"),
        (
            set(&[es256(), eddsa(), with(eddsa(), json!({"kid": "ec"}))]),
            "key 2 has the kid of an earlier key",
        ),
        (set(&[with(es256(), json!({"d": null}))]), "key 0 needs d: 32 bytes"),
        (set(&[with(es256(), json!({"x": "AAAA"}))]), "key 0 needs x: 32 bytes"),
        (set(&[with(es256(), json!({"y": null}))]), "key 0 needs y: 32 bytes"),
        (set(&[with(eddsa(), json!({"d": K}))]), "key 0 needs d: 32 bytes"),
        (set(&[with(eddsa(), json!({"x": null}))]), "key 0 needs x: 32 bytes"),
        (set(&[with(es256(), other_half.clone())]), "key 0 is no valid key pair"),
        (set(&[with(es256(), json!({"d": OKP_D}))]), "key 0 is no valid key pair"),
        (set(&[with(eddsa(), json!({"d": EC_D}))]), "key 0 is no valid key pair"),
        (set(&[json!({"kty": "RSA", "n": K, "e": "AQAB", "kid": "r"})]), "key 0 needs n, e, d, p, q"),
        (set(&[with(rs256(), json!({"qi": null}))]), "key 0 needs n, e, d, p, q"),
        (set(&[with(rs256(), json!({"kid": null}))]), "key 0 needs a kid"),
        (set(&[with(rs256(), json!({"alg": "RS512"}))]), "key 0 has an alg that is not RS256"),
        (set(&[with(rs256(), json!({"d": K}))]), "key 0 is no valid key pair"),
        (set(&[with(rs256(), json!({"e": "Aw"}))]), "key 0 is no valid key pair"),
        // Found by fuzzing: it reads well, and cannot sign.
        (set(&[with(rs256(), json!({"dq": wrong_dq}))]), "key 0 is no valid key pair"),
        (
            set(&[with(serde_json::from_str(SMALL_RSA).unwrap(), json!({"kid": "small"}))]),
            "key 0 is no valid key pair; an RSA key has 2048 to 4096 bits",
        ),
        (set(&[with(es256(), json!({"crv": "P-384"}))]), "key 0 must be oct"),
        (set(&[with(eddsa(), json!({"crv": "X25519"}))]), "key 0 must be oct"),
        (set(&[with(hs256(), json!({"kty": "OCT"}))]), "key 0 must be oct"),
        ("k".repeat(31), "is an HS256 key of 31 bytes; 32 are the least"),
        (String::new(), "is an HS256 key of 0 bytes; 32 are the least"),
        (format!(" {} ", "k".repeat(31)), "is an HS256 key of 31 bytes; 32 are the least"),
    ] {
        let error = KeyRing::parse(&text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string();
        assert!(error.starts_with(problem), "{text}: {error}");
        let rsa: Value = serde_json::from_str(RSA).unwrap();
        let rsa = ["n", "d", "p", "q", "dp", "dq", "qi"].map(|part| rsa[part].as_str().unwrap().to_owned());
        for secret in rsa.iter() {
            assert!(!error.contains(secret), "{error}");
        }
        for secret in [K, EC_D, EC_X, OKP_D, OKP_X, RECOVERY, &short, "kkkk", "AyM1", "LEAKED", "cGVwcGVy"] {
            assert!(!error.contains(secret), "{error}");
        }
    }
}

#[test]
fn peppers_are_read_and_never_shown() {
    let peppers = json!({"a": "cGVwcGVy", "old-shop_2": URL_SAFE_NO_PAD.encode([0xff; 256])});
    let ring = KeyRing::parse(&with_peppers(&peppers)).unwrap();
    assert_eq!(ring.peppers.ids().map(ToString::to_string).collect::<Vec<_>>(), ["a", "old-shop_2"]);
    let shown = format!("{:?} {:#?}", ring.peppers, ring.peppers);
    for secret in ["cGVwcGVy", "pepper", "112", "255", "____"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for none in [with_peppers(&Value::Null), with_peppers(&json!({})), set(&[hs256()]), "x".repeat(32)] {
        assert_eq!(KeyRing::parse(&none).unwrap().peppers.ids().count(), 0, "{none}");
    }
}

#[test]
fn what_is_no_json_is_one_hs256_key() {
    for secret in ["x".repeat(32), "☃".repeat(11), format!("\n {} \n", "x".repeat(32))] {
        let plain = KeyRing::parse(&secret).unwrap();
        let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret.trim())});
        let token = plain.sign(&claims()).unwrap();
        assert_eq!(header(&token), r#"{"typ":"JWT","alg":"HS256"}"#);
        assert_eq!(verify(&ring(&[jwk]), &token), Ok(claims()));
        // The recovery codes' key is derived, and not the signing key.
        let derived = plain.recovery.digest(1, "5ca1ab1e");
        assert_ne!(derived, RecoveryKey::new(secret.trim().as_bytes()).digest(1, "5ca1ab1e"));
        assert_eq!(derived, KeyRing::parse(secret.trim()).unwrap().recovery.digest(1, "5ca1ab1e"));
    }
}

/// What the README's command makes of a generated secret: the old tokens verify, the recovery codes stay good.
#[test]
fn a_set_can_take_the_place_of_a_generated_secret() {
    let secret = "x".repeat(64);
    let plain = KeyRing::parse(&secret).unwrap();
    let derived =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"postern recovery codes");
    let set = json!({
        "keys": [{"kty": "oct", "k": URL_SAFE_NO_PAD.encode(&secret)}, {"kty": "oct", "kid": "new", "k": K}],
        "recovery_code_key": URL_SAFE_NO_PAD.encode(derived),
    });
    let set = KeyRing::parse(&set.to_string()).unwrap();
    assert_eq!(verify(&set, &plain.sign(&claims()).unwrap()), Ok(claims()));
    assert_eq!(set.recovery.digest(1, "5ca1ab1e"), plain.recovery.digest(1, "5ca1ab1e"));
}

#[test]
fn a_sample_key_is_known_wherever_it_stands() {
    let sample: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    let sample = sample["keys"][0].clone();
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(sample["k"].as_str().unwrap()).unwrap()).unwrap();
    assert!(KeyRing::parse(SAMPLE_KEYS).unwrap().has_sample_key());
    assert!(KeyRing::parse(&plain).unwrap().has_sample_key());
    assert!(ring(&[es256(), with(sample, json!({"kid": "disguised", "alg": null}))]).has_sample_key());
    let with_recovery =
        |recovery: &Value| json!({"keys": [hs256()], "recovery_code_key": recovery}).to_string();
    let recovery = serde_json::from_str::<Value>(SAMPLE_KEYS).unwrap()["recovery_code_key"].clone();
    assert!(KeyRing::parse(&with_recovery(&recovery)).unwrap().has_sample_key());
    assert!(!ring(&[hs256(), es256(), eddsa()]).has_sample_key());
}

#[test]
fn claims_that_are_no_object_are_not_accepted() {
    let ring = ring(&[hs256()]);
    for claims in [json!([1]), json!("x"), json!(null), json!(1_700_000_001)] {
        let token = ring.sign(&claims).unwrap();
        assert_eq!(verify(&ring, &token), Err(TokenError::Invalid), "{claims}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_ring_panic(text in ".{0,200}", at in 0usize..400, byte in any::<u8>()) {
        let _ = KeyRing::parse(&text);
        let _ = KeyRing::parse(&format!("{{{text}"));
        // A good set and a good token, with one byte changed.
        for (good, keys) in [(hs256(), true), (es256(), true), (eddsa(), true), (eddsa(), false), (rs256(), true), (rs256(), false)] {
            let ring = ring(std::slice::from_ref(&good));
            let mut bytes = if keys { set(&[good]) } else { ring.sign(&claims()).unwrap() }.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8_lossy(&bytes);
            if keys {
                let _ = KeyRing::parse(&changed);
            } else {
                let _ = verify(&ring, &changed);
            }
            prop_assert_eq!(verify(&ring, &text), Err(TokenError::Invalid));
        }
    }
}
