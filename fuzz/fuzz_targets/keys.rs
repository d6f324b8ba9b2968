//! Reads key sets. A set that is accepted verifies the tokens that it signs, and its public keys have no
//! private member.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::clock::Timestamp;
use postern::environment::Environment;
use postern::password::MAX_PEPPERS;
use postern::token::{JwtProfile, KeySet};
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
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
    let public = serde_json::to_value(key_set.public_keys()).expect("public keys are JSON");
    for key in public.as_array().expect("they are a list") {
        assert!(["k", "d", "p", "q", "dp", "dq", "qi"].iter().all(|private| key.get(private).is_none()));
    }
    let env = Environment::of::<String, String>([]);
    let profile =
        JwtProfile::from_env(&env, ("ISSUER", None), ("AUDIENCE", None), "TYPE").expect("a profile");
    let claims = json!({"exp": 2});
    let token = key_set.sign(&profile, &claims).expect("its first key signs");
    assert_eq!(key_set.verify::<Value>(&profile, &token, Timestamp::from_millis(1000)), Ok(claims));
});
