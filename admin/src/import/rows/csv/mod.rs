//! CSV with a header, with commas, semicolons or tabs, and the output of `mysql --batch`.
//!
//! A row is cut out before the `csv` crate splits it into fields. That crate alone would take all text after
//! an open quote as one field, up to the end of the file, and report no error.

mod cutter;

use std::collections::HashSet;
use std::io::{BufReader, Cursor};

use ::csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::Value;

use self::cutter::{Cut, Cutter};
use super::reader::{ReadError, ReadRows};
use super::row::{Position, Record, Row};
use super::sql::values;
use super::written_by::WrittenBy;
use crate::import::reason::Reason;
use crate::import::source::{Meter, Source, Text, other_format};
use crate::output::Failure;

/// The rows of a CSV file.
pub(super) struct CsvRows {
    cutter: Cutter<BufReader<Text>>,
    /// Splits a row into fields.
    splitter: Reader<Cursor<Vec<u8>>>,
    meter: Meter,
    columns: Vec<String>,
    record: ByteRecord,
    /// Which fields of the record have no value.
    is_null: Vec<bool>,
    /// Whether a backslash escapes and a quote is text, as in the files of database servers.
    is_escaped: bool,
    /// Whether the operator named the program that wrote the file.
    is_named: bool,
    /// Whether a field begins with a quote, and it is unknown whether the quote is text.
    is_ambiguous: bool,
}

impl CsvRows {
    /// Reads the header.
    ///
    /// # Errors
    /// If there is no header, or it names a column twice.
    pub(super) fn new(source: Source, written_by: Option<WrittenBy>) -> Result<Self, Failure> {
        // Excel's first line, which names the delimiter.
        let named = source.begin.strip_prefix(b"sep=").and_then(<[u8]>::first).copied();
        let delimiter = named.unwrap_or_else(|| delimiter(&source.begin));
        let guessed = || has_escapes(&source.begin);
        let is_server = written_by.map(|by| matches!(by, WrittenBy::MySql | WrittenBy::PostgreSql));
        let is_escaped = delimiter == b'\t' && is_server.unwrap_or_else(guessed);
        let cutter = Cutter::new(source.reader, delimiter, !is_escaped);
        let splitter = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(Cursor::new(Vec::new()));
        let mut rows = Self {
            cutter,
            splitter,
            meter: source.meter,
            columns: Vec::new(),
            record: ByteRecord::new(),
            is_null: Vec::new(),
            is_escaped,
            is_named: written_by.is_some(),
            is_ambiguous: false,
        };
        if named.is_some() {
            // If this read fails, the read of the header fails too, and that is reported.
            let _ = rows.cutter.cut();
        }
        match rows.cutter.cut() {
            Ok(Cut::Row) if rows.split() => {}
            Ok(Cut::End) => return Err(other_format("it is empty")),
            Ok(Cut::OpenQuote | Cut::Endless | Cut::Stray) => {
                return Err(other_format("its first line is no header of a CSV: a quote is left open in it"));
            }
            _ => return Err(other_format("it is neither JSON nor a CSV with a header")),
        }
        let column = |field: &[u8]| std::str::from_utf8(field).map(|column| column.trim().to_owned());
        let columns: Result<Vec<String>, _> = rows.record.iter().map(column).collect();
        rows.columns = columns.map_err(|_| other_format("its first line is not UTF-8 text"))?;
        let mut seen = HashSet::new();
        if let Some(twice) = rows.columns.iter().find(|column| !seen.insert(*column)) {
            return Err(other_format(format_args!("it has the column `{twice}` twice")));
        }
        Ok(rows)
    }

    /// The columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Splits the row that was cut out into fields. Returns `false` if the `csv` crate finds no row in it.
    fn split(&mut self) -> bool {
        if self.is_escaped {
            return self.split_escaped();
        }
        let given = self.splitter.get_mut();
        given.set_position(0);
        std::mem::swap(given.get_mut(), &mut self.cutter.bytes);
        given.get_mut().push(b'\n');
        let is_split = self.splitter.read_byte_record(&mut self.record).unwrap_or(false);
        let quoted = self.cutter.quoted.iter().copied().chain(std::iter::repeat(false));
        let fields = self.record.iter().zip(quoted);
        self.is_null.clear();
        self.is_null.extend(fields.map(|(field, quoted)| field.is_empty() || !quoted && is_null(field)));
        is_split
    }

