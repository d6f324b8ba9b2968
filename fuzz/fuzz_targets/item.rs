//! Decodes items of the table as the store does. The input is DynamoDB's JSON.
//!
//! A user that can be read can be written and read again. It then stays the same. (The first time, a `1.0`
//! among the attributes becomes a `1`.)

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::fuzzing::{self, UserRecord};
use postern::identity::LoginName;

fuzz_target!(|json: &[u8]| {
    let Some(item) = fuzzing::item(json) else { return };
    let _ = fuzzing::login(item.clone());
    if let Ok(session) = fuzzing::session(item.clone()) {
        let _ = session.is_alive(session.epoch, session.rotated_at);
    }
    // The id is that of the item, so that few inputs are refused for a wrong id.
    let id = item.get("id").and_then(|id| id.as_n().ok()?.parse().ok()).unwrap_or(1);
    let Ok(user) = fuzzing::user(id, item) else { return };
    assert_eq!(user.id, id);
    let _ = LoginName::new(&user.username);
    let again = |user: &UserRecord| {
        let item = fuzzing::user_item(user).expect("a user can be written");
        fuzzing::user(id, item).unwrap_or_else(|error| panic!("a written user cannot be read: {error}"))
    };
    let json = |user: &UserRecord| serde_json::to_value(user).expect("a user is JSON");
    let second = again(&user);
    assert_eq!(json(&again(&second)), json(&second));
});
