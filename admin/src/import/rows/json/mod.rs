//! JSON: one value a line, the elements of one array, or the tables that phpMyAdmin writes into one.
//!
//! An element is cut out by its brackets and quotes before it is parsed, so that one that is no JSON is one row
//! less, its line is known, and an array of any length takes the memory of one element.

use std::io::BufRead;

use serde_json::Value;

use super::{Broken, Position, Row, has_too_many_values, of_dump};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, MAX_SEARCH, Meter};

/// The rows of a JSON file.
pub struct JsonRows<R> {
    reader: R,
    meter: Meter,
    line: u64,
    place: Place,
    element: Vec<u8>,
    /// How many elements of the array were begun.
    elements: u64,
    /// Elements with a table's rows in them are opened, as phpMyAdmin's export has them.
    opens_tables: bool,
    /// The table whose rows are read.
    table: Option<String>,
    skipped_lines: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Begin,
    Lines,
    /// In the array, before its first element.
    First,
    /// In the array, after an element.
    After,
    End,
}

/// How an element was read.
enum Taken {
    Whole,
    /// Up to the bracket before the rows of a table.
    Table,
    /// The file ends before it does.
    CutOff,
    /// It is so long that its end is not looked for.
    Endless,
}

impl<R: BufRead> JsonRows<R> {
    /// The rows of this file.
    pub fn new(reader: R, meter: Meter) -> Self {
        Self {
            reader,
            meter,
            line: 1,
            place: Place::Begin,
            element: Vec::new(),
            elements: 0,
            opens_tables: false,
            table: None,
            skipped_lines: 0,
        }
    }

    /// The rows of all tables of an export by phpMyAdmin.
    pub fn of_phpmyadmin(reader: R, meter: Meter) -> Self {
        Self { opens_tables: true, ..Self::new(reader, meter) }
    }

    /// How many lines were skipped.
    pub fn skipped_lines(&self) -> usize {
        self.skipped_lines
    }

    /// Skips lines. They count.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn skip_lines(&mut self, lines: usize) -> std::io::Result<()> {
        for _ in 0..lines {
            self.take_line()?;
            self.element.clear();
        }
        self.skipped_lines = lines;
        Ok(())
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn broken(&mut self, line: u64, what: &str) -> Option<Result<Row, Broken>> {
        self.place = Place::End;
        Some(Err(Broken { line, what: what.to_owned() }))
    }

