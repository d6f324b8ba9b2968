//! Attacks with the header: the algorithm, the key, and critical extensions.

use ring::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use ring::signature::{
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
};
use serde_json::{Value, json};

use crate::support::forge::{
    KEYS, Key, assert_good_ones_are_accepted, assert_refused, claims, deployment, hmac_key, hmac_with,
    rsa_with, token,
};
use crate::support::jwt::encode;

#[tokio::test]
async fn alg_none_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for alg in ["none", "None", "NONE", "nOnE", "none ", " none", "none\0", "", "null", "plain", "n\u{f6}ne"]
    {
        for kid in [None, Some("hs"), Some("es"), Some("none")] {
            let mut header = json!({"alg": alg, "typ": "JWT"});
            if let Some(kid) = kid {
                header["kid"] = json!(kid);
            }
            let header = header.to_string();
            let unsigned = token(&header, &valid, |_| Vec::new());
            assert_refused(&deployment, &unsigned, &header).await;
            assert_refused(&deployment, unsigned.trim_end_matches('.'), &header).await;
            // With a signature that is valid under another algorithm.
            assert_refused(&deployment, &token(&header, &valid, |m| Key::Hs.sign(m)), &header).await;
            assert_refused(&deployment, &token(&header, &valid, |m| Key::Es.sign(m)), &header).await;
        }
    }
    for header in [r#"{"alg":null}"#, r#"{"typ":"JWT"}"#, r#"{"alg":0,"kid":"hs"}"#, r#"{"alg":["HS256"]}"#] {
        assert_refused(&deployment, &token(header, &valid, |_| Vec::new()), header).await;
        assert_refused(&deployment, &token(header, &valid, |m| Key::Hs.sign(m)), header).await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 8725 §2.1: a public key, used as an HMAC key.
#[tokio::test]
async fn public_key_used_as_an_hmac_key_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for key in [Key::Es, Key::Ed, Key::Rs] {
        for public in key.public_forms() {
            for alg in ["HS256", key.algorithm()] {
                let kids = [json!(key.kid()), json!("hs"), Value::Null];
                for kid in kids {
                    let header = json!({"alg": alg, "kid": kid}).to_string();
                    let forged = token(&header, &valid, |m| hmac_with(HMAC_SHA256, &public, m));
                    assert_refused(&deployment, &forged, &format!("{header} {}", public.escape_ascii()))
                        .await;
                }
            }
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// The signature is valid for the named key, by an algorithm that is not the key's.
#[tokio::test]
async fn algorithm_that_is_not_the_keys_own_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for alg in ["HS384", "HS512", "HS256", "hs256", "HS1", "HMACSHA256"] {
        let header = json!({"alg": alg, "kid": "hs"}).to_string();
        for hash in [HMAC_SHA384, HMAC_SHA512] {
            assert_refused(
                &deployment,
                &token(&header, &valid, |m| hmac_with(hash, &hmac_key(), m)),
                &header,
            )
            .await;
        }
        if alg != "HS256" {
            assert_refused(&deployment, &token(&header, &valid, |m| Key::Hs.sign(m)), &header).await;
        }
    }
    for alg in ["RS384", "RS512", "PS256", "PS384", "RS256"] {
        let header = json!({"alg": alg, "kid": "rs"}).to_string();
        for encoding in
            [&RSA_PKCS1_SHA384 as _, &RSA_PKCS1_SHA512 as _, &RSA_PSS_SHA256 as _, &RSA_PSS_SHA384 as _]
        {
            assert_refused(&deployment, &token(&header, &valid, |m| rsa_with(encoding, m)), &header).await;
        }
    }
    for (key, alg) in [
        (Key::Rs, "RS512"),
        (Key::Rs, "PS256"),
        (Key::Es, "ES384"),
        (Key::Es, "ES512"),
        (Key::Es, "ES256K"),
        (Key::Ed, "Ed25519"),
        (Key::Ed, "Ed448"),
        (Key::Ed, "eddsa"),
    ] {
        let header = json!({"alg": alg, "kid": key.kid()}).to_string();
        assert_refused(&deployment, &token(&header, &valid, |m| key.sign(m)), &header).await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// Header, name and signature of three keys, in every combination.
#[tokio::test]
async fn kid_or_alg_of_one_key_with_the_signature_of_another_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for alg in KEYS {
        for kid in KEYS {
            for signer in KEYS.into_iter().filter(|signer| !(alg == kid && kid == *signer)) {
                let header = json!({"alg": alg.algorithm(), "kid": kid.kid()}).to_string();
                let forged = token(&header, &valid, |m| signer.sign(m));
                assert_refused(&deployment, &forged, &format!("{header} by {signer:?}")).await;
            }
        }
    }
    // Public keys are found by their `kid` only.
    for key in [Key::Es, Key::Ed, Key::Rs] {
        let header = json!({"alg": key.algorithm()}).to_string();
        assert_refused(&deployment, &token(&header, &valid, |m| key.sign(m)), &header).await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn kid_that_is_a_path_a_query_or_no_text_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let kids = [
        json!("../../../../dev/null"),
        json!("/dev/null"),
        json!("/proc/sys/kernel/randomize_va_space"),
        json!("file:///etc/passwd"),
        json!("https://attacker.example/key.pem"),
        json!("' UNION SELECT 'key' -- "),
        json!("hs'; DROP TABLE keys; --"),
        json!("hs|/usr/bin/uname"),
        json!("$(id)"),
        json!("hs\0"),
        json!("hs\n"),
        json!(" hs"),
        json!("HS"),
        json!("h"),
        json!("hs,es"),
        json!("0"),
        json!(""),
        json!("k".repeat(4000)),
        json!(0),
        json!(true),
        json!(["hs"]),
        json!({"kid": "hs"}),
    ];
    for kid in kids {
        let shown: String = kid.to_string().chars().take(40).collect();
        let header = json!({"alg": "HS256", "kid": kid}).to_string();
        // Keys that such a `kid` could lead to, and the real key. An unknown `kid` selects no key.
        for key in [&b""[..], b"\0", b"key", b"2", &[0; 32], &hmac_key()] {
            assert_refused(&deployment, &token(&header, &valid, |m| hmac_with(HMAC_SHA256, key, m)), &shown)
                .await;
        }
    }
    // Without a `kid`, HS256 keys are tried. The attacker's key is none of them.
    let header = r#"{"alg":"HS256","kid":null}"#;
    assert_refused(&deployment, &token(header, &valid, |m| hmac_with(HMAC_SHA256, b"key", m)), header).await;
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 8725 §3.10: the header contains a key, or a URL of one.
#[tokio::test]
async fn header_with_a_key_of_the_attacker_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    let own = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = encode(own.public_key().as_ref());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "ed", "x": x});
    let url = json!("https://attacker.example/.well-known/jwks.json");
    for (member, value) in [
        ("jwk", jwk.clone()),
        ("jwk", json!({"keys": [jwk]})),
        ("jku", url.clone()),
        ("jku", json!("http://127.0.0.1:1/keys")),
        ("x5u", url.clone()),
        ("x5c", json!([encode(own.public_key().as_ref())])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("url", url),
    ] {
        for kid in [None, Some("ed"), Some("attacker")] {
            let mut header = json!({"alg": "EdDSA", member: value});
            if let Some(kid) = kid {
                header["kid"] = json!(kid);
            }
            let header = header.to_string();
            let forged = token(&header, &valid, |m| own.sign(m).as_ref().to_vec());
            assert_refused(&deployment, &forged, &header).await;
        }
    }
    for kid in [json!("hs"), Value::Null] {
        let header =
            json!({"alg": "HS256", "kid": kid, "jwk": {"kty": "oct", "k": encode(b"own")}}).to_string();
        assert_refused(&deployment, &token(&header, &valid, |m| hmac_with(HMAC_SHA256, b"own", m)), &header)
            .await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 7515 §4.1.11: a critical extension that is not understood must be refused, even under a valid signature.
#[tokio::test]
async fn critical_header_extension_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for key in KEYS {
        for crit in [
            json!(["exp"]),
            json!(["b64"]),
            json!(["http://example.com/UNDEFINED"]),
            json!(["alg", "kid"]),
            json!([]),
            json!([1]),
            json!("exp"),
            json!(true),
            json!({}),
        ] {
            let mut header = key.header();
            header["crit"] = crit.clone();
            (header["exp"], header["b64"]) = (json!(1), json!(true));
            let header = header.to_string();
            assert_refused(&deployment, &token(&header, &valid, |m| key.sign(m)), &header).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn header_that_is_malformed_or_has_duplicate_members_is_refused() {
    let deployment = deployment().await;
    let valid = claims(&deployment).to_string();
    for header in [
        "",
        "{}",
        "null",
        "[]",
        r#"["HS256"]"#,
        r#""HS256""#,
        "not json",
        r#"{"alg":"HS256""#,
        r#"{"alg":"HS256"}x"#,
        r#"{"alg":"HS256"}{"alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","kid":"es","kid":"hs"}"#,
        r#"{"alg":"HS256","kid":"hs","kid":"es"}"#,
        "{\"alg\":\"HS256\",\"typ\":\"\u{0}\"",
    ] {
        assert_refused(&deployment, &token(header, &valid, |m| Key::Hs.sign(m)), header).await;
    }
    let deep = format!(r#"{{"alg":"HS256","x":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
    assert_refused(&deployment, &token(&deep, &valid, |m| Key::Hs.sign(m)), "2000 levels").await;
    assert_good_ones_are_accepted(&deployment).await;
}
