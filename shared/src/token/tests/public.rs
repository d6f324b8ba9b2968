//! Public key sets that are shown, and the errors for others.

use super::*;

fn public(key: Value) -> Value {
    with(key, json!({"d": null, "p": null, "q": null, "dp": null, "dq": null, "qi": null}))
}

fn document(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

#[test]
fn document_of_signing_keys_has_their_public_halves_in_their_order() {
    let set = key_set_of(&[eddsa(), hs256(), es256(), rs256()]);
    let text = set.public_document();
    let expected = format!(
        r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{OKP_X}","kid":"ed","alg":"EdDSA","use":"sig"}},{{"kty":"EC","crv":"P-256","x":"{EC_X}","y":"{EC_Y}","kid":"ec","alg":"ES256","use":"sig"}},{{"kty":"RSA","n":"#
    );
    assert!(text.starts_with(&expected), "{text}");
    let read = PublicKeySet::parse(&text).unwrap();
    assert_eq!(read.public_keys(), set.public_keys());
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(json!(read.public_algorithms()), json!(["EdDSA", "ES256", "RS256"]));
}

#[test]
fn document_without_public_halves_is_empty() {
    for set in [set(&[hs256()]), "x".repeat(32)] {
        assert_eq!(KeySet::parse(&set).unwrap().public_document(), r#"{"keys":[]}"#);
    }
    assert_eq!(PublicKeySet::parse("\n {\"keys\": []} \n").unwrap().public_keys(), []);
}

#[test]
fn malformed_public_key_set_is_an_error_without_key_material() {
    let twice = [public(es256()), with(public(eddsa()), json!({"kid": "ec"}))];
    for (text, problem) in [
        (String::new(), "must be a JWK Set of public keys"),
        ("x".repeat(64), "must be a JWK Set of public keys"),
        ("{}".to_owned(), "must be a JWK Set of public keys"),
        ("{\"keys\":".to_owned(), "must be a JWK Set of public keys"),
        ("{\"keys\":[7]}".to_owned(), "must be a JWK Set of public keys"),
        (json!([public(es256())]).to_string(), "must be a JWK Set of public keys"),
        (document(&[with(public(es256()), json!({"x": 7}))]), "must be a JWK Set of public keys"),
        (set(&[hs256()]), "has the private member recovery_code_key"),
        (with_peppers(&json!({"a": "cGVwcGVy"})), "has the private member recovery_code_key"),
        (
            json!({"keys": [], "password_peppers": null}).to_string(),
            "has the private member password_peppers",
        ),
        (document(&[public(eddsa()), es256()]), "key 1 has the private member d"),
        (document(&[rs256()]), "key 0 has the private member d"),
        (document(&[hs256()]), "key 0 has the private member k"),
        (document(&[with(public(rs256()), json!({"oth": []}))]), "key 0 has the private member oth"),
        (document(&[json!({"kty": "oct", "kid": "hs"})]), "key 0 must be EC P-256"),
        (document(&[with(public(es256()), json!({"crv": "P-384"}))]), "key 0 must be EC P-256"),
        (document(&[with(public(es256()), json!({"y": null}))]), "key 0 needs y: 32 bytes"),
        (document(&[with(public(eddsa()), json!({"x": "AAAA"}))]), "key 0 needs x: 32 bytes"),
        (document(&[with(public(rs256()), json!({"e": null}))]), "key 0 needs n and e"),
        (document(&[with(public(rs256()), json!({"alg": "RS512"}))]), "key 0 has an alg other than RS256"),
        (document(&[with(public(es256()), json!({"kid": null}))]), "key 0 needs a kid"),
        (document(&twice), "key 1 has the kid of an earlier key"),
    ] {
        let error =
            PublicKeySet::parse(&text).err().unwrap_or_else(|| panic!("accepted: {text}")).to_string();
        assert!(error.starts_with(problem), "{text}: {error}");
        let rsa = rs256();
        let rsa = ["d", "p", "q", "dp", "dq", "qi"].map(|part| rsa[part].as_str().unwrap().to_owned());
        for secret in
            [K, EC_D, OKP_D, RECOVERY, "cGVwcGVy", "xxxx"].into_iter().chain(rsa.iter().map(String::as_str))
        {
            assert!(!error.contains(secret), "{error}");
        }
    }
}
