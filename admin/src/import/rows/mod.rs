//! A file as rows: CSV, JSON lines, one large JSON array, or a dump in SQL, XML or YAML, never more than a row of it in
//! memory.
//!
//! A row that cannot be read is one row less. Only where nobody can say where the next row begins does the file end.

mod csv;
mod json;
mod sql;
mod xml;
mod yaml;

use std::fmt;
use std::io::BufReader;

use serde_json::{Map, Value, json};

pub use self::csv::CsvRows;
pub use self::json::JsonRows;
use self::sql::SqlRows;
use self::xml::XmlRows;
use self::yaml::YamlRows;
use super::WrittenBy;
use super::reason::Reason;
use super::source::{Meter, Source, Text};
use crate::output::{Exit, Failure, plain};

/// A row as an object: a record of CSV has a string for each field that is not empty.
pub type Record = Map<String, Value>;

/// A row.
pub struct Row {
    /// Where it begins.
    pub position: Position,
    /// What it holds, or why that cannot be told, with what can be shown of it.
    pub record: Result<Record, (Reason, Value)>,
}

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: u64,
    /// The number of the element in a JSON array, from 1: all of the array may be one line.
    pub element: Option<u64>,
}

impl Position {
    /// A line.
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

/// The file cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line on which what cannot be read begins.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// The rows of a file.
pub enum Rows {
    /// Of JSON.
    Json(JsonRows<BufReader<Text>>),
    /// Of CSV.
    Csv(Box<CsvRows>),
    /// Of a dump in SQL.
    Sql(Box<SqlRows<BufReader<Text>>>),
    /// Of a dump in XML.
    Xml(Box<XmlRows<BufReader<Text>>>),
    /// Of a dump in YAML.
    Yaml(Box<YamlRows<BufReader<Text>>>),
}

impl Rows {
    /// The rows of a product's dump, in whichever format it begins. Of a dump in SQL only the rows of these tables are
    /// read, or of those that have users by their columns.
    ///
    /// # Errors
    /// If it is CSV without a header.
    pub fn of_dump(
        source: Source,
        tables: Option<&'static [&'static str]>,
        written_by: Option<WrittenBy>,
    ) -> Result<Self, Failure> {
        if let Some(product) = sql::product(&source.begin) {
            let product = written_by.and_then(sql::Product::of).unwrap_or(product);
            let has_last_comment = sql::has_last_comment(&source.begin);
            let rows = SqlRows::new(source.reader, source.meter, product, tables, has_last_comment);
            return Ok(Self::Sql(Box::new(rows)));
        }
        if xml::is_xml(&source.begin) {
            return Ok(Self::Xml(Box::new(XmlRows::new(source.reader, source.meter))));
        }
        if yaml::is_yaml(&source.begin) {
            return Ok(Self::Yaml(Box::new(YamlRows::new(source.reader, source.meter))));
        }
        match lines_before_json(&source.begin) {
            Some(lines) if lines == 0 || !is_header(&source.begin) => Self::of_json_from(source, lines),
            _ => Self::of_csv(source, written_by),
        }
    }

    /// JSON lines or an array. Lines before it are skipped, such as those that a program logged where it wrote.
    ///
    /// # Errors
    /// If there is no JSON near the begin.
    pub fn of_json(source: Source) -> Result<Self, Failure> {
        if source.begin.is_empty() {
            return Err(other_format("it is empty"));
        }
        match lines_before_json(&source.begin) {
            Some(lines) => Self::of_json_from(source, lines),
            None => Err(other_format("it does not begin with a JSON object or array")),
        }
    }

    /// CSV with a header.
    ///
    /// # Errors
    /// If it has none.
    pub fn of_csv(source: Source, written_by: Option<WrittenBy>) -> Result<Self, Failure> {
        CsvRows::new(source, written_by).map(|rows| Self::Csv(Box::new(rows)))
    }

    fn of_json_from(source: Source, lines: usize) -> Result<Self, Failure> {
        // In the first element: further on it may be what a user typed.
        let first = source.begin.split(|byte| *byte == b'}').next().unwrap_or_default();
        let is_phpmyadmin = first.windows(PHPMYADMIN.len()).any(|bytes| bytes == PHPMYADMIN);
        let mut rows = if is_phpmyadmin {
            JsonRows::of_phpmyadmin(source.reader, source.meter)
        } else {
            JsonRows::new(source.reader, source.meter)
        };
        rows.skip_lines(lines).map_err(other_format)?;
        Ok(Self::Json(rows))
    }

