//! Attacks on the signature itself.

use postern_tests::deployment::credentials;
use serde_json::json;

use crate::support::forge::{
    KEYS, Key, assert_accepted, assert_good_ones_are_accepted, assert_refused, claims, decode, deployment,
    der, hmac_with, signed, split, token, unhex,
};
use crate::support::jwt::encode;

/// Every character of a token counts. The last one of each part may hold bits beyond the last byte, and those must be
/// zero.
#[tokio::test]
async fn token_that_was_tampered_with_is_refused() {
    let deployment = deployment().await;
    let reply =
        deployment.sign_in("account", credentials("account", "johndoe", "SecurePass123!")).await.json();
    let accounts = reply["token"]["access_token"].as_str().unwrap().to_owned();
    let tokens = [accounts, signed(Key::Es, &claims(&deployment)), signed(Key::Ed, &claims(&deployment))];
    for token in tokens {
        for at in (0..token.len()).filter(|at| token.as_bytes()[*at] != b'.') {
            let mut tampered = token.clone().into_bytes();
            // The next character. At the end of a part it may change only the unused bits.
            tampered[at] = match tampered[at] {
                b'Z' => b'a',
                b'z' => b'0',
                b'9' => b'-',
                b'-' => b'_',
                b'_' => b'A',
                digit => digit + 1,
            };
            let tampered = String::from_utf8(tampered).unwrap();
            assert_refused(&deployment, &tampered, &format!("byte {at} of {token}")).await;
        }
        assert_accepted(&deployment, &token, "untouched").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn signature_of_another_token_is_refused() {
    let deployment = deployment().await;
    let mut others = claims(&deployment);
    others["user_id"] = json!(14);
    for key in KEYS {
        let (own, other) = (signed(key, &claims(&deployment)), signed(key, &others));
        let ([header, own_claims, signature], [_, other_claims, other_signature]) =
            (split(&own), split(&other));
        for forged in [
            format!("{header}.{other_claims}.{signature}"),
            format!("{header}.{own_claims}.{other_signature}"),
            // The signature of the same claims under another key.
            format!("{header}.{own_claims}.{}", split(&signed(next(key), &claims(&deployment)))[2]),
        ] {
            assert_refused(&deployment, &forged, &format!("{key:?}")).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

fn next(key: Key) -> Key {
    let at = KEYS.iter().position(|other| *other == key).unwrap();
    KEYS[(at + 1) % KEYS.len()]
}

#[tokio::test]
async fn signature_that_is_stripped_cut_or_padded_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        let valid = signed(key, &claims(&deployment));
        let (message, signature) = valid.rsplit_once('.').unwrap();
        let bytes = decode(signature);
        assert_refused(&deployment, message, "no third part").await;
        for (of, forged) in [
            ("empty", Vec::new()),
            ("one byte", bytes[..1].to_vec()),
            ("cut at the end", bytes[..bytes.len() - 1].to_vec()),
            ("cut at the beginning", bytes[1..].to_vec()),
            ("half", bytes[..bytes.len() / 2].to_vec()),
            ("a zero before", [&[0][..], &bytes].concat()),
            ("a zero behind", [&bytes[..], &[0]].concat()),
            ("twice", [&bytes[..], &bytes].concat()),
            ("backwards", bytes.iter().rev().copied().collect()),
        ] {
            assert_refused(&deployment, &format!("{message}.{}", encode(&forged)), &format!("{key:?} {of}"))
                .await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// CVE-2022-21449: r and s are zero, or the order of the curve, which counts as zero.
#[tokio::test]
async fn ecdsa_signature_of_zeros_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let order = unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (zero, one) = (vec![0; 32], [vec![0; 31], vec![1]].concat());
    let numbers = [&zero, &one, &order, &vec![255; 32]];
    for r in numbers {
        for s in numbers {
            let header = Key::Es.header().to_string();
            let forged = token(&header, &valid, |_| [&r[..], s].concat());
            assert_refused(&deployment, &forged, &format!("{r:?} {s:?}")).await;
        }
    }
    for key in KEYS {
        for signature in
            [vec![0; 64], vec![0; 256], vec![0; 32], one.clone(), [vec![0; 255], vec![1]].concat()]
        {
            let forged = token(&key.header().to_string(), &valid, |_| signature);
            assert_refused(&deployment, &forged, &format!("{key:?}")).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 7518 §3.4: the signature is r followed by s, and has no other form.
#[tokio::test]
async fn ecdsa_signature_in_der_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let number = |bytes: &[u8]| {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap();
        let padding = if bytes[start] > 127 { &[0][..] } else { &[] };
        der(2, &[padding, &bytes[start..]].concat())
    };
    for _ in 0..5 {
        let in_der = token(&Key::Es.header().to_string(), &valid, |message| {
            let fixed = Key::Es.sign(message);
            der(0x30, &[number(&fixed[..32]), number(&fixed[32..])].concat())
        });
        assert_refused(&deployment, &in_der, "DER").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 8032 §5.1.7: an s beyond the order of the group would give a second valid signature.
#[tokio::test]
async fn ed25519_signature_that_is_malleated_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let forged = token(&Key::Ed.header().to_string(), &valid, |message| {
        let mut signature = Key::Ed.sign(message);
        let mut carry = 0;
        for (byte, more) in signature[32..].iter_mut().zip(&order) {
            let sum = u16::from(*byte) + u16::from(*more) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0);
        signature
    });
    assert_refused(&deployment, &forged, "s + L").await;
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn signature_by_a_guessable_key_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let sample = crate::support::jwt::sample_key();
    let key = crate::support::forge::hmac_key();
    for (of, guess) in [
        ("empty", &b""[..]),
        ("secret", b"secret"),
        ("zeros", &[0; 64]),
        ("the sample key", &sample),
        ("the key's text", encode(&key).as_bytes()),
        ("the key cut short", &key[1..]),
        ("a TOTP secret", postern_local::demo::TOTP_SECRET.as_bytes()),
        ("the recovery codes' key", &[9; 32]),
    ] {
        for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"HS256","kid":"hs"}"#] {
            let forged = token(header, &valid, |m| hmac_with(ring::hmac::HMAC_SHA256, guess, m));
            assert_refused(&deployment, &forged, of).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}
