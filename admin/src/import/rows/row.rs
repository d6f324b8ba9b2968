//! A row, where it begins, and what every reader of rows shares.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::import::reason::Reason;

/// A row as an object. A row of CSV has a string for each field that is not empty.
pub type Record = Map<String, Value>;

/// A row.
pub struct Row {
    /// Where it begins.
    pub position: Position,
    /// Its record, or why it cannot be read, with the part that the operator may see.
    pub record: Result<Record, (Reason, Value)>,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The number of the element in a JSON array, from 1. A whole array may be one line.
    pub element: Option<u64>,
}

impl Position {
    /// The beginning of a line.
    pub fn line(line: u64) -> Self {
        Self { line, element: None }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.element.map_or(Ok(()), |element| write!(f, ", element {element}"))
    }
}

/// Returns the record of a row of a dump, in the form of Django's `dumpdata`. Fields that are null are left
/// out.
pub(super) fn dump_record(table: &str, pk: Option<Value>, mut fields: Record) -> Record {
    fields.retain(|_, value| !value.is_null());
    let pk = pk.or_else(|| fields.get("id").cloned()).unwrap_or(Value::Null);
    let record = [("model", json!(table)), ("pk", pk), ("fields", Value::Object(fields))];
    record.map(|(member, value)| (member.to_owned(), value)).into_iter().collect()
}

/// Returns the columns of a record if it is of this table. A record that names no table may be of any.
pub fn of_table<'r>(record: &'r Record, table: &str) -> Option<&'r Record> {
    match (record.get("model"), record.get("fields")) {
        (Some(Value::String(model)), Some(Value::Object(fields))) => (model == table).then_some(fields),
        _ => Some(record),
    }
}

/// Whether a row has more values than any user. Each value takes many times the memory of its text.
pub(super) fn has_too_many_values(row: &[u8]) -> bool {
    const MAX_VALUES: usize = 5_000;
    row.iter().filter(|byte| **byte == b',').nth(MAX_VALUES).is_some()
}
