//! YAML, as Django's `dumpdata` writes it: a sequence whose items begin with `- ` at the beginning of a line.
//!
//! An item is cut out by its lines before `saphyr-parser` reads it. So a file of any length takes the memory
//! of one item. A scalar stays text, because `012` and `1e5` differ between YAML 1.1, which Django writes,
//! and YAML 1.2.

use std::io::{self, BufRead};

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::reader::{ReadError, ReadRows};
use super::row::{Position, Record, Row, has_too_many_values};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, Meter};

/// The deepest nesting that DynamoDB takes.
const MAX_DEPTH: u32 = 32;

/// Returns whether a file is YAML of Django, by its beginning: the first item has a model.
pub(super) fn is_yaml(begin: &[u8]) -> bool {
    let mut lines = begin.split(|byte| *byte == b'\n').skip_while(|line| {
        let line = line.trim_ascii();
        line.is_empty() || line.starts_with(b"#") || line.starts_with(b"%") || line == b"---"
    });
    let first = lines.next().unwrap_or_default();
    [&b"- model:"[..], b"- pk:", b"- fields:"].iter().any(|start| first.starts_with(start))
}

/// The rows of a dump in YAML.
pub(super) struct YamlRows<R> {
    reader: R,
    meter: Meter,
    /// The number of the line that was read last.
    line: u64,
    /// The first line of the next item, and its number.
    next: Option<(u64, Vec<u8>)>,
}

impl<R: BufRead> YamlRows<R> {
    /// The rows of this file.
    pub(super) fn new(reader: R, meter: Meter) -> Self {
        Self { reader, meter, line: 0, next: None }
    }

    /// Reads a line. Of a line that is too long, returns the first `MAX_ROW` + 1 bytes. Returns `None` at the
    /// end of the file.
    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (mut line, mut is_any) = (Vec::new(), false);
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(is_any.then_some(line));
            }
            is_any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            keep(&mut line, buffer.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            if end.is_some() {
                self.line += 1;
                return Ok(Some(line));
            }
        }
    }
}

