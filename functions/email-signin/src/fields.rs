//! The fields of a body, and the framework's errors for them.

use serde_json::{Map, Value};

/// The framework's error for a field that is missing.
pub(super) const REQUIRED: &str = "This field is required.";

/// Returns a text that is not empty.
///
/// # Errors
/// If the field has no such text: the error of the framework's `CharField`. The framework also takes a number,
/// as the text that Python writes for it.
pub(super) fn text(members: &Map<String, Value>, field: &str) -> Result<String, &'static str> {
    match members.get(field) {
        None => Err(REQUIRED),
        Some(Value::Null) => Err("This field may not be null."),
        Some(Value::String(text)) if text.is_empty() => Err("This field may not be blank."),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err("Not a valid string.")
        }
    }
}
