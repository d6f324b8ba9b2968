//! CSV with a header, with commas, semicolons or tabs.
//!
//! A row is cut out by its quotes and line breaks before the `csv` crate splits it into fields: that crate takes a
//! quote that is left open for one field up to the end of the file, and says nothing.

use std::io::{self, BufRead, BufReader, Cursor};

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::Value;

use super::{Broken, Record, Row, other_format};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, MAX_SEARCH, Meter, Source, Text};
use crate::output::Failure;

/// The rows of a CSV file.
pub struct CsvRows {
    cutter: Cutter<BufReader<Text>>,
    /// Splits the row that it is given.
    splitter: Reader<Cursor<Vec<u8>>>,
    meter: Meter,
    columns: Vec<String>,
    record: ByteRecord,
    ended: bool,
}

/// Cuts a file into rows.
struct Cutter<R> {
    reader: R,
    delimiter: u8,
    /// The line that is read, and the one on which the row begins.
    line: u64,
    begins: u64,
    /// The last byte was a carriage return: a line feed after it belongs to the same line break.
    after_return: bool,
    /// Something follows a quote that ends a field: it is not the one that was to end it.
    stray: bool,
    /// The row; of one that is too long, enough to know that.
    bytes: Vec<u8>,
}

/// What was cut.
#[derive(Debug, PartialEq, Eq)]
enum Cut {
    Row,
    /// Something follows a quote that ends a field.
    Stray,
    TooLong,
    End,
    /// The file ends within quotes.
    OpenQuote,
    /// What is within quotes is so long that its end is not looked for.
    Endless,
}

/// Where in a row a byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldBegins,
    Plain,
    Quoted,
    /// After a quote within quotes: it ends them, or is the first of two that stand for one.
    AfterQuote,
}

impl CsvRows {
    /// Reads the header.
    ///
    /// # Errors
    /// If there is none, or it names a column twice.
    pub fn new(source: Source) -> Result<Self, Failure> {
        // Excel's first line, which says how the others are split.
        let said = source.begin.strip_prefix(b"sep=").and_then(<[u8]>::first).copied();
        let delimiter = said.unwrap_or_else(|| delimiter(&source.begin));
        let cutter = Cutter::new(source.reader, delimiter);
        let splitter = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .from_reader(Cursor::new(Vec::new()));
        let (meter, record) = (source.meter, ByteRecord::new());
        let mut rows = Self { cutter, splitter, meter, columns: Vec::new(), record, ended: false };
        if said.is_some() {
            // What is wrong with it shows when the header is cut.
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
        let twice = rows.columns.iter().enumerate().find(|(index, c)| rows.columns[..*index].contains(c));
        if let Some((_, twice)) = twice {
            return Err(other_format(format_args!("it has the column `{twice}` twice")));
        }
        Ok(rows)
    }

    /// The columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Splits the row that was cut. `false` if it is none, which no row that was cut is.
    fn split(&mut self) -> bool {
        let given = self.splitter.get_mut();
        given.set_position(0);
        std::mem::swap(given.get_mut(), &mut self.cutter.bytes);
        given.get_mut().push(b'\n');
        self.splitter.read_byte_record(&mut self.record).unwrap_or(false)
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
            let fields = self.columns.iter().zip(&self.record).filter(|(_, field)| !is_nothing(field));
            let text = |field: &[u8]| std::str::from_utf8(field).map(|text| Value::String(text.to_owned()));
            let record: Result<Record, _> =
                fields.map(|(column, field)| Ok((column.clone(), text(field)?))).collect();
            record.map_err(|_: std::str::Utf8Error| (Reason::NotUtf8, shown()))
        };
        Row { line: self.cutter.begins, record }
    }

    fn broken(&mut self, what: &str) -> Option<Result<Row, Broken>> {
        self.ended = true;
        Some(Err(Broken { line: self.cutter.begins, what: what.to_owned() }))
    }
}

impl Iterator for CsvRows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut cut = self.cutter.cut();
        let mut is_split = matches!(cut, Ok(Cut::Row)) && self.split();
        // Spreadsheets end in rows of nothing but delimiters.
        while is_split && self.record.len() > 1 && self.record.iter().all(<[u8]>::is_empty) {
            cut = self.cutter.cut();
            is_split = matches!(cut, Ok(Cut::Row)) && self.split();
        }
        match cut {
            Ok(Cut::Row) if is_split => Some(Ok(self.row())),
            Ok(Cut::Row) => self.broken("the row cannot be split into fields"),
            Ok(Cut::Stray) => {
                // With the rows that it may have swallowed, so that nobody is lost.
                let shown = String::from_utf8_lossy(&self.cutter.bytes).into_owned();
                Some(Ok(Row {
                    line: self.cutter.begins,
                    record: Err((Reason::StrayQuote, Value::String(shown))),
                }))
            }
            Ok(Cut::TooLong) => {
                Some(Ok(Row { line: self.cutter.begins, record: Err((Reason::TooLong, Value::Null)) }))
            }
            Ok(Cut::End) => {
                self.ended = true;
                None
            }
            Ok(Cut::OpenQuote) => self.broken(
                "a quote is left open in the row that begins on this line, up to the end of the file: no row after \
                 it was read",
            ),
            Ok(Cut::Endless) => self.broken(
                "the row is over 4 MB long, or ends in the wrong place: it cannot be told where the next one begins; is a \
                 quote left open?",
            ),
            Err(error) => self.broken(&format!("the file cannot be read any further: {error}")),
        }
    }
}

impl<R: BufRead> Cutter<R> {
    fn new(reader: R, delimiter: u8) -> Self {
        Self { reader, delimiter, line: 1, begins: 1, after_return: false, stray: false, bytes: Vec::new() }
    }

