//! Attacks with the structure of a token: its size, its parts, and the text between and around them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use crate::support::forge::{
    KEYS, Key, assert_accepted, assert_good_ones_are_accepted, assert_refused, claims, decode, deployment,
    signed, split, token,
};
use crate::support::jwt::encode;
use crate::support::words::{Refused, assert_reply, words};

/// A token has at most 8 KiB: a caller must not choose how much is hashed.
#[tokio::test]
async fn token_that_is_huge_is_refused() {
    let deployment = deployment().await;
    let of_length = |filling: usize| {
        let mut claims = claims(&deployment);
        claims["x"] = json!("x".repeat(filling));
        signed(Key::Hs, &claims)
    };
    // Base64 skips one length in four. The claims are long enough to reach the others exactly.
    let fits =
        (5_500..6_200).map(of_length).filter(|token| token.len() <= 8192).max_by_key(String::len).unwrap();
    assert!(fits.len() > 8190);
    assert_accepted(&deployment, &fits, "as large as it may be").await;
    let over = (5_500..6_200).map(of_length).find(|token| token.len() > 8192).unwrap();
    assert_refused(&deployment, &over, "a little larger").await;
    assert_refused(&deployment, &of_length(1_000_000), "a megabyte").await;
    for text in ["x".repeat(100_000), ".".repeat(100_000), "eyJ".repeat(30_000) + "..", "A.".repeat(4_000)] {
        assert_refused(&deployment, &text, &text[..10]).await;
    }
    for key in KEYS {
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(2000), "]".repeat(2000));
        let deep = token(&key.header().to_string(), &deep, |m| key.sign(m));
        assert_refused(&deployment, &deep, "2000 levels").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

#[tokio::test]
async fn token_of_other_than_three_parts_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        let valid = signed(key, &claims(&deployment));
        let [header, claims, signature] = split(&valid);
        for forged in [
            header.to_owned(),
            format!("{header}."),
            format!("{header}.."),
            format!("{header}.{claims}"),
            format!("{header}.{claims}."),
            format!(".{claims}.{signature}"),
            format!(".{valid}"),
            format!("{valid}."),
            format!("{valid}.x"),
            format!("{valid}.{signature}"),
            format!("{valid}.."),
            format!("{header}.{valid}"),
            format!("{valid}.{valid}"),
            format!("{header}.{claims}..{signature}"),
            format!("{claims}.{header}.{signature}"),
            "..".to_owned(),
            "....".to_owned(),
        ] {
            assert_refused(&deployment, &forged, &format!("{key:?} {forged}")).await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// Five parts, as in JWE (RFC 7516 §3.1), and a token as the claims of another (nested).
#[tokio::test]
async fn token_that_is_encrypted_or_nested_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        let valid = signed(key, &claims(&deployment));
        for header in [
            json!({"alg": "dir", "enc": "A256GCM", "kid": key.kid()}),
            json!({"alg": "RSA-OAEP", "enc": "A128CBC-HS256", "kid": key.kid()}),
            json!({"alg": "none", "enc": "none"}),
            json!({"alg": key.algorithm(), "enc": "A256GCM", "kid": key.kid()}),
        ] {
            let [head, claims, signature] = split(&valid);
            let outer = encode(header.to_string().as_bytes());
            for forged in [
                format!("{outer}..AAAAAAAAAAAAAAAA.{claims}.{signature}"),
                format!("{outer}.{head}.{claims}.{signature}.{signature}"),
                format!("{head}.{claims}.{signature}.{claims}.{signature}"),
            ] {
                assert_refused(&deployment, &forged, &header.to_string()).await;
            }
        }
        let mut header = key.header();
        header["cty"] = json!("JWT");
        for nested in [
            valid.clone(),
            format!("\"{valid}\""),
            json!({"jwt": valid}).to_string(),
            json!([valid]).to_string(),
        ] {
            assert_refused(&deployment, &token(&header.to_string(), &nested, |m| key.sign(m)), "nested")
                .await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// RFC 7515 appendix F and RFC 7797: the claims are detached, or not encoded.
#[tokio::test]
async fn token_with_detached_or_bare_claims_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        let valid = signed(key, &claims(&deployment));
        let [header, _, signature] = split(&valid);
        assert_refused(&deployment, &format!("{header}..{signature}"), "detached").await;
        let empty = token(&key.header().to_string(), "", |m| key.sign(m));
        assert_refused(&deployment, &empty, "signed over nothing").await;
        for crit in [true, false] {
            let mut header = key.header();
            header["b64"] = json!(false);
            if crit {
                header["crit"] = json!(["b64"]);
            }
            let head = encode(header.to_string().as_bytes());
            let message = format!("{head}.{}", claims(&deployment));
            let signature = encode(&key.sign(message.as_bytes()));
            assert_refused(&deployment, &format!("{message}.{signature}"), "bare").await;
            assert_refused(&deployment, &format!("{head}..{signature}"), "bare and detached").await;
        }
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// A token has one form. A list of revoked tokens, kept by their text, must not be evaded by another form.
#[tokio::test]
async fn token_with_white_space_padding_or_another_alphabet_is_refused() {
    let deployment = deployment().await;
    for key in KEYS {
        // With characters that differ between the two alphabets of base64.
        let valid = (0..100)
            .map(|at| {
                let mut claims = claims(&deployment);
                claims["jti"] = json!(format!("??>>{at}"));
                signed(key, &claims)
            })
            .find(|token| split(token)[1].contains(['-', '_']) && split(token)[2].contains(['-', '_']))
            .unwrap();
        let [header, claims, signature] = split(&valid);
        let in_standard = |part: &str| STANDARD.encode(decode(part)).trim_end_matches('=').to_owned();
        for (of, forged) in [
            ("claims in the other alphabet", format!("{header}.{}.{signature}", in_standard(claims))),
            ("signature in the other alphabet", format!("{header}.{claims}.{}", in_standard(signature))),
            ("= after the header", format!("{header}=.{claims}.{signature}")),
            ("== after the claims", format!("{header}.{claims}==.{signature}")),
            ("= after the signature", format!("{valid}=")),
            ("padded", [header, claims, signature].map(|part| URL_SAFE.encode(decode(part))).join(".") + "="),
            ("a space before the dot", format!("{header} .{claims}.{signature}")),
            ("a space after the dot", format!("{header}. {claims}.{signature}")),
            ("a tab", format!("{header}.\t{claims}.{signature}")),
            ("a space in the claims", format!("{header}.{} {}.{signature}", &claims[..4], &claims[4..])),
            ("%2E", valid.replace('.', "%2E")),
            ("%20", format!("{valid}%20")),
            ("a comma", format!("{valid},{valid}")),
            ("another token", format!("{valid} {valid}")),
            ("quotes", format!("\"{valid}\"")),
            ("an angle bracket", format!("<{valid}>")),
            ("another scheme", format!("Bearer {valid}")),
            ("a semicolon", format!("{valid};")),
        ] {
            assert_refused(&deployment, &forged, &format!("{key:?} {of}")).await;
        }
        assert_accepted(&deployment, &valid, "as it is").await;
    }
    assert_good_ones_are_accepted(&deployment).await;
}

/// A bearer text that is no token is refused as an invalid token, not as a missing one.
#[tokio::test]
async fn text_that_is_no_token_is_refused() {
    let deployment = deployment().await;
    for authorization in
        ["Bearer", "Bearer ", "bearer x", "Bearer ☃", "Bearer é.é.é", "Bearer null", "Bearer {}"]
    {
        let mut event = deployment.event("sso", None);
        event["headers"]["authorization"] = json!(authorization);
        let (status, text) = words("sso", Refused::Wrong);
        let more = json!({"www-authenticate": "Bearer error=\"invalid_token\""});
        assert_reply(&deployment.invoke("sso", event).await, status, &text, more, authorization);
    }
    assert_good_ones_are_accepted(&deployment).await;
}
