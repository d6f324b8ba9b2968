//! A file as rows: CSV, JSON lines, one JSON array, or a dump in SQL, XML or YAML. No more than one row is in
//! memory.
//!
//! A row that cannot be read is rejected, and the next one is read. Reading stops early only if it is unknown
//! where the next row begins.
//!
//! | module | what it reads |
//! |---|---|
//! | `csv` | CSV with commas, semicolons or tabs |
//! | `json` | JSON lines, an array, and phpMyAdmin's export |
//! | `sql` | dumps of MySQL, MariaDB, PostgreSQL and SQLite |
//! | `xml` | dumps of MySQL, phpMyAdmin and Django |
//! | `yaml` | dumps of Django |
//! | `row` | a row, and what the readers share |
//! | `reader` | the rows of a file, one after the other |
//! | `written_by` | which program wrote a file |

mod csv;
mod json;
mod reader;
mod row;
mod sql;
mod written_by;
mod xml;
mod yaml;

use self::csv::CsvRows;
use self::json::JsonRows;
pub use self::reader::{Broken, Rows};
pub use self::row::{Position, Record, Row, of_table};
use self::sql::SqlRows;
pub use self::written_by::WrittenBy;
use self::xml::XmlRows;
use self::yaml::YamlRows;
use super::source::{Source, other_format};
use crate::output::Failure;

impl Rows {
    /// The rows of a product's dump, in the format that its beginning shows. Of a dump in SQL, only the rows
    /// of these tables are read; without `tables`, the rows of each table that has a user's columns.
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
            return Ok(Self::new(rows));
        }
        if xml::is_xml(&source.begin) {
            return Ok(Self::new(XmlRows::new(source.reader, source.meter)));
        }
        if yaml::is_yaml(&source.begin) {
            return Ok(Self::new(YamlRows::new(source.reader, source.meter)));
        }
        match json::lines_before(&source.begin) {
            Some(lines) if lines == 0 || !csv::is_header(&source.begin) => Self::of_json_after(source, lines),
            _ => Self::of_csv(source, written_by),
        }
    }

    /// The rows of JSON lines or an array. Lines before it are skipped, such as those that a program logged.
    ///
    /// # Errors
    /// If there is no JSON near the beginning.
    pub fn of_json(source: Source) -> Result<Self, Failure> {
        if source.begin.is_empty() {
            return Err(other_format("it is empty"));
        }
        match json::lines_before(&source.begin) {
            Some(lines) => Self::of_json_after(source, lines),
            None => Err(other_format("it does not begin with a JSON object or array")),
        }
    }

    /// The rows of a CSV with a header.
    ///
    /// # Errors
    /// If it has no header.
    pub fn of_csv(source: Source, written_by: Option<WrittenBy>) -> Result<Self, Failure> {
        let rows = CsvRows::new(source, written_by)?;
        let columns = rows.columns().to_vec();
        Ok(Self::new(rows).with_columns(columns))
    }

    fn of_json_after(source: Source, lines: usize) -> Result<Self, Failure> {
        let mut rows = if json::is_phpmyadmin(&source.begin) {
            JsonRows::of_phpmyadmin(source.reader, source.meter)
        } else {
            JsonRows::new(source.reader, source.meter)
        };
        rows.skip_lines(lines).map_err(other_format)?;
        Ok(Self::new(rows).with_skipped_lines(lines))
    }
}
