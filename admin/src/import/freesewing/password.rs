//! FreeSewing's column `password`: an object of the version that hashed the password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::Value;

use crate::import::unusable_password::UnusablePassword;

/// The version of FreeSewing that hashed a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// With bcrypt.
    V2,
    /// With scrypt.
    V3,
}

/// Returns the password hash in its stored form, with the version that made it.
///
/// # Errors
/// If no password fits the hash.
pub(super) fn stored(column: &Value) -> Result<(String, Version), UnusablePassword> {
    let wanted = || UnusablePassword::NotFreeSewing;
    let (password, folded) = unfold(column).ok_or_else(wanted)?;
    // FreeSewing parses the column once. If it finds no object then, the user cannot sign in there.
    if folded > 1 {
        return Err(UnusablePassword::HashedTwice);
    }
    let member = |name: &str| password.get(name).and_then(Value::as_str);
    match member("type") {
        Some("v3") => {
            let part = |name, bytes| {
                member(name).and_then(|digits| hex::decode(digits).ok()).filter(|part| part.len() == bytes)
            };
            let (hash, salt) = part("hash", 64).zip(part("salt", 16)).ok_or_else(wanted)?;
            let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
            Ok((format!("$scrypt$ln=14,r=8,p=1${salt}${hash}"), Version::V3))
        }
        Some("v2") => match member("data") {
            Some(bcrypt) if bcrypt.starts_with("$2") => Ok((bcrypt.to_owned(), Version::V2)),
            Some(other) if serde_json::from_str::<Value>(other).is_ok_and(|inner| inner["type"] == "v3") => {
                Err(UnusablePassword::HashedTwice)
            }
            _ => Err(wanted()),
        },
        _ => Err(wanted()),
    }
}

/// Returns the object in the column, and how many times it was JSON within a JSON string.
pub(super) fn unfold(column: &Value) -> Option<(Value, u32)> {
    let mut value = column.clone();
    for folded in 0..4 {
        match value {
            Value::Object(_) => return Some((value, folded)),
            Value::String(text) => value = serde_json::from_str(&text).ok()?,
            _ => return None,
        }
    }
    None
}
