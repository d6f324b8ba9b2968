//! Dumps in XML, as `mysqldump --xml`, `mysql --xml`, phpMyAdmin and Django's `dumpdata` write them.
//!
//! `quick-xml` reads one tag or text at a time. It resolves no entities but those of XML itself, so none grows.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use super::{Broken, Position, Record, Row, of_dump};
use crate::import::reason::Reason;
use crate::import::source::{MAX_ROW, MAX_SEARCH, Meter};

/// The deepest nesting of tags. No dump has more than six levels.
const MAX_DEPTH: u32 = 32;

/// Returns whether a file that begins so is XML.
pub(super) fn is_xml(begin: &[u8]) -> bool {
    ["<?xml", "<mysqldump", "<resultset", "<pma_xml_export", "<django-objects"]
        .iter()
        .any(|start| begin.trim_ascii_start().starts_with(start.as_bytes()))
}

/// The rows of a dump in XML.
pub struct XmlRows<R> {
    reader: Reader<Counted<R>>,
    meter: Meter,
    /// The table of `table_data`, within which rows have no name.
    table: Option<String>,
    depth: u32,
    ended: bool,
}

/// A row that is read.
struct Element {
    model: Option<String>,
    pk: Option<String>,
    position: Position,
    fields: Record,
    /// The bytes of its fields.
    bytes: usize,
    problem: Option<Reason>,
}

/// A field that is read.
struct Field {
    name: String,
    text: String,
    is_null: bool,
    /// phpMyAdmin's null is the word. Others have a mark for null, and the word is somebody's name.
    may_be_word: bool,
    /// Its text is hexadecimal digits.
    is_hex: bool,
    /// It has other elements than `None`, as a field of several values has.
    is_nested: bool,
}

impl<R: BufRead> XmlRows<R> {
    /// The rows of this file.
    pub(super) fn new(reader: R, meter: Meter) -> Self {
        let mut reader = Reader::from_reader(Counted { inner: reader, line: 1, left: MAX_SEARCH });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, meter, table: None, depth: 0, ended: false }
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn read(&mut self) -> Result<Option<Row>, Error> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let counted = self.reader.get_mut();
            counted.left = MAX_SEARCH;
            let line = counted.line;
            match self.reader.read_event_into(&mut buffer)? {
                Event::Eof if self.depth == 0 => return Ok(None),
                Event::Eof => return Err(Error::Syntax(SyntaxError::UnclosedTag)),
                Event::End(_) => self.depth = self.depth.saturating_sub(1),
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(Error::Io(io::Error::other("its tags are nested too deeply").into()));
                    }
                    let element = Element {
                        model: None,
                        pk: None,
                        position: Position::line(line),
                        fields: Record::new(),
                        bytes: 0,
                        problem: None,
                    };
                    let element = match start.name().as_ref() {
                        "table_data" => {
                            self.table = attribute(&start, "name");
                            continue;
                        }
                        "row" => Element { model: self.table.clone(), ..element },
                        "table" => Element { model: attribute(&start, "name"), ..element },
                        "object" => {
                            let (model, pk) = (attribute(&start, "model"), attribute(&start, "pk"));
                            Element { model, pk, ..element }
                        }
                        _ => continue,
                    };
                    return self.row(element).map(Some);
                }
                _ => {}
            }
        }
    }

    /// Reads a row up to its end tag.
    fn row(&mut self, mut element: Element) -> Result<Row, Error> {
        let (outside, mut buffer) = (self.depth - 1, Vec::new());
        let mut field: Option<Field> = None;
        while self.depth > outside {
            buffer.clear();
            let event = self.reader.read_event_into(&mut buffer)?;
            match (event, &mut field) {
                (Event::Eof, _) => return Err(Error::Syntax(SyntaxError::UnclosedTag)),
                (Event::Start(start), None) => {
                    self.depth += 1;
                    let name = attribute(&start, "name");
                    field = name.map(|name| Field {
                        name,
                        text: String::new(),
                        is_null: attribute(&start, "xsi:nil").as_deref() == Some("true"),
                        may_be_word: start.name().as_ref() == "column",
                        is_hex: attribute(&start, "xsi:type").as_deref() == Some("xs:hexBinary"),
                        is_nested: false,
                    });
                }
                (Event::Start(start), Some(field)) => {
                    self.depth += 1;
                    // Django's null.
                    let is_null = start.name().as_ref() == "None";
                    field.is_null |= is_null;
                    field.is_nested |= !is_null;
                }
                (Event::End(_), _) => {
                    self.depth -= 1;
                    if self.depth == outside + 1
                        && let Some(field) = field.take()
                    {
                        element.take(field);
                    }
                }
                (Event::Text(text), Some(field)) => element.push(field, &text.xml10_content()),
                (Event::CData(text), Some(field)) => element.push(field, &text.xml10_content()),
                (Event::GeneralRef(reference), Some(field)) => {
                    let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                    let entity = || resolve_xml_entity(&reference).map(str::to_owned);
                    match character.or_else(entity) {
                        Some(text) => element.push(field, &text),
                        None => element.problem = Some(Reason::Unreadable { format: "XML" }),
                    }
                }
                _ => {}
            }
            if self.depth > outside + MAX_DEPTH {
                return Err(Error::Io(io::Error::other("its tags are nested too deeply").into()));
            }
        }
        Ok(element.into_row())
    }

    fn broken(&mut self, error: &Error) -> Broken {
        self.ended = true;
        let what = match error {
            Error::Syntax(_) | Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
                "the file is cut off: an element does not end".to_owned()
            }
            Error::Encoding(_) => "the file is not UTF-8 from here on: name its encoding with --encoding, or dump with --hex-blob".to_owned(),
            other => format!("the file cannot be read any further: {other}"),
        };
        Broken { line: self.reader.get_mut().line, what }
    }
}

