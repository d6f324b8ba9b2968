//! The document of public keys that the key set shows: which texts are shown, and how.

use postern::clock::now;
use postern::error::Causes;
use serde_json::{Value, json};

use super::key_set::{PRIVATE, RECOVERY, assert_key_set, key_set_of, published, set, start, variable};
use crate::support::forge::{KEYS, Key};
use crate::support::jwt::encode;

/// The order of the members too, since caches and pinned copies may compare bytes.
#[tokio::test]
async fn key_set_is_the_document_of_the_signing_keys_byte_by_byte() {
    let document = published(&set(&KEYS.map(Key::private_jwk)));
    let first = r#"{"keys":[{"kty":"EC","crv":"P-256","x":""#;
    assert!(document.starts_with(first), "{document}");
    assert!(document.contains(r#","kid":"ed","alg":"EdDSA","use":"sig"},{"kty":"RSA","n":""#), "{document}");
    assert_key_set(&key_set_of(&start(&document).await.unwrap(), now()).await, &document);
    // Whitespace and members that the function does not know are not shown.
    let mut more: Value = serde_json::from_str(&document).unwrap();
    more["issuer"] = json!("x");
    more["keys"][0]["x5c"] = json!(["x"]);
    let more = serde_json::to_string_pretty(&more).unwrap();
    assert_key_set(&key_set_of(&start(&more).await.unwrap(), now()).await, &document);
}

/// An operator may put the signing keys into the secret of the public ones by mistake.
#[tokio::test]
async fn document_with_a_private_member_is_refused_and_not_shown() {
    let everything: Value = serde_json::from_str(&set(&KEYS.map(Key::private_jwk))).unwrap();
    let public = published(&everything.to_string());
    let mut documents = vec![(everything.to_string(), "recovery_code_key")];
    for name in PRIVATE {
        for at in 0..3 {
            let mut document: Value = serde_json::from_str(&public).unwrap();
            document["keys"][at][name] = json!("PRIVATE");
            documents.push((document.to_string(), name));
        }
    }
    for name in ["recovery_code_key", "password_peppers"] {
        let mut document: Value = serde_json::from_str(&public).unwrap();
        document[name] = json!({"PRIVATE": "PRIVATE"});
        documents.push((document.to_string(), name));
    }
    for key in KEYS.map(Key::private_jwk) {
        let named = if key["kty"] == "oct" { "k" } else { "d" };
        documents.push((json!({"keys": [key]}).to_string(), named));
    }
    for (document, name) in documents {
        let error = start(&document).await.err().unwrap_or_else(|| panic!("accepted: {document}"));
        assert_eq!(variable(&error), "PUBLIC_KEYS");
        let error = Causes(&error).to_string();
        assert!(error.contains(&format!("has the private member {name};")), "{document}: {error}");
        for key in everything["keys"].as_array().unwrap() {
            let members =
                key.as_object().unwrap().iter().filter(|(name, _)| PRIVATE.contains(&name.as_str()));
            for (_, secret) in members {
                assert!(!error.contains(secret.as_str().unwrap()), "{error}");
            }
        }
        assert!(!error.contains("PRIVATE") && !error.contains(&encode(&RECOVERY)), "{error}");
    }
}
