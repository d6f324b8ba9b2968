//! A row of a dump in XML, field by field.

use serde_json::Value;

use crate::import::reason::Reason;
use crate::import::rows::row::{Position, Record, Row, dump_record};
use crate::import::source::MAX_ROW;

/// A row that is being read.
pub(super) struct Element {
    pub(super) model: Option<String>,
    pub(super) pk: Option<String>,
    pub(super) position: Position,
    pub(super) fields: Record,
    /// The bytes of its fields.
    pub(super) bytes: usize,
    pub(super) problem: Option<Reason>,
}

/// A field that is being read.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) is_null: bool,
    /// Whether the text `NULL` is null, as in phpMyAdmin's dumps. Other programs mark null in another way, so
    /// their `NULL` is a text.
    pub(super) may_be_word: bool,
    /// Whether its text is hexadecimal digits.
    pub(super) is_hex: bool,
    /// Whether it has elements other than `None`, as a field with several values has.
    pub(super) is_nested: bool,
}

impl Element {
    /// A row without fields, of a table or model, with a primary key where the element names one.
    pub(super) fn new(position: Position, model: Option<String>, pk: Option<String>) -> Self {
        Self { model, pk, position, fields: Record::new(), bytes: 0, problem: None }
    }

    /// Adds text to a field, unless the row is too long.
    pub(super) fn push(&mut self, field: &mut Field, text: &str) {
        self.bytes += text.len();
        if self.bytes > MAX_ROW {
            self.problem = Some(Reason::TooLong);
        } else {
            field.text.push_str(text);
        }
    }

    /// Adds a field to the row.
    pub(super) fn add(&mut self, field: Field) {
        let Field { name, text, is_null, may_be_word, is_hex, is_nested } = field;
        let value = if is_null || may_be_word && text == "NULL" {
            Value::Null
        } else if is_nested {
            return;
        } else if is_hex {
            // A column that is no text stays hexadecimal.
            let decoded = hex::decode(&text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Value::String(decoded.unwrap_or(text))
        } else {
            Value::String(text)
        };
        self.fields.insert(name, value);
    }

    /// The row that was read.
    pub(super) fn into_row(self) -> Row {
        let Self { model, pk, position, mut fields, problem, .. } = self;
        let record = match model {
            Some(model) => dump_record(&model, pk.map(Value::String), fields),
            None => {
                fields.retain(|_, value| !value.is_null());
                fields
            }
        };
        let record = match problem {
            None => Ok(record),
            Some(reason) => Err((reason, Value::Object(record))),
        };
        Row { position, record }
    }
}
