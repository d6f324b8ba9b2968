//! CSV with a header, with commas, semicolons or tabs.

use std::io::{BufRead, BufReader};

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::Value;

use super::{Broken, Record, Row, other_format};
use crate::import::reason::Reason;
use crate::import::source::{Counted, MAX_ROW, Meter, Source};
use crate::output::Failure;

/// The rows of a CSV file.
pub struct CsvRows {
    reader: Reader<BufReader<Counted>>,
    meter: Meter,
    columns: Vec<String>,
    record: ByteRecord,
    ended: bool,
}

impl CsvRows {
    /// Reads the header.
    ///
    /// # Errors
    /// If there is none, or it names a column twice.
    pub fn new(mut source: Source) -> Result<Self, Failure> {
        let begin = source.reader.fill_buf().unwrap_or_default();
        let header = begin.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| header.iter().filter(|byte| **byte == delimiter).count();
        let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|byte| (count(*byte), *byte == b','));
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter.unwrap_or(b','))
            .flexible(true)
            .from_reader(source.reader);
        let header = reader.headers().map_err(|_| other_format("it has no header"))?;
        let columns: Vec<String> = header.iter().map(|column| column.trim().to_owned()).collect();
        if columns.is_empty() {
            return Err(other_format("it is empty"));
        }
        if let Some(twice) = columns.iter().enumerate().find(|(index, c)| columns[..*index].contains(c)) {
            return Err(other_format(format_args!("it has the column `{}` twice", twice.1)));
        }
        Ok(Self { reader, meter: source.meter, columns, record: ByteRecord::new(), ended: false })
    }

    /// The columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn row(&self) -> Row {
        let line = self.record.position().map_or(0, csv::Position::line);
        let shown = || {
            let fields =
                self.record.iter().map(|field| Value::String(String::from_utf8_lossy(field).into_owned()));
            Value::Array(fields.collect())
        };
        let found = self.record.len();
        let record = if self.record.as_slice().len() > MAX_ROW {
            Err((Reason::TooLong, Value::Null))
        } else if found != self.columns.len() {
            Err((Reason::Fields { found, columns: self.columns.len() }, shown()))
        } else {
            let fields = self.columns.iter().zip(&self.record).filter(|(_, field)| !field.is_empty());
            let text = |field: &[u8]| std::str::from_utf8(field).map(|text| Value::String(text.to_owned()));
            let record: Result<Record, _> =
                fields.map(|(column, field)| Ok((column.clone(), text(field)?))).collect();
            record.map_err(|_: std::str::Utf8Error| (Reason::NotUtf8, shown()))
        };
        Row { line, record }
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.meter.row_begins();
        let line = self.reader.position().line();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Some(Ok(self.row())),
            Ok(false) => {
                self.ended = true;
                None
            }
            Err(_) => {
                self.ended = true;
                Some(Err(Broken { line, what: "the file cannot be read any further; is a quote left open?" }))
            }
        }
    }
}
