//! JSON: one value a line, the elements of one array, or the tables that phpMyAdmin writes into one array.
//!
//! An element is cut out by its brackets and quotes before it is parsed. So an element that is not JSON is
//! one rejected row with a known line. An array of any length takes the memory of one element.

mod cutter;
mod detect;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use serde_json::Value;

use self::cutter::{Cut, Cutter};
pub(super) use self::detect::{is_phpmyadmin, lines_before};
use super::reader::{ReadError, ReadRows};
use super::row::{Position, Row, dump_record, has_too_many_values};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, Meter};

/// The rows of a JSON file.
pub(super) struct JsonRows<R> {
    cutter: Cutter<R>,
    meter: Meter,
    place: Place,
    /// How many elements of the array were begun.
    elements: u64,
    /// Whether the rows within an element are read, as in phpMyAdmin's export, where a table is an element.
    opens_tables: bool,
    /// The table whose rows are read.
    table: Option<String>,
}

/// Where the next row is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing is read yet.
    Begin,
    /// On a line.
    Lines,
    /// In the array, before its first element.
    First,
    /// In the array, after an element.
    After,
    /// There is none.
    End,
}

impl<R: BufRead> JsonRows<R> {
    /// The rows of this file.
    pub(super) fn new(reader: R, meter: Meter) -> Self {
        Self {
            cutter: Cutter::new(reader),
            meter,
            place: Place::Begin,
            elements: 0,
            opens_tables: false,
            table: None,
        }
    }

    /// The rows of all tables of an export by phpMyAdmin.
    pub(super) fn of_phpmyadmin(reader: R, meter: Meter) -> Self {
        Self { opens_tables: true, ..Self::new(reader, meter) }
    }

    /// Skips lines. They count as lines of the file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn skip_lines(&mut self, lines: usize) -> io::Result<()> {
        (0..lines).try_for_each(|_| self.cutter.cut_line())
    }

    /// Reads the first byte, which distinguishes lines from an array.
    fn begin(&mut self) -> io::Result<()> {
        self.place = match self.cutter.peek()? {
            None => Place::End,
            Some(b'[') => {
                self.cutter.skip();
                Place::First
            }
            Some(_) => Place::Lines,
        };
        Ok(())
    }

    /// Reads the row on the next line. Empty lines are no rows.
    fn next_line(&mut self) -> io::Result<Option<Row>> {
        if self.cutter.peek()?.is_none() {
            self.place = Place::End;
            return Ok(None);
        }
        let line = self.cutter.line;
        self.cutter.cut_line()?;
        Ok(Some(row(Position::line(line), &self.cutter.bytes)))
    }

    /// Reads the next element of an array. Returns `None` at the end, and where a table begins or ends.
    fn next_element(&mut self) -> Result<Option<Row>, ReadError> {
        match (self.place, self.peek()?) {
            (_, b']') if self.table.take().is_some() => {
                self.cutter.skip();
                // The brace that ends the element of the table.
                if self.cutter.peek()? == Some(b'}') {
                    self.cutter.skip();
                }
                self.place = Place::After;
                return Ok(None);
            }
            (_, b']') => {
                self.cutter.skip();
                if self.cutter.peek()?.is_some() {
                    let what = "something follows the end of the array";
                    return Err(ReadError::broken(self.cutter.line, what));
                }
                self.place = Place::End;
                return Ok(None);
            }
            (Place::After, b',') => self.cutter.skip(),
            (Place::After, _) => {
                let what = "there is no comma between two elements of the array";
                return Err(ReadError::broken(self.cutter.line, what));
            }
            _ => {}
        }
        self.place = Place::After;
        self.peek()?;
        let line = self.cutter.line;
        self.elements += 1;
        let position = Position { line, element: Some(self.elements) };
        match self.cutter.cut_element(self.opens_tables && self.table.is_none())? {
            Cut::Whole => Ok(Some(self.of_table(row(position, &self.cutter.bytes)))),
            Cut::Table => {
                self.cutter.skip();
                self.cutter.bytes.extend(b"0}");
                let head = row(position, &self.cutter.bytes).record.unwrap_or_default();
                let name = head.get("name").and_then(Value::as_str).unwrap_or_default();
                self.table = Some(name.to_owned());
                self.place = Place::First;
                Ok(None)
            }
            Cut::EndOfFile => {
                Err(ReadError::broken(line, "the file is cut off in the row that begins on this line"))
            }
            Cut::Endless => Err(ReadError::broken(
                line,
                "the row is over 4 MB long, and it is unknown where the next one begins; is a quote or bracket left \
                 open?",
            )),
        }
    }

    /// The next byte within an array, after white space.
    fn peek(&mut self) -> Result<u8, ReadError> {
        let before = self.cutter.line;
        let next = self.cutter.peek()?;
        next.ok_or_else(|| ReadError::broken(before, "the file is cut off: its array does not end"))
    }

    /// Adds to a row of phpMyAdmin the name of its table. An element outside tables describes the export.
    fn of_table(&self, row: Row) -> Row {
        if !self.opens_tables {
            return row;
        }
        let table = self.table.as_deref().unwrap_or_default();
        Row { record: row.record.map(|fields| dump_record(table, None, fields)), ..row }
    }
}

impl<R: BufRead> ReadRows for JsonRows<R> {
    fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        loop {
            let row = match self.place {
                Place::Begin => {
                    self.begin()?;
                    None
                }
                Place::Lines => self.next_line()?,
                Place::First | Place::After => self.next_element()?,
                Place::End => return Ok(None),
            };
            if row.is_some() {
                return Ok(row);
            }
        }
    }

    fn current_line(&self) -> u64 {
        self.cutter.line
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

fn row(position: Position, bytes: &[u8]) -> Row {
    let shown = || Value::String(String::from_utf8_lossy(bytes).trim().to_owned());
    let record = if bytes.len() > MAX_ROW || has_too_many_values(bytes) {
        Err((Reason::TooLong, Value::Null))
    } else if std::str::from_utf8(bytes).is_err() {
        Err((Reason::NotUtf8, shown()))
    } else {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(record)) => Ok(record),
            Ok(other) => Err((Reason::NotAnObject, other)),
            // The parser refuses more than 127 levels. DynamoDB refuses fewer, later.
            Err(error) if error.to_string().starts_with("recursion limit") => Err((Reason::TooDeep, shown())),
            Err(_) => Err((Reason::NotJson, shown())),
        }
    };
    Row { position, record }
}