    /// Splits a row in which a backslash escapes.
    fn split_escaped(&mut self) -> bool {
        self.record.clear();
        self.is_null.clear();
        for field in self.cutter.bytes.split(|byte| *byte == b'\t') {
            self.is_null.push(field.is_empty() || is_null(field));
            self.is_ambiguous |= field.starts_with(b"\"") && !self.is_named;
            match std::str::from_utf8(field).map(values::of_copy) {
                Ok(Value::String(text)) => self.record.push_field(text.as_bytes()),
                Ok(_) | Err(_) => self.record.push_field(field),
            }
        }
        true
    }

    fn row(&self) -> Row {
        let shown = || {
            let fields =
                self.record.iter().map(|field| Value::String(String::from_utf8_lossy(field).into_owned()));
            Value::Array(fields.collect())
        };
        let found = self.record.len();
        let record = if found != self.columns.len() {
            Err((Reason::Fields { found, columns: self.columns.len() }, shown()))
        } else {
            let fields = self.columns.iter().zip(&self.record).zip(&self.is_null);
            let fields = fields.filter(|(_, is_null)| !**is_null).map(|(field, _)| field);
            let text = |field: &[u8]| std::str::from_utf8(field).map(|text| Value::String(text.to_owned()));
            let record: Result<Record, _> =
                fields.map(|(column, field)| Ok((column.clone(), text(field)?))).collect();
            record.map_err(|_: std::str::Utf8Error| (Reason::NotUtf8, shown()))
        };
        Row { position: Position::line(self.cutter.begins), record }
    }

    fn broken(&self, what: &str) -> ReadError {
        ReadError::broken(self.cutter.begins, what)
    }

    /// A row that is rejected.
    fn rejected(&self, reason: Reason, shown: Value) -> Row {
        Row { position: Position::line(self.cutter.begins), record: Err((reason, shown)) }
    }
}

impl ReadRows for CsvRows {
    fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        let mut cut = self.cutter.cut()?;
        let mut is_split = cut == Cut::Row && self.split();
        // Spreadsheets end in rows of nothing but delimiters.
        while is_split && self.record.len() > 1 && self.record.iter().all(<[u8]>::is_empty) {
            cut = self.cutter.cut()?;
            is_split = cut == Cut::Row && self.split();
        }
        match cut {
            Cut::Row if self.is_ambiguous => Err(self.broken(
                "a field begins with a quote: in a file of mysql the quote is text, in a file of a spreadsheet it is not; \
                 name the program with --written-by",
            )),
            Cut::Row if is_split => Ok(Some(self.row())),
            Cut::Row => Err(self.broken("the row cannot be split into fields")),
            Cut::Stray => {
                // The field may contain other rows. They are shown too, so that no user is lost.
                let shown = String::from_utf8_lossy(&self.cutter.bytes).into_owned();
                Ok(Some(self.rejected(Reason::StrayQuote, Value::String(shown))))
            }
            Cut::TooLong => Ok(Some(self.rejected(Reason::TooLong, Value::Null))),
            Cut::End => Ok(None),
            Cut::OpenQuote => Err(self.broken(
                "a quote is left open in the row that begins on this line, up to the end of the file: no row after it was \
                 read",
            )),
            Cut::Endless => Err(self.broken(
                "the row is over 4 MB long, or ends in the wrong place: it is unknown where the next one begins; is a \
                 quote left open?",
            )),
        }
    }

    fn current_line(&self) -> u64 {
        self.cutter.begins
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Whether a field without quotes is null, as databases write it.
fn is_null(field: &[u8]) -> bool {
    matches!(field, b"NULL" | b"\\N")
}

/// Whether a database server wrote a file with tabs. It writes null as a word, escapes by backslash, and a
/// quote is text.
fn has_escapes(begin: &[u8]) -> bool {
    let mut lines = begin.split(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let is_escape = |pair: &[u8]| matches!(pair, [b'\\', b'\\' | b'n' | b't' | b'0' | b'N']);
    !header.contains(&b'"')
        && lines
            .flat_map(|line| line.split(|byte| *byte == b'\t'))
            .any(|field| is_null(field) || field.windows(2).any(is_escape))
}

/// Whether the first line may be the header of a CSV of users.
pub(super) fn is_header(begin: &[u8]) -> bool {
    let first = begin.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(first).to_ascii_lowercase().contains("password")
}

/// Returns the delimiter: comma, semicolon or tab, whichever the header has most of.
fn delimiter(begin: &[u8]) -> u8 {
    let mut lines = begin.split(|byte| matches!(byte, b'\n' | b'\r'));
    let header = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|byte| (count(*byte), *byte == b','));
    delimiter.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_names_the_password_on_the_first_line() {
        assert!(is_header(b"id,Password\n{\"a\"") && !is_header(b"loading\npassword"));
    }
}
