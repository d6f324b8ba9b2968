//! A file as rows: CSV, JSON lines, one large JSON array, or a dump in SQL, never more than a row of it in memory.
//!
//! A row that cannot be read is one row less. Only where nobody can say where the next row begins does the file end.

mod array;
mod scan;
mod sql;
mod table;
mod values;

use std::io::BufReader;

use serde_json::{Map, Value};

pub use self::array::JsonRows;
use self::sql::SqlRows;
pub use self::table::CsvRows;
use super::reason::Reason;
use super::source::{Meter, Source, Text};
use crate::output::{Exit, Failure, plain};

/// A row as an object: a record of CSV has a string for each field that is not empty.
pub type Record = Map<String, Value>;

/// A row.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it holds, or why that cannot be told, with what can be shown of it.
    pub record: Result<Record, (Reason, Value)>,
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
}

impl Rows {
    /// A dump in SQL where the file begins like one. Only the rows of these tables are read, where they are known.
    ///
    /// # Errors
    /// With the input, if it begins otherwise.
    pub fn of_sql(source: Source, tables: Option<&'static [&'static str]>) -> Result<Self, Box<Source>> {
        match sql::product(&source.begin) {
            Some(product) => {
                let rows = SqlRows::new(source.reader, source.meter, product, tables);
                Ok(Self::Sql(Box::new(rows)))
            }
            None => Err(Box::new(source)),
        }
    }

    /// JSON where the file begins with a bracket or a brace, and CSV otherwise.
    ///
    /// # Errors
    /// If it is CSV without a header.
    pub fn of_either(source: Source) -> Result<Self, Failure> {
        if is_json(&source) { Ok(Self::of_json_unseen(source)) } else { Self::of_csv(source) }
    }

    /// JSON lines or an array.
    ///
    /// # Errors
    /// If the file begins otherwise.
    pub fn of_json(source: Source) -> Result<Self, Failure> {
        if source.begin.is_empty() {
            return Err(other_format("it is empty"));
        }
        if !is_json(&source) {
            return Err(other_format("it does not begin with a JSON object or array"));
        }
        Ok(Self::of_json_unseen(source))
    }

    /// CSV with a header.
    ///
    /// # Errors
    /// If it has none.
    pub fn of_csv(source: Source) -> Result<Self, Failure> {
        CsvRows::new(source).map(|rows| Self::Csv(Box::new(rows)))
    }

    fn of_json_unseen(source: Source) -> Self {
        Self::Json(JsonRows::new(source.reader, source.meter))
    }

    /// The columns of CSV.
    pub fn columns(&self) -> Option<&[String]> {
        match self {
            Self::Json(_) | Self::Sql(_) => None,
            Self::Csv(rows) => Some(rows.columns()),
        }
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        match self {
            Self::Json(rows) => rows.meter(),
            Self::Csv(rows) => rows.meter(),
            Self::Sql(rows) => rows.meter(),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Json(rows) => rows.next(),
            Self::Csv(rows) => rows.next(),
            Self::Sql(rows) => rows.next(),
        }
    }
}

/// The columns of a record of this table. A record that is of no dump in SQL is of any table. `None` if it is of another.
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

fn is_json(source: &Source) -> bool {
    matches!(source.begin.trim_ascii_start().first(), Some(b'[' | b'{'))
}
