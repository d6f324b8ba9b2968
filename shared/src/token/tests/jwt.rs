//! A key set verifies the tokens that it signed, and refuses all others.

use proptest::prelude::*;

use super::*;

#[test]
fn token_verifies_with_its_own_keys_and_no_others() {
    let key_sets = [[hs256()], [es256()], [eddsa()], [rs256()]].map(|keys| key_set_of(&keys));
    for (i, signer) in key_sets.iter().enumerate() {
        let token = sign(signer, &claims());
        for (j, verifier) in key_sets.iter().enumerate() {
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
fn header_names_the_algorithm_and_the_key() {
    for (key, expected) in [
        (hs256(), r#"{"typ":"JWT","alg":"HS256"}"#),
        (with(hs256(), json!({"kid": "h"})), r#"{"typ":"JWT","alg":"HS256","kid":"h"}"#),
        (es256(), r#"{"typ":"JWT","alg":"ES256","kid":"ec"}"#),
        (eddsa(), r#"{"typ":"JWT","alg":"EdDSA","kid":"ed"}"#),
        (rs256(), r#"{"typ":"JWT","alg":"RS256","kid":"rsa"}"#),
    ] {
        assert_eq!(header(&sign(&key_set_of(&[key]), &claims())), expected);
    }
}

/// The example token of RFC 7515 A.1, which has line breaks in its header.
#[test]
fn token_of_rfc_7515_verifies() {
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
                 .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                 .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let claims = json!({"iss": "joe", "exp": 1_300_819_380, "http://example.com/is_root": true});
    let key_set = key_set_of(&[hs256()]);
    let before = Timestamp::from_millis(1_300_819_379_999);
    assert_eq!(key_set.verify(&profile("joe", ""), token, before), Ok(claims));
    assert_eq!(key_set.verify::<Value>(&profile("jane", ""), token, before), Err(TokenError::Invalid));
    assert_eq!(verify(&key_set, token), Err(TokenError::Expired));
}

#[test]
fn rsa_token_of_another_library_verifies() {
    assert_eq!(verify(&key_set_of(&[rs256()]), RSA_TOKEN), Ok(claims()));
}

#[test]
fn first_key_signs_and_all_keys_verify() {
    let all = [es256(), eddsa(), rs256(), with(hs256(), json!({"kid": "h"})), hs256()];
    let mut turned = all.clone();
    turned.rotate_left(1);
    let (old, new) = (key_set_of(&all), key_set_of(&turned));
    assert_eq!(verify(&new, &sign(&old, &claims())), Ok(claims()));
    assert_eq!(verify(&old, &sign(&new, &claims())), Ok(claims()));
    assert_eq!(header(&sign(&new, &claims())), r#"{"typ":"JWT","alg":"EdDSA","kid":"ed"}"#);
    // The tokens of a removed key are invalid.
    assert_eq!(verify(&key_set_of(&all[1..]), &sign(&old, &claims())), Err(TokenError::UnknownKey));
}

#[test]
fn token_without_kid_is_tried_with_every_hs256_key() {
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
        assert_eq!(&verify(&key_set_of(&keys), &token_with_header(header)), expected, "{header} {keys:?}");
    }
}

/// The attack of RFC 8725 §2.1: a token that is signed with the public key as an HMAC key.
#[test]
fn token_signed_with_a_public_key_as_hmac_key_is_invalid() {
    let point =
        [&[4][..], &URL_SAFE_NO_PAD.decode(EC_X).unwrap(), &URL_SAFE_NO_PAD.decode(EC_Y).unwrap()].concat();
    for public in [URL_SAFE_NO_PAD.decode(OKP_X).unwrap(), point] {
        let attacker = key_set_of(&[json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(public), "kid": "ed"})]);
        let token = sign(&attacker, &claims());
        for keys in [vec![eddsa()], vec![eddsa(), es256()], vec![with(es256(), json!({"kid": "ed"}))]] {
            assert_eq!(verify(&key_set_of(&keys), &token), Err(TokenError::Invalid));
        }
    }
}

#[test]
fn token_with_a_critical_extension_is_invalid() {
    let key_set = key_set_of(&[hs256()]);
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]"] {
        let token = token_with_header(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#));
        assert_eq!(verify(&key_set, &token), Err(TokenError::Invalid), "{crit}");
    }
    assert_eq!(verify(&key_set, &token_with_header(r#"{"alg":"HS256","x":1}"#)), Ok(claims()));
}

#[test]
fn token_over_8_kib_is_invalid() {
    let key_set = key_set_of(&[hs256()]);
    let token = |length: usize| sign(&key_set, &with(claims(), json!({"x": "x".repeat(length)})));
    let lengths = (6000..6200).map(token).map(|token| (token.len(), verify(&key_set, &token).is_ok()));
    let (fit, over): (Vec<_>, Vec<_>) = lengths.partition(|(length, _)| *length <= 8192);
    assert!(!fit.is_empty() && fit.iter().all(|(_, good)| *good));
    assert!(!over.is_empty() && over.iter().all(|(_, good)| !good));
}

/// `NOW` is 1,700,000,000.5.
#[test]
fn token_is_valid_only_between_nbf_and_exp() {
    let key_set = key_set_of(&[hs256()]);
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
        let token = sign(&key_set, &with(claims(), members.clone()));
        assert_eq!(verify(&key_set, &token).map(|_| ()), expected, "{members}");
    }
}

/// The type of the claims decides which claims are valid.
#[test]
fn claims_of_another_form_are_invalid() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Claims {
        sub: u64,
    }
    let key_set = key_set_of(&[hs256()]);
    let token = |sub: Value| sign(&key_set, &with(claims(), json!({"sub": sub})));
    let verify = |token: &str| key_set.verify::<Claims>(&profile("", ""), token, NOW);
    assert_eq!(verify(&token(json!(7))), Ok(Claims { sub: 7 }));
    assert_eq!(verify(&token(json!("7"))), Err(TokenError::Invalid));
    assert_eq!(verify(&sign(&key_set, &json!({"exp": 1.8e9}))), Err(TokenError::Invalid));
}

#[test]
fn claims_that_are_no_object_are_invalid() {
    let key_set = key_set_of(&[hs256()]);
    for claims in [json!([1]), json!("x"), json!(null), json!(1_700_000_001)] {
        let token = token_with(r#"{"typ":"JWT","alg":"HS256"}"#, &claims);
        assert_eq!(verify(&key_set, &token), Err(TokenError::Invalid), "{claims}");
    }
    assert_eq!(key_set.sign(&profile("", ""), &json!([1])), Err(SigningFailed));
}

proptest! {
    #[test]
    fn key_set_and_token_parsers_never_panic(text in ".{0,200}", at in 0usize..400, byte in any::<u8>()) {
        let _ = KeySet::parse(&text);
        let _ = KeySet::parse(&format!("{{{text}"));
        let _ = PublicKeySet::parse(&format!("{{{text}"));
        // A valid set and a valid token, each with one byte changed.
        for (good, keys) in [(hs256(), true), (es256(), true), (eddsa(), true), (eddsa(), false), (rs256(), true), (rs256(), false)] {
            let key_set = key_set_of(std::slice::from_ref(&good));
            let mut bytes = if keys { set(&[good]) } else { sign(&key_set, &claims()) }.into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let changed = String::from_utf8_lossy(&bytes);
            if keys {
                let _ = KeySet::parse(&changed);
                let _ = PublicKeySet::parse(&changed);
            } else {
                let _ = verify(&key_set, &changed);
            }
            prop_assert_eq!(verify(&key_set, &text), Err(TokenError::Invalid));
        }
    }
}
