//! Normalises login names: a normalised name stays the same, so a name has one counter and one key. Reads
//! session tokens in their plain form: a token that can be read is written in the same way.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::identity::{LoginName, MAX_LOGIN_NAME_BYTES};
use postern::session::SessionToken;

fuzz_target!(|typed: &str| {
    if let Some(token) = SessionToken::from_plain(typed) {
        assert_eq!(token.to_plain(), typed);
    }
    let name = LoginName::new(typed);
    if let Some(key) = name.as_key() {
        assert!(key.len() <= MAX_LOGIN_NAME_BYTES && typed.len() <= MAX_LOGIN_NAME_BYTES);
        let again = LoginName::new(key);
        assert_eq!(again.as_key(), Some(key));
        assert_eq!(again.digest(), name.digest());
        assert_eq!(again.as_id(), name.as_id());
        if let Some(id) = name.as_id() {
            assert!(id > 0);
            assert_eq!(id.to_string(), key);
        }
    }
});
