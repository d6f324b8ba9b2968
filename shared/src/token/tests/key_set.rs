//! Key sets that are valid, and the errors for malformed ones.

use super::*;
use crate::second_factor::RecoveryKey;

#[test]
fn malformed_key_set_is_an_error_without_key_material() {
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
        (set(&[with(hs256(), json!({"alg": "HS512"}))]), "key 0 has an alg other than HS256"),
        (set(&[with(es256(), json!({"alg": "RS256"}))]), "key 0 has an alg other than ES256"),
        (set(&[with(eddsa(), json!({"alg": "ES256"}))]), "key 0 has an alg other than EdDSA"),
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
        (set(&[with(rs256(), json!({"alg": "RS512"}))]), "key 0 has an alg other than RS256"),
        (set(&[with(rs256(), json!({"d": K}))]), "key 0 is no valid key pair"),
        (set(&[with(rs256(), json!({"e": "Aw"}))]), "key 0 is no valid key pair"),
        // Found by fuzzing: this key can be read, but it cannot sign.
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
        let error = KeySet::parse(&text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string();
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
    let key_set = KeySet::parse(&with_peppers(&peppers)).unwrap();
    assert_eq!(key_set.peppers.ids().map(ToString::to_string).collect::<Vec<_>>(), ["a", "old-shop_2"]);
    let shown = format!("{:?} {:#?}", key_set.peppers, key_set.peppers);
    for secret in ["cGVwcGVy", "pepper", "112", "255", "____"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for none in [with_peppers(&Value::Null), with_peppers(&json!({})), set(&[hs256()]), "x".repeat(32)] {
        assert_eq!(KeySet::parse(&none).unwrap().peppers.ids().count(), 0, "{none}");
    }
}

#[test]
fn text_that_is_no_json_is_one_hs256_key() {
    for secret in ["x".repeat(32), "☃".repeat(11), format!("\n {} \n", "x".repeat(32))] {
        let plain = KeySet::parse(&secret).unwrap();
        let jwk = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret.trim())});
        let token = sign(&plain, &claims());
        assert_eq!(header(&token), r#"{"typ":"JWT","alg":"HS256"}"#);
        assert_eq!(verify(&key_set_of(&[jwk]), &token), Ok(claims()));
        // The key of the recovery codes is derived from the signing key, and differs from it.
        let derived = plain.recovery.digest(1, "5ca1ab1e");
        assert_ne!(derived, RecoveryKey::new(secret.trim().as_bytes()).digest(1, "5ca1ab1e"));
        assert_eq!(derived, KeySet::parse(secret.trim()).unwrap().recovery.digest(1, "5ca1ab1e"));
    }
}

/// `postern keys rotate` makes such a set from a generated secret.
#[test]
fn set_with_a_generated_secret_keeps_its_tokens_and_recovery_codes() {
    let secret = "x".repeat(64);
    let plain = KeySet::parse(&secret).unwrap();
    let derived =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), b"postern recovery codes");
    let set = json!({
        "keys": [{"kty": "oct", "k": URL_SAFE_NO_PAD.encode(&secret)}, {"kty": "oct", "kid": "new", "k": K}],
        "recovery_code_key": URL_SAFE_NO_PAD.encode(derived),
    });
    let set = KeySet::parse(&set.to_string()).unwrap();
    assert_eq!(verify(&set, &sign(&plain, &claims())), Ok(claims()));
    assert_eq!(set.recovery.digest(1, "5ca1ab1e"), plain.recovery.digest(1, "5ca1ab1e"));
}

#[test]
fn sample_key_is_recognised_in_any_place() {
    let sample: Value = serde_json::from_str(SAMPLE_KEYS).unwrap();
    let sample = sample["keys"][0].clone();
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(sample["k"].as_str().unwrap()).unwrap()).unwrap();
    assert!(KeySet::parse(SAMPLE_KEYS).unwrap().has_sample_key());
    assert!(KeySet::parse(&plain).unwrap().has_sample_key());
    assert!(key_set_of(&[es256(), with(sample, json!({"kid": "disguised", "alg": null}))]).has_sample_key());
    let with_recovery =
        |recovery: &Value| json!({"keys": [hs256()], "recovery_code_key": recovery}).to_string();
    let recovery = serde_json::from_str::<Value>(SAMPLE_KEYS).unwrap()["recovery_code_key"].clone();
    assert!(KeySet::parse(&with_recovery(&recovery)).unwrap().has_sample_key());
    assert!(!key_set_of(&[hs256(), es256(), eddsa()]).has_sample_key());
}