    /// Reads the next row, without its line break. Empty lines are no rows.
    fn cut(&mut self) -> io::Result<Cut> {
        let (mut place, mut length) = (Place::FieldBegins, 0u64);
        self.bytes.clear();
        self.stray = false;
        self.begins = self.line;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(match length {
                    0 => Cut::End,
                    _ if place == Place::Quoted => Cut::OpenQuote,
                    _ => self.whole(),
                });
            }
            let (mut taken, mut ended) = (0, false);
            for byte in buffer {
                taken += 1;
                if std::mem::take(&mut self.after_return) && *byte == b'\n' {
                    continue;
                }
                place = match (place, *byte) {
                    (Place::Quoted, b'"') => Place::AfterQuote,
                    (Place::Quoted, byte) => {
                        self.line += u64::from(byte == b'\n');
                        Place::Quoted
                    }
                    (_, b'\n' | b'\r') => {
                        self.line += 1;
                        self.after_return = *byte == b'\r';
                        if length > 0 {
                            ended = true;
                            break;
                        }
                        self.begins = self.line;
                        continue;
                    }
                    (Place::FieldBegins | Place::AfterQuote, b'"') => Place::Quoted,
                    (_, byte) if byte == self.delimiter => Place::FieldBegins,
                    (before, _) => {
                        self.stray |= before == Place::AfterQuote;
                        Place::Plain
                    }
                };
                length += 1;
                if self.bytes.len() <= MAX_ROW {
                    self.bytes.push(*byte);
                }
            }
            self.reader.consume(taken);
            if ended {
                return Ok(self.whole());
            }
            if place == Place::Quoted && length > MAX_SEARCH {
                return Ok(Cut::Endless);
            }
        }
    }

    fn whole(&self) -> Cut {
        match (self.stray, self.bytes.len() > MAX_ROW) {
            // Megabytes within quotes that end in the wrong place are other rows.
            (true, true) => Cut::Endless,
            (true, false) => Cut::Stray,
            (false, true) => Cut::TooLong,
            (false, false) => Cut::Row,
        }
    }
}

/// Whether a field says that there is no value: empty, or null as databases write it.
fn is_nothing(field: &[u8]) -> bool {
    matches!(field, b"" | b"NULL" | b"\\N")
}

/// Whichever of commas, semicolons and tabs the header has most of.
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

    /// The rows with the lines on which they begin, and how the file ends.
    fn cut(text: &str) -> (Vec<(u64, String)>, Cut) {
        // A buffer of three bytes ends everywhere.
        let mut cutter = Cutter::new(BufReader::with_capacity(3, text.as_bytes()), b',');
        let mut rows = Vec::new();
        loop {
            match cutter.cut().unwrap() {
                Cut::Row | Cut::Stray => {
                    rows.push((cutter.begins, String::from_utf8(cutter.bytes.clone()).unwrap()))
                }
                end => return (rows, end),
            }
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        for text in ["a\nb\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r"] {
            let rows = [(1, "a"), (2, "b"), (4, "c")].map(|(line, row)| (line, row.to_owned()));
            assert_eq!(cut(text), (rows.to_vec(), Cut::End), "{text:?}");
        }
        assert_eq!(cut("\n\n\"a\r\n\nb\",c\nd").0[1], (6, "d".to_owned()));
    }

    #[test]
    fn rows_are_cut_where_the_csv_crate_cuts_them() {
        for text in [
            "a,b\n1,\"x\ny\"\n2,\"\"\"\"\n",
            "1,a\"b\n2,\"a\"b\"\n3,c\n",
            "1,\"a\"\"\n,\"\n2,\"\"\n3, \"x\n4,y\n",
            "\"\"\n\"\",\"\"\r\n,\r\n\"a\n\"\"\",b\r\"c\"",
        ] {
            let mut whole =
                ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let expected: Vec<ByteRecord> = whole.byte_records().map(Result::unwrap).collect();
            let (rows, end) = cut(text);
            assert_eq!((rows.len(), end), (expected.len(), Cut::End), "{text:?}");
            for ((_, row), expected) in rows.iter().zip(&expected) {
                let mut one =
                    ReaderBuilder::new().has_headers(false).flexible(true).from_reader(row.as_bytes());
                assert_eq!(&one.byte_records().next().unwrap().unwrap(), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn quotes_that_are_left_open() {
        let (rows, end) = cut("a,b\n1,\"x\n2,y\n");
        assert_eq!((rows.len(), end), (1, Cut::OpenQuote));
        assert_eq!(cut("a,\"").1, Cut::OpenQuote);
        assert_eq!(cut("a,\"\"").1, Cut::End);
        assert_eq!(cut(&format!("\"{}", "x\n".repeat(MAX_SEARCH as usize))).1, Cut::Endless);
    }

    #[test]
    fn quotes_that_another_row_closes() {
        let text = "a,b\n1,\"x\n2,\"y\"\n3,\"z\"\"\"\n";
        let mut cutter = Cutter::new(text.as_bytes(), b',');
        for (kind, line) in [(Cut::Row, 1), (Cut::Stray, 2), (Cut::Row, 4), (Cut::End, 5)] {
            assert_eq!((cutter.cut().unwrap(), cutter.begins), (kind, line));
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_one_row() {
        let text = format!("{}\nb", "x".repeat(MAX_SEARCH as usize + 7));
        let mut cutter = Cutter::new(text.as_bytes(), b',');
        assert_eq!((cutter.cut().unwrap(), cutter.begins), (Cut::TooLong, 1));
        assert_eq!((cutter.cut().unwrap(), cutter.begins), (Cut::Row, 2));
    }
}