impl<R: BufRead> Iterator for XmlRows<R> {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.read() {
            Ok(Some(row)) => Some(Ok(row)),
            Ok(None) => {
                self.ended = true;
                None
            }
            Err(error) => Some(Err(self.broken(&error))),
        }
    }
}

impl Element {
    /// Adds text to a field, unless the row is too long.
    fn push(&mut self, field: &mut Field, text: &str) {
        self.bytes += text.len();
        if self.bytes > MAX_ROW {
            self.problem = Some(Reason::TooLong);
        } else {
            field.text.push_str(text);
        }
    }

    fn take(&mut self, field: Field) {
        let Field { name, text, is_null, may_be_word, is_hex, is_nested } = field;
        let value = if is_null || may_be_word && text == "NULL" {
            Value::Null
        } else if is_nested {
            return;
        } else if is_hex {
            // Of a column that is no text, the digits.
            let spelt = hex::decode(&text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Value::String(spelt.unwrap_or(text))
        } else {
            Value::String(text)
        };
        self.fields.insert(name, value);
    }

    fn into_row(self) -> Row {
        let Self { model, pk, position, mut fields, problem, .. } = self;
        fields.retain(|_, value| !value.is_null());
        let record = match (model, pk) {
            (Some(model), None) => of_dump(&model, fields),
            (Some(model), Some(pk)) => {
                let record = [("model", json!(model)), ("pk", json!(pk)), ("fields", Value::Object(fields))];
                record.map(|(member, value)| (member.to_owned(), value)).into_iter().collect()
            }
            (None, _) => fields,
        };
        Row {
            position,
            record: match problem {
                None => Ok(record),
                Some(reason) => Err((reason, Value::Object(record))),
            },
        }
    }
}

/// An attribute of a start tag. `None` where it is not there, or not readable.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

/// A reader that counts lines, and reads only so many bytes until it is allowed more.
struct Counted<R> {
    inner: R,
    /// The line of the next byte, from 1.
    line: u64,
    /// How many bytes may be read.
    left: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            return Err(io::Error::other("a row is over 4 MB long"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        // What is consumed is in the buffer, so this reads nothing.
        if let Ok(bytes) = self.inner.fill_buf() {
            let lines = bytes.iter().take(count).filter(|byte| **byte == b'\n').count();
            self.line += lines as u64;
        }
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn rows(text: &str) -> Vec<Result<Row, Broken>> {
        // A buffer of five bytes ends everywhere.
        XmlRows::new(BufReader::with_capacity(5, text.as_bytes()), Meter::default()).collect()
    }

    fn records(text: &str) -> Vec<(u64, Value)> {
        let of_row = |row: Result<Row, Broken>| {
            let row = row.unwrap();
            (row.position.line, Value::Object(row.record.unwrap()))
        };
        rows(text).into_iter().map(of_row).collect()
    }

    #[test]
    fn rows_of_mysqldump() {
        let text = "<?xml version=\"1.0\"?>\n<mysqldump xmlns:xsi=\"x\">\n<database name=\"shop\">\n\
            \t<table_structure name=\"users\">\n\t\t<field Field=\"id\" Type=\"int\" />\n\t</table_structure>\n\
            \t<table_data name=\"users\">\n\t<row>\n\t\t<field name=\"id\">33</field>\n\
            \t\t<field name=\"username\">a &lt;b&gt; &amp; &quot;c&quot;&#10;d</field>\n\
            \t\t<field name=\"email\" xsi:nil=\"true\" />\n\t\t<field name=\"empty\"></field>\n\
            \t\t<field name=\"hex\" xsi:type=\"xs:hexBinary\">C3A9</field>\n\t</row>\n\
            \t<row>\n\t\t<field name=\"id\">34</field>\n\t\t<field name=\"name\">NULL</field>\n\t</row>\n\t</table_data>\n</database>\n</mysqldump>\n";
        assert_eq!(
            records(text),
            [
                (
                    8,
                    json!({"model": "users", "pk": "33", "fields":
                    {"id": "33", "username": "a <b> & \"c\"\nd", "empty": "", "hex": "\u{e9}"}})
                ),
                (15, json!({"model": "users", "pk": "34", "fields": {"id": "34", "name": "NULL"}})),
            ]
        );
    }

    #[test]
    fn rows_of_a_query() {
        let text = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"SELECT * FROM users\n\" xmlns:xsi=\"x\">\n  \
            <row>\n\t<field name=\"id\">1</field>\n\t<field name=\"x\" xsi:nil=\"true\" />\n  </row>\n</resultset>\n";
        assert_eq!(records(text), [(5, json!({"id": "1"}))]);
    }

    #[test]
    fn rows_of_phpmyadmin() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!--\n- phpMyAdmin XML Dump\n-->\n\n\
            <pma_xml_export version=\"1.0\" xmlns:pma=\"x\">\n<pma:structure_schemas>\n<pma:table name=\"users\">\n\
            CREATE TABLE `users` (id int);\n</pma:table>\n</pma:structure_schemas>\n<database name=\"shop\">\n\
            <!-- Table users -->\n<table name=\"users\">\n<column name=\"id\">1</column>\n\
            <column name=\"email\">NULL</column>\n</table>\n</database>\n</pma_xml_export>";
        assert_eq!(records(text), [(14, json!({"model": "users", "pk": "1", "fields": {"id": "1"}}))]);
    }

    #[test]
    fn objects_of_django() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<django-objects version=\"1.0\">\
            <object model=\"auth.user\" pk=\"1\"><field name=\"password\" type=\"CharField\">x$y</field>\
            <field name=\"last_login\" type=\"DateTimeField\"><None></None></field>\
            <field name=\"last_name\" type=\"CharField\">NULL</field>\
            <field name=\"groups\" rel=\"ManyToManyRel\" to=\"auth.group\"><object pk=\"1\"></object></field>\
            <field name=\"is_active\" type=\"BooleanField\">True</field></object></django-objects>";
        assert_eq!(
            records(text),
            [(
                2,
                json!({"model": "auth.user", "pk": "1",
                "fields": {"password": "x$y", "last_name": "NULL", "is_active": "True"}})
            )]
        );
    }