    /// The next byte that is no white space, left where it is.
    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let Some(byte) = buffer.first().copied() else { return Ok(None) };
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.reader.consume(1);
        }
    }

    /// Reads a line. `false` at the end of the file.
    fn take_line(&mut self) -> std::io::Result<bool> {
        let mut read = false;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(read);
            }
            read = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(buffer.len());
            keep(&mut self.element, &buffer[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                self.line += 1;
                return Ok(true);
            }
        }
    }

    /// Reads up to the comma or bracket that ends an element.
    fn take_element(&mut self) -> std::io::Result<Taken> {
        let (mut depth, mut quoted, mut escaped, mut length) = (0u32, false, false, 0);
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Taken::CutOff);
            }
            let (mut end, mut is_table) = (None, false);
            for (index, byte) in buffer.iter().enumerate() {
                match byte {
                    b'\n' => self.line += 1,
                    _ if escaped => {}
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'[' if depth == 1 && self.opens_tables && self.table.is_none() => {
                        (end, is_table) = (Some(index), true);
                        break;
                    }
                    b'{' | b'[' => depth += 1,
                    b',' | b']' if depth == 0 => {
                        end = Some(index);
                        break;
                    }
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                escaped = quoted && *byte == b'\\' && !escaped;
            }
            let taken = end.unwrap_or(buffer.len());
            keep(&mut self.element, &buffer[..taken]);
            self.reader.consume(taken);
            length += taken as u64;
            if is_table {
                return Ok(Taken::Table);
            }
            if end.is_some() {
                return Ok(Taken::Whole);
            }
            if length > MAX_SEARCH {
                return Ok(Taken::Endless);
            }
        }
    }

    /// The next row. `None` at the end, and where a table begins or ends.
    fn next_row(&mut self) -> std::io::Result<Option<Result<Row, Broken>>> {
        if self.place == Place::Begin {
            self.place = match self.peek()? {
                None => Place::End,
                Some(b'[') => {
                    self.reader.consume(1);
                    Place::First
                }
                Some(_) => Place::Lines,
            };
        }
        self.element.clear();
        match self.place {
            Place::Begin | Place::End => Ok(None),
            Place::Lines => {
                // Empty lines are no rows.
                if self.peek()?.is_none() {
                    self.place = Place::End;
                    return Ok(None);
                }
                let line = self.line;
                self.take_line()?;
                Ok(Some(Ok(row(Position::line(line), &self.element))))
            }
            Place::First | Place::After => {
                let before = self.line;
                let Some(next) = self.peek()? else {
                    return Ok(self.broken(before, "the file is cut off: its array does not end"));
                };
                match (self.place, next) {
                    (_, b']') if self.table.take().is_some() => {
                        self.reader.consume(1);
                        // The brace that ends the element of the table.
                        if self.peek()? == Some(b'}') {
                            self.reader.consume(1);
                        }
                        self.place = Place::After;
                        return Ok(None);
                    }
                    (_, b']') => {
                        self.reader.consume(1);
                        if self.peek()?.is_some() {
                            return Ok(self.broken(self.line, "something follows the end of the array"));
                        }
                        self.place = Place::End;
                        return Ok(None);
                    }
                    (Place::After, b',') => self.reader.consume(1),
                    (Place::After, _) => {
                        return Ok(
                            self.broken(self.line, "there is no comma between two elements of the array")
                        );
                    }
                    _ => {}
                }
                self.place = Place::After;
                let before = self.line;
                if self.peek()?.is_none() {
                    return Ok(self.broken(before, "the file is cut off: its array does not end"));
                }
                let line = self.line;
                self.elements += 1;
                let position = Position { line, element: Some(self.elements) };
                Ok(match self.take_element()? {
                    Taken::Whole => Some(Ok(self.of_table(row(position, &self.element)))),
                    Taken::Table => {
                        self.element.extend(b"0}");
                        let head = row(position, &self.element).record.unwrap_or_default();
                        let name = head.get("name").and_then(Value::as_str).unwrap_or_default();
                        self.table = Some(name.to_owned());
                        self.reader.consume(1);
                        self.place = Place::First;
                        None
                    }
                    Taken::CutOff => self.broken(line, "the file is cut off in the row that begins on this line"),
                    Taken::Endless => self.broken(
                        line,
                        "the row is over 4 MB long, and it cannot be told where the next one begins; is a quote or \
                         bracket left open?",
                    ),
                })
            }
        }
    }
}

impl<R: BufRead> JsonRows<R> {
    /// Says of which table a row of phpMyAdmin is. What is in no table describes the export.
    fn of_table(&self, row: Row) -> Row {
        if !self.opens_tables {
            return row;
        }
        let table = self.table.as_deref().unwrap_or_default();
        Row { record: row.record.map(|fields| of_dump(table, fields)), ..row }
    }
}

impl<R: BufRead> Iterator for JsonRows<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_row() {
                Ok(None) if self.place != Place::End => {}
                Ok(next) => return next,
                Err(error) => {
                    return self.broken(self.line, &format!("the file cannot be read any further: {error}"));
                }
            }
        }
    }
}

