//! Reads key sets. A set that is accepted verifies the tokens that it signs, and its public keys have no
//! private member. A public key set that is accepted is shown as it was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::clock::Timestamp;
use postern::environment::Environment;
use postern::password::MAX_PEPPERS;
use postern::token::{JwtProfile, KeySet, PublicKeySet};
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
    if let Ok(public) = PublicKeySet::parse(text) {
        let shown = serde_json::to_string(&public).expect("public keys are JSON");
        assert_eq!(PublicKeySet::parse(&shown), Ok(public));
    }
    let key_set = match KeySet::parse(text) {
        Ok(key_set) => key_set,
        Err(error) => {
            // The message goes to the log. It must not panic.
            let _ = error.to_string();
            return;
        }
    };
    let _ = key_set.has_sample_key();
    assert!(key_set.peppers.ids().count() <= MAX_PEPPERS);
    // A document with a private member would be refused.
    let public = PublicKeySet::parse(&key_set.public_document()).expect("the document is one of public keys");
    assert_eq!(public.public_keys(), key_set.public_keys());
    let env = Environment::of::<String, String>([]);
    let profile =
        JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE").expect("a profile");
    let claims = json!({"exp": 2});
    let token = key_set.sign(&profile, &claims).expect("its first key signs");
    assert_eq!(key_set.verify::<Value>(&profile, &token, Timestamp::from_millis(1000)), Ok(claims));
});
