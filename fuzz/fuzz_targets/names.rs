//! Login names: the normalised form is one form, so no two counters or keys are the same name's. And session tokens in
//! their plain form, which says the same when it was read.

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
        assert!(key.len() <= MAX_BYTES && typed.len() <= MAX_BYTES);
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
