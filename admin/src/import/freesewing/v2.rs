//! FreeSewing's version 2, whose users are documents of MongoDB.
//!
//! The plugin `mongoose-encryption` 2 moves all members that it encrypts into one member, `_ct`. Each of them
//! becomes the column that FreeSewing's own migration to version 3 made of it.

use serde_json::{Map, Value, json};

use super::{cipher::Cipher, extended_json};
use crate::import::reason::Reason;
use crate::import::rows::Record;

/// Returns whether a record is a document of version 2.
pub(super) fn is_document(record: &Record) -> bool {
    record.contains_key("_id")
}

/// Returns whether some members of a document are encrypted.
pub(super) fn is_encrypted(document: &Record) -> bool {
    document.contains_key("_ct")
}

/// Returns the row of version 3 that a document corresponds to, with the document's key as `source_id`.
///
/// # Errors
/// If its members do not decrypt.
pub(super) fn to_row(document: &Record, cipher: &Cipher) -> Result<Record, Reason> {
    let Value::Object(document) = extended_json::plain(&Value::Object(document.clone())) else {
        return Err(Reason::NotAnObject);
    };
    let decrypted = match document.get("_ct") {
        None => Value::Null,
        Some(encrypted) => {
            let encrypted = encrypted.as_str().ok_or(Reason::WrongKey)?;
            cipher.decrypt_document(encrypted).map_err(|_| Reason::WrongKey)?
        }
    };
    let value = |pointer: &str| {
        let clear = document.get(pointer.split('/').nth(1).unwrap_or_default());
        let rest = pointer.splitn(3, '/').nth(2).map(|rest| format!("/{rest}")).unwrap_or_default();
        clear
            .and_then(|clear| clear.pointer(&rest))
            .or_else(|| decrypted.pointer(pointer))
            .filter(|v| !v.is_null())
    };
    let mut row = Map::new();
    for (column, pointer) in [
        ("source_id", "/_id"),
        ("username", "/username"),
        ("email", "/email"),
        ("ehash", "/ehash"),
        ("initial", "/initial"),
        ("bio", "/bio"),
        ("github", "/social/github"),
        ("language", "/settings/language"),
        ("newsletter", "/newsletter"),
        ("patron", "/patron"),
        ("role", "/role"),
        ("createdAt", "/createdAt"),
        ("updatedAt", "/updatedAt"),
        ("lastSignIn", "/time/login"),
    ] {
        if let Some(value) = value(pointer) {
            row.insert(column.to_owned(), value.clone());
        }
    }
    if let Some(units) = value("/settings/units") {
        row.insert("imperial".to_owned(), json!(units == "imperial"));
    }
    let consents = ["/consent/profile", "/consent/model", "/consent/measurements", "/consent/openData"];
    let given = consents.iter().filter(|consent| value(consent) == Some(&Value::Bool(true))).count();
    row.insert("consent".to_owned(), json!(given));
    if let Some(bcrypt) = value("/password") {
        row.insert("password".to_owned(), json!({"type": "v2", "data": bcrypt}));
    }
    let status = match value("/status").and_then(Value::as_str) {
        Some("active") => json!(1),
        Some("pending") => json!(0),
        Some("frozen") => json!(-1),
        Some("blocked") => json!(-2),
        Some(other) => json!(other),
        None => Value::Null,
    };
    row.insert("status".to_owned(), status);
    Ok(row)
}