    #[test]
    fn what_is_wrong_with_a_row_is_that_row_alone() {
        let long = "x".repeat(MAX_ROW + 1);
        let text = format!(
            "<resultset><row><field name=\"a\">&evil;</field></row><row><field name=\"a\">{long}</field></row>\
             <row><field name=\"a\">1</field></row></resultset>"
        );
        let found: Vec<_> =
            rows(&text).into_iter().map(|row| row.unwrap().record.map_err(|(why, _)| why)).collect();
        assert_eq!(found[0], Err(Reason::Unreadable { format: "XML" }));
        assert_eq!(found[1], Err(Reason::TooLong));
        assert_eq!(found[2].as_ref().unwrap()["a"], json!("1"));
    }

    #[test]
    fn file_that_is_cut_off_or_has_no_end_says_so() {
        for cut in [
            "<resultset><row><field name=\"a\">1</fie",
            "<resultset><row><field name=\"a\">1",
            "<resultset><row>",
            "<resultset>",
            "<resultset",
        ] {
            let end = rows(cut).pop().unwrap().err();
            assert!(end.as_ref().is_some_and(|end| end.what.contains("cut off")), "{cut}: {end:?}");
        }
        let endless = format!("<resultset><row><field name=\"a\">{}", "x".repeat(MAX_SEARCH as usize + 1));
        let broken = rows(&endless).pop().unwrap().err().unwrap();
        assert!(broken.what.contains("over 4 MB"), "{broken:?}");
        let deep = format!("<resultset>{}", "<a>".repeat(100));
        let broken = rows(&deep).pop().unwrap().err().unwrap();
        assert!(broken.what.contains("nested"), "{broken:?}");
    }
}
