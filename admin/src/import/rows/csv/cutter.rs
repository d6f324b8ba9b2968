//! Cuts a CSV file into rows by its quotes and line breaks.

use std::io::{self, BufRead};

use crate::import::source::{MAX_ROW, MAX_SEARCH};

/// Cuts a file into rows.
pub(super) struct Cutter<R> {
    reader: R,
    delimiter: u8,
    /// Whether a field may be in quotes.
    has_quotes: bool,
    /// The number of the line that is read.
    line: u64,
    /// The line on which the row begins.
    pub(super) begins: u64,
    /// Whether the last byte was a carriage return. A line feed after it belongs to the same line break.
    after_return: bool,
    /// Whether something follows a quote that ends a field. Then the quote was not meant to end it.
    stray: bool,
    /// The bytes of the row. Of a row that is too long, the first `MAX_ROW` + 1.
    pub(super) bytes: Vec<u8>,
    /// Which of its fields are in quotes.
    pub(super) quoted: Vec<bool>,
}

/// What was cut out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A row.
    Row,
    /// Something follows a quote that ends a field.
    Stray,
    /// A row that is too long.
    TooLong,
    /// The end of the file.
    End,
    /// The file ends within quotes.
    OpenQuote,
    /// A quoted field is so long that its end is not looked for.
    Endless,
}

/// Where in a row a byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldBegins,
    Plain,
    Quoted,
    /// After a quote within quotes. That quote ends the field, or is the first of two that stand for one.
    AfterQuote,
}

impl<R: BufRead> Cutter<R> {
    /// Reads a file from its beginning.
    pub(super) fn new(reader: R, delimiter: u8, has_quotes: bool) -> Self {
        Self {
            reader,
            delimiter,
            has_quotes,
            line: 1,
            begins: 1,
            after_return: false,
            stray: false,
            bytes: Vec::new(),
            quoted: Vec::new(),
        }
    }

    /// Reads the next row, without its line break. Empty lines are no rows.
    pub(super) fn cut(&mut self) -> io::Result<Cut> {
        let (mut place, mut length) = (Place::FieldBegins, 0u64);
        self.bytes.clear();
        self.quoted.clear();
        self.quoted.push(false);
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
                    // Where fields have no quotes, a carriage return within a text is written as it is.
                    (_, b'\r') if !self.has_quotes => Place::Plain,
                    (_, b'\n' | b'\r') => {
                        self.line += 1;
                        self.after_return = *byte == b'\r';
                        if !self.has_quotes && self.bytes.last() == Some(&b'\r') {
                            self.bytes.pop();
                            length -= 1;
                        }
                        if length > 0 {
                            ended = true;
                            break;
                        }
                        self.begins = self.line;
                        continue;
                    }
                    (Place::FieldBegins | Place::AfterQuote, b'"') if self.has_quotes => {
                        if let Some(last) = self.quoted.last_mut() {
                            *last = true;
                        }
                        Place::Quoted
                    }
                    (_, byte) if byte == self.delimiter => {
                        self.quoted.push(false);
                        Place::FieldBegins
                    }
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
            // Megabytes within quotes that end in the wrong place hold other rows.
            (true, true) => Cut::Endless,
            (true, false) => Cut::Stray,
            (false, true) => Cut::TooLong,
            (false, false) => Cut::Row,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use ::csv::{ByteRecord, ReaderBuilder};

    use super::*;

    /// The rows with the lines on which they begin, and how the file ends.
    fn cut(text: &str) -> (Vec<(u64, String)>, Cut) {
        // A buffer of three bytes ends everywhere.
        let mut cutter = Cutter::new(BufReader::with_capacity(3, text.as_bytes()), b',', true);
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
    fn lines_are_counted_as_an_editor_counts_them() {
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
    fn carriage_return_in_a_row_without_quotes_is_text() {
        let mut cutter = Cutter::new("a\tb\r\n1\tx\r\\ny\r\n\r\n2\t\"".as_bytes(), b'\t', false);
        for row in ["a\tb", "1\tx\r\\ny", "2\t\""] {
            assert_eq!(cutter.cut().unwrap(), Cut::Row);
            assert_eq!(String::from_utf8_lossy(&cutter.bytes), row);
        }
        assert_eq!((cutter.cut().unwrap(), cutter.begins), (Cut::End, 4));
    }

    #[test]
    fn quote_left_open_ends_the_file() {
        let (rows, end) = cut("a,b\n1,\"x\n2,y\n");
        assert_eq!((rows.len(), end), (1, Cut::OpenQuote));
        assert_eq!(cut("a,\"").1, Cut::OpenQuote);
        assert_eq!(cut("a,\"\"").1, Cut::End);
        assert_eq!(cut(&format!("\"{}", "x\n".repeat(MAX_SEARCH as usize))).1, Cut::Endless);
    }

    #[test]
    fn quote_closed_by_another_row_is_stray() {
        let text = "a,b\n1,\"x\n2,\"y\"\n3,\"z\"\"\"\n";
        let mut cutter = Cutter::new(text.as_bytes(), b',', true);
        for (kind, line) in [(Cut::Row, 1), (Cut::Stray, 2), (Cut::Row, 4), (Cut::End, 5)] {
            assert_eq!((cutter.cut().unwrap(), cutter.begins), (kind, line));
        }
    }

    #[test]
    fn row_that_is_too_long_is_one_row() {
        let text = format!("{}\nb", "x".repeat(MAX_SEARCH as usize + 7));
        let mut cutter = Cutter::new(text.as_bytes(), b',', true);
        assert_eq!((cutter.cut().unwrap(), cutter.begins), (Cut::TooLong, 1));
        assert_eq!((cutter.cut().unwrap(), cutter.begins), (Cut::Row, 2));
    }
}
