//! Dumps in XML, as `mysqldump --xml`, `mysql --xml`, phpMyAdmin and Django's `dumpdata` write them.
//!
//! `quick-xml` reads one tag or text at a time. It resolves only the entities of XML itself, so that no
//! entity expands.

mod counted;
mod element;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use self::counted::Counted;
use self::element::{Element, Field};
use super::reader::{ReadError, ReadRows};
use super::row::{Position, Row};
use crate::import::reason::Reason;
use crate::import::source::{MAX_SEARCH, Meter};

/// The deepest nesting of tags. No dump has more than six levels.
const MAX_DEPTH: u32 = 32;

/// Returns whether a file is XML, by its beginning.
pub(super) fn is_xml(begin: &[u8]) -> bool {
    ["<?xml", "<mysqldump", "<resultset", "<pma_xml_export", "<django-objects"]
        .iter()
        .any(|start| begin.trim_ascii_start().starts_with(start.as_bytes()))
}

/// The rows of a dump in XML.
pub(super) struct XmlRows<R> {
    reader: Reader<Counted<R>>,
    meter: Meter,
    /// The table of `table_data`. The rows within it name no table.
    table: Option<String>,
    depth: u32,
}

impl<R: BufRead> XmlRows<R> {
    /// The rows of this file.
    pub(super) fn new(reader: R, meter: Meter) -> Self {
        let mut reader = Reader::from_reader(Counted { inner: reader, line: 1, left: MAX_SEARCH });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, meter, table: None, depth: 0 }
    }

    /// Reads up to the next row, and reads that.
    fn next_row(&mut self) -> Result<Option<Row>, Error> {
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
                    let position = Position::line(line);
                    let element = match start.name().as_ref() {
                        "table_data" => {
                            self.table = attribute(&start, "name");
                            continue;
                        }
                        "row" => Element::new(position, self.table.clone(), None),
                        "table" => Element::new(position, attribute(&start, "name"), None),
                        "object" => {
                            Element::new(position, attribute(&start, "model"), attribute(&start, "pk"))
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
                        element.add(field);
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
}

impl<R: BufRead> ReadRows for XmlRows<R> {
    fn read_row(&mut self) -> Result<Option<Row>, ReadError> {
        self.next_row().map_err(|error| {
            let what = match &error {
                Error::Syntax(_) | Error::IllFormed(IllFormedError::MissingEndTag(_)) => {
                    "the file is cut off: an element does not end".to_owned()
                }
                Error::Encoding(_) => {
                    "the file is not UTF-8 from here on: name its encoding with --encoding, or dump with --hex-blob"
                        .to_owned()
                }
                other => format!("the file cannot be read any further: {other}"),
            };
            ReadError::broken(self.current_line(), what)
        })
    }

    fn current_line(&self) -> u64 {
        self.reader.get_ref().line
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// Returns an attribute of a start tag. `None` if it is missing or not readable.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).ok()??;
    attribute.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}
