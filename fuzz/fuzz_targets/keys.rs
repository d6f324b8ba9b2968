//! Signing keys, as the secret holds them: what is taken signs what it then verifies, and nothing private is public.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::clock::Timestamp;
use postern::password::MAX_PEPPERS;
use postern::token::KeySet;
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
    let ring = match KeySet::parse(text) {
        Ok(ring) => ring,
        Err(error) => {
            // The message goes to the log, and must not take a key there.
            let _ = error.to_string();
            return;
        }
    };
    let _ = ring.has_sample_key();
    assert!(ring.peppers.ids().count() <= MAX_PEPPERS);
    let public = serde_json::to_value(ring.public_keys()).expect("public keys are JSON");
    for key in public.as_array().expect("they are a list") {
        assert!(["k", "d", "p", "q", "dp", "dq", "qi"].iter().all(|private| key.get(private).is_none()));
    }
    let claims = json!({"exp": 2});
    let token = ring.sign(&claims).expect("its first key signs");
    assert_eq!(ring.verify::<Value>(&token, Timestamp::from_millis(1000)), Ok(claims));
});
