//! Cuts lines and elements out of JSON, by line breaks, brackets and quotes.

use std::io::{self, BufRead};

use crate::import::source::{MAX_ROW, MAX_SEARCH};

/// Cuts a file into lines or elements.
pub(super) struct Cutter<R> {
    reader: R,
    /// The number of the line that is read, from 1.
    pub(super) line: u64,
    /// The bytes that were cut out. Of a row that is too long, the first `MAX_ROW` + 1.
    pub(super) bytes: Vec<u8>,
}

/// How an element ends.
pub(super) enum Cut {
    /// Before the comma or bracket that ends it.
    Whole,
    /// Before the bracket that begins the rows of a table.
    Table,
    /// At the end of the file.
    EndOfFile,
    /// It is so long that its end is not looked for.
    Endless,
}

impl<R: BufRead> Cutter<R> {
    /// Reads a file from its beginning.
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 1, bytes: Vec::new() }
    }

    /// Skips white space. Returns the byte after it, and leaves that where it is.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
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

    /// Skips the byte that [`Self::peek`] returned.
    pub(super) fn skip(&mut self) {
        self.reader.consume(1);
    }

    /// Cuts out a line.
    pub(super) fn cut_line(&mut self) -> io::Result<()> {
        self.bytes.clear();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(buffer.len());
            keep(&mut self.bytes, buffer.get(..taken).unwrap_or_default());
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                self.line += 1;
                return Ok(());
            }
        }
    }

    /// Cuts out an element. With `to_table`, only up to the first bracket within its braces.
    pub(super) fn cut_element(&mut self, to_table: bool) -> io::Result<Cut> {
        self.bytes.clear();
        let (mut depth, mut quoted, mut escaped, mut length) = (0u32, false, false, 0);
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(Cut::EndOfFile);
            }
            let (mut end, mut is_table) = (None, false);
            for (index, byte) in buffer.iter().enumerate() {
                match byte {
                    b'\n' => self.line += 1,
                    _ if escaped => {}
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'[' if depth == 1 && to_table => {
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
            keep(&mut self.bytes, buffer.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            length += taken as u64;
            if is_table {
                return Ok(Cut::Table);
            }
            if end.is_some() {
                return Ok(Cut::Whole);
            }
            if length > MAX_SEARCH {
                return Ok(Cut::Endless);
            }
        }
    }
}

/// Appends bytes, up to one byte more than a row may have.
fn keep(row: &mut Vec<u8>, bytes: &[u8]) {
    let room = (MAX_ROW + 1).saturating_sub(row.len());
    row.extend(bytes.iter().take(room));
}
