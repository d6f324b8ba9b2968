//! A set of keys in the output of commands.

use serde_json::json;

use super::set::SigningKeys;
use crate::output::Output;

/// Lists the keys of a set without their private parts, and the ids of the peppers.
pub(super) fn list(set: &SigningKeys, heading: String) -> Output {
    let keys = set.listed();
    let lines = keys.iter().map(|key| {
        let signs = if key.signs { "signs and verifies" } else { "verifies" };
        format!("\n  {:<27}{:<7}{signs}", key.kid.as_deref().unwrap_or("none"), key.alg)
    });
    let mut text = format!("{heading}:{}", lines.collect::<String>());
    let peppers = set.peppers();
    if !peppers.is_empty() {
        text += &format!("\n  password peppers: {}", peppers.join(", "));
    }
    let keys: Vec<_> =
        keys.iter().map(|key| json!({"kid": key.kid, "alg": key.alg, "signs": key.signs})).collect();
    Output::done(text, json!({"keys": keys, "password_peppers": peppers}))
}