impl<R: BufRead> ReadRows for YamlRows<R> {
    /// Reads an item, and the first line of the item after it.
    fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        let (at, mut item) = match self.next.take() {
            Some(next) => next,
            None => loop {
                match self.next_line()? {
                    None => return Ok(None),
                    Some(line) if line.starts_with(b"- ") => break (self.line, line),
                    // Comments, directives and the beginning of the document.
                    Some(_) => {}
                }
            },
        };
        while let Some(line) = self.next_line()? {
            if line.starts_with(b"- ") {
                self.next = Some((self.line, line));
                break;
            }
            if !line.starts_with(b"---") && !line.starts_with(b"...") {
                keep(&mut item, &line);
            }
        }
        Ok(Some(row(at, &item)))
    }

    fn current_line(&self) -> u64 {
        self.line + 1
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Appends bytes, up to one byte more than an item may have.
fn keep(item: &mut Vec<u8>, bytes: &[u8]) {
    let room = (MAX_ROW + 1).saturating_sub(item.len());
    item.extend(bytes.iter().take(room));
}

fn row(line: u64, item: &[u8]) -> Row {
    let record = if item.len() > MAX_ROW || has_too_many_values(item) {
        Err((Reason::TooLong, Value::Null))
    } else {
        let shown = || Value::String(String::from_utf8_lossy(item).into_owned());
        match std::str::from_utf8(item) {
            Err(_) => Err((Reason::NotUtf8, shown())),
            Ok(text) => record(text).map_err(|reason| (reason, shown())),
        }
    };
    Row { position: Position::line(line), record }
}

/// Reads the only item of a sequence.
fn record(text: &str) -> Result<Record, Reason> {
    let text = without_indents(text);
    let mut events = Parser::new_from_str(&text);
    loop {
        match next(&mut events)? {
            Event::StreamStart | Event::DocumentStart(_) => {}
            Event::SequenceStart(..) => break,
            _ => return Err(Reason::Unreadable { format: "YAML" }),
        }
    }
    let first = next(&mut events)?;
    let record = value(first, &mut events, 0)?;
    match (record, next(&mut events)?) {
        (Value::Object(record), Event::SequenceEnd) => Ok(record),
        (_, Event::SequenceEnd) => Err(Reason::NotAnObject),
        _ => Err(Reason::Unreadable { format: "YAML" }),
    }
}

/// Removes the indents after the line breaks that only YAML 1.1 has. To Django, which writes YAML 1.1, they
/// are no text.
fn without_indents(text: &str) -> String {
    let mut indents = false;
    let is_text = |character: &char| {
        indents = matches!(character, '\u{85}' | '\u{2028}' | '\u{2029}') || indents && *character == ' ';
        !(indents && *character == ' ')
    };
    text.chars().filter(is_text).collect()
}

fn next<'t>(events: &mut Parser<'t, saphyr_parser::StrInput<'t>>) -> Result<Event<'t>, Reason> {
    let event = events.next_event().and_then(Result::ok);
    event.map(|(event, _)| event).ok_or(Reason::Unreadable { format: "YAML" })
}

/// Reads the value that begins with this event. Aliases and tags are refused; no dump has them.
fn value<'t>(
    event: Event<'t>,
    events: &mut Parser<'t, saphyr_parser::StrInput<'t>>,
    depth: u32,
) -> Result<Value, Reason> {
    if depth > MAX_DEPTH {
        return Err(Reason::TooDeep);
    }
    match event {
        Event::Scalar(text, style, _, None) => {
            let is_null =
                style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
            Ok(if is_null { Value::Null } else { Value::String(text.into_owned()) })
        }
        Event::SequenceStart(_, None) => {
            let mut items = Vec::new();
            loop {
                match next(events)? {
                    Event::SequenceEnd => return Ok(Value::Array(items)),
                    item => items.push(value(item, events, depth + 1)?),
                }
            }
        }
        Event::MappingStart(_, None) => {
            let mut members = Map::new();
            loop {
                match next(events)? {
                    Event::MappingEnd => return Ok(Value::Object(members)),
                    Event::Scalar(name, _, _, None) => {
                        let first = next(events)?;
                        members.insert(name.into_owned(), value(first, events, depth + 1)?);
                    }
                    _ => return Err(Reason::Unreadable { format: "YAML" }),
                }
            }
        }
        _ => Err(Reason::Unreadable { format: "YAML" }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Cursor};

    use serde_json::json;

    use super::*;
    use crate::import::rows::Rows;

    fn rows(text: &str) -> Vec<(u64, Result<Value, Reason>)> {
        // A buffer of five bytes ends everywhere.
        let reader = BufReader::with_capacity(5, Cursor::new(text.as_bytes().to_vec()));
        let rows = Rows::new(YamlRows::new(reader, Meter::default()));
        let of_row =
            |row: Row| (row.position.line, row.record.map(Value::Object).map_err(|(reason, _)| reason));
        rows.map(|row| of_row(row.unwrap())).collect()
    }

    #[test]
    fn each_item_of_django_is_a_row() {
        let text = "# a comment\n- model: auth.user\n  pk: 1\n  fields:\n    password: x$y/z=\n    last_login: null\n    \
            is_active: true\n    username: 1e5\n    first_name: \"Zo\\xEB\\nline \\\n      \\ more\"\n    \
            last_name: 'O''Neil\n\n      second'\n    date_joined: 2026-11-27 12:00:00.123456+00:00\n    groups: []\n    \
            email: ''\n- model: auth.user\n  pk: 2\n  fields: {username: \"007\", groups: [1, 2]}\n";
        assert_eq!(
            rows(text),
            [
                (
                    2,
                    Ok(
                        json!({"model": "auth.user", "pk": "1", "fields": {"password": "x$y/z=", "last_login": null,
                    "is_active": "true", "username": "1e5", "first_name": "Zo\u{eb}\nline  more",
                    "last_name": "O'Neil\nsecond", "date_joined": "2026-11-27 12:00:00.123456+00:00", "groups": [],
                    "email": ""}})
                    )
                ),
                (
                    17,
                    Ok(json!({"model": "auth.user", "pk": "2",
                    "fields": {"username": "007", "groups": ["1", "2"]}}))
                ),
            ]
        );
    }

    #[test]
    fn broken_item_is_rejected_alone() {
        let deep = format!("- model: {}1{}\n", "[".repeat(100), "]".repeat(100));
        let long = format!("- model: {}\n", "x".repeat(MAX_ROW));
        let text = format!(
            "- model: \"x\n- model: &a [1]\n  b: *a\n- model: !!python/object x\n{deep}{long}- pk: 1\n"
        );
        let unreadable = || Err(Reason::Unreadable { format: "YAML" });
        let found: Vec<_> = rows(&text).into_iter().map(|(_, row)| row).collect();
        assert_eq!(
            found,
            [
                unreadable(),
                unreadable(),
                unreadable(),
                Err(Reason::TooDeep),
                Err(Reason::TooLong),
                Ok(json!({"pk": "1"}))
            ]
        );
    }

    #[test]
    fn indents_after_line_breaks_of_yaml_1_1_are_no_text() {
        // PyYAML's of `\u{2028}`, `a\u{2029}b c` and `\u{85}  d`.
        let text = "- a: '\u{2028}    '\n  b: 'a\u{2029}    b c'\n  c: \"\\N  d\"\n";
        assert_eq!(rows(text)[0].1, Ok(json!({"a": "\u{2028}", "b": "a\u{2029}b c", "c": "\u{85}  d"})));
    }

    #[test]
    fn yaml_of_django_is_recognized_by_its_beginning() {
        for begin in ["- model: a.b\n", "---\n# x\n- fields: {}\n", "- pk: 1\n"] {
            assert!(is_yaml(begin.as_bytes()), "{begin}");
        }
        for begin in ["- a line of a log\n", "id,username\n", "{}", ""] {
            assert!(!is_yaml(begin.as_bytes()), "{begin}");
        }
    }
}