    /// The columns of CSV.
    pub fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Json(_) | Self::Sql(_) | Self::Xml(_) | Self::Yaml(_) => None,
            Self::Csv(rows) => Some(rows.columns()),
        }
    }

    /// How many lines before the first row were skipped.
    pub fn skipped_lines(&self) -> usize {
        match self {
            Self::Json(rows) => rows.skipped_lines(),
            Self::Csv(_) | Self::Sql(_) | Self::Xml(_) | Self::Yaml(_) => 0,
        }
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        match self {
            Self::Json(rows) => rows.meter(),
            Self::Csv(rows) => rows.meter(),
            Self::Sql(rows) => rows.meter(),
            Self::Xml(rows) => rows.meter(),
            Self::Yaml(rows) => rows.meter(),
        }
    }
}

/// The header of an export in JSON by phpMyAdmin.
const PHPMYADMIN: &[u8] = b"Export to JSON plugin for ";

impl Iterator for Rows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json(rows) => rows.next(),
            Self::Csv(rows) => rows.next(),
            Self::Sql(rows) => rows.next(),
            Self::Xml(rows) => rows.next(),
            Self::Yaml(rows) => rows.next(),
        }
    }
}

/// The record of a row of a table of a dump, in the form of Django's `dumpdata`. Fields that are null are left out.
fn of_dump(table: &str, mut fields: Record) -> Record {
    fields.retain(|_, value| !value.is_null());
    let pk = fields.get("id").cloned().unwrap_or(Value::Null);
    let record = [("model", json!(table)), ("pk", pk), ("fields", Value::Object(fields))];
    record.map(|(member, value)| (member.to_owned(), value)).into_iter().collect()
}

/// The columns of a record of this table. A record that names no table is of any. `None` if it is of another.
pub fn of_table<'r>(record: &'r Record, table: &str) -> Option<&'r Record> {
    match (record.get("model"), record.get("fields")) {
        (Some(Value::String(model)), Some(Value::Object(fields))) => (model == table).then_some(fields),
        _ => Some(record),
    }
}

/// The file is of another format than was said. Why may name what is in it.
pub fn other_format(why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the file is of another format: {}", plain(&why.to_string())))
}

/// Whether a row has more values than any user: each takes many times the memory of its text.
fn has_too_many_values(row: &[u8]) -> bool {
    const MOST: usize = 5_000;
    row.iter().filter(|byte| **byte == b',').nth(MOST).is_some()
}

/// How many lines stand before the first that JSON begins with. `None` where none does.
fn lines_before_json(begin: &[u8]) -> Option<usize> {
    let at = begin.split(|byte| *byte == b'\n').position(begins_json)?;
    let before = begin.split(|byte| *byte == b'\n').take(at);
    // Empty lines are nothing to speak of.
    if before.clone().all(|line| line.trim_ascii().is_empty()) { Some(0) } else { Some(at) }
}

/// Whether a line begins an object or an array: `[INFO]` begins neither.
fn begins_json(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let next = line.get(1..).unwrap_or_default().trim_ascii_start().first();
    match line.first() {
        Some(b'{') => matches!(next, None | Some(b'"' | b'}')),
        Some(b'[') => matches!(next, None | Some(b'{' | b']')),
        _ => false,
    }
}

/// Whether the first line may be the header of a CSV of users.
fn is_header(begin: &[u8]) -> bool {
    let first = begin.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(first).to_ascii_lowercase().contains("password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_a_program_logged_are_told_from_json() {
        for (begin, lines) in [
            ("[{\"model\": 1}]", Some(0)),
            ("\n\n{\"a\": 1}", Some(0)),
            ("[\n  {", Some(0)),
            ("[]", Some(0)),
            ("Loading settings\n[INFO] ready\n[{\"model\": 1}]", Some(2)),
            ("{x} deprecated\r\n{\"a\": 1}\r\n", Some(1)),
            ("[INFO] ready\n", None),
            ("id,username\n", None),
            ("", None),
        ] {
            assert_eq!(lines_before_json(begin.as_bytes()), lines, "{begin}");
        }
        assert!(is_header(b"id,Password\n{\"a\"") && !is_header(b"loading\npassword"));
    }
}