/// Of a row that is too long, enough is kept to know that.
fn keep(element: &mut Vec<u8>, bytes: &[u8]) {
    let room = (MAX_ROW + 1).saturating_sub(element.len());
    element.extend(bytes.iter().take(room));
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
            // Over 127 levels; of fewer, DynamoDB tells.
            Err(error) if error.to_string().starts_with("recursion limit") => Err((Reason::TooDeep, shown())),
            Err(_) => Err((Reason::NotJson, shown())),
        }
    };
    Row { position, record }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of the rows that can be read, of those that cannot, and the end.
    fn rows(text: &str) -> (Vec<u64>, Vec<(u64, Reason)>, Option<Broken>) {
        let (mut good, mut bad, mut end) = (Vec::new(), Vec::new(), None);
        for row in JsonRows::new(std::io::BufReader::new(text.as_bytes()), Meter::default()) {
            match row {
                Ok(Row { position, record: Ok(_) }) => good.push(position.line),
                Ok(Row { position, record: Err((reason, _)) }) => bad.push((position.line, reason)),
                Err(broken) => end = Some(broken),
            }
        }
        (good, bad, end)
    }

    #[test]
    fn lines() {
        assert_eq!(rows("{}\n\n {\"a\":1}\r\n{}"), (vec![1, 3, 4], vec![], None));
        let (good, bad, end) = rows("{}\n{\"a\":\n[]\n{}\n");
        assert_eq!((good, end), (vec![1, 4], None));
        assert_eq!(bad, [(2, Reason::NotJson), (3, Reason::NotAnObject)].map(|(l, r)| (l, r)));
        assert_eq!(rows(""), (vec![], vec![], None));
    }

    #[test]
    fn arrays() {
        assert_eq!(rows("[]\n"), (vec![], vec![], None));
        assert_eq!(rows("[{},{\"a\":\"]},\\\"\"},\n{\"b\":[{}]}]"), (vec![1, 1, 2], vec![], None));
        assert_eq!(rows("[\n  {\n    \"a\": 1\n  },\n  {}\n]\n"), (vec![2, 5], vec![], None));
        assert_eq!(
            rows("[{},\n{x},\n7,\n{}]"),
            (vec![1, 4], vec![(2, Reason::NotJson), (3, Reason::NotAnObject)], None)
        );
    }

    #[test]
    fn elements_are_counted_and_lines_are_not_elements() {
        let positions = |text: &str| {
            let rows = JsonRows::new(std::io::BufReader::new(text.as_bytes()), Meter::default());
            rows.map(|row| row.unwrap().position.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            positions("[{},{x},\n{}]"),
            ["line 1, element 1", "line 1, element 2", "line 2, element 3"]
        );
        assert_eq!(positions("{}\n{}\n"), ["line 1", "line 2"]);
    }

    #[test]
    fn tables_of_phpmyadmin_are_opened() {
        let text = r#"[
{"type":"header","version":"5.2.1","comment":"Export to JSON plugin for phpMyAdmin"},
{"type":"database","name":"shop"},
{"type":"table","name":"groups","database":"shop","data":
[
]
},
{"type":"table","name":"users","database":"shop","data":
[
{"id":"1","username":"a]","x":null},
{"id":"2"
}
]
}
]
"#;
        let rows = JsonRows::of_phpmyadmin(std::io::BufReader::new(text.as_bytes()), Meter::default());
        let rows: Vec<Row> = rows.collect::<Result<_, _>>().unwrap();
        let records: Vec<Value> =
            rows.iter().filter_map(|row| Some(Value::Object(row.record.clone().ok()?))).collect();
        assert_eq!(
            records[2..],
            [
                serde_json::json!({"model": "users", "pk": "1", "fields": {"id": "1", "username": "a]"}}),
                serde_json::json!({"model": "users", "pk": "2", "fields": {"id": "2"}}),
            ]
        );
        assert_eq!((records.len(), rows[2].position.line, rows[3].position.line), (4, 10, 11));
    }

    #[test]
    fn nested_too_deeply() {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(rows(&text).1, [(1, Reason::TooDeep)]);
    }

    #[test]
    fn arrays_that_break_off() {
        for (text, good, line) in [
            ("[{},\n{\"a\":\"x", vec![1], 2),
            ("[{},\n{}", vec![1], 2),
            ("[{},\n", vec![1], 1),
            ("[", vec![], 1),
            ("[{}]\n{}", vec![1], 2),
        ] {
            let (found, bad, end) = rows(text);
            assert_eq!((found, bad.is_empty()), (good, true), "{text}");
            assert_eq!(end.map(|end| end.line), Some(line), "{text}");
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_one_row() {
        let text = format!("[{{\"a\":\"{}\"}},\n{{}}]", "x".repeat(MAX_ROW));
        assert_eq!(rows(&text), (vec![2], vec![(1, Reason::TooLong)], None));
    }

    #[test]
    fn a_row_without_an_end() {
        let long = "x".repeat(MAX_SEARCH as usize + (1 << 17));
        // Of lines, the next one begins after the line break.
        assert_eq!(
            rows(&format!("{{}}\n{{\"a\":\"{long}\"}}\n{{}}\n")),
            (vec![1, 3], vec![(2, Reason::TooLong)], None)
        );
        let (good, bad, end) = rows(&format!("[{{}},\n{{\"a\":\"{long}\"}},\n{{}}]"));
        assert_eq!((good, bad, end.as_ref().map(|end| end.line)), (vec![1], vec![], Some(2)));
        assert!(end.unwrap().what.contains("over 4 MB"));
    }
}
