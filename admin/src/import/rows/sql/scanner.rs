//! Cuts a dump in SQL into the heads of its statements and their rows, by quotes, brackets and comments.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use super::product::Product;
use super::statement::{Head, Kind, Piece, ends_in_values, kind};
use crate::import::source::MAX_ROW;

/// How much is kept of a statement without rows, in bytes.
const MAX_HEAD: usize = 1 << 18;

/// The comments that pg_dumpall, pg_dump and mysqldump write last; the longest first.
const LAST_COMMENTS: [&[u8]; 3] = [
    b"-- PostgreSQL database cluster dump complete",
    b"-- PostgreSQL database dump complete",
    b"-- Dump completed",
];

/// The longest tag of a dollar-quoted text, in bytes: an identifier of PostgreSQL has at most 63.
const MAX_TAG: usize = 64;

/// Reads a dump byte by byte.
pub(super) struct Scanner<R> {
    reader: R,
    product: Product,
    ahead: VecDeque<u8>,
    line: u64,
    /// Whether the file ended within a statement.
    cut_off: bool,
    /// Whether the comment that pg_dump and mysqldump write last was read.
    is_complete: bool,
    /// Whether a text has a backslash, and it is unknown what it means.
    is_ambiguous: bool,
    /// The byte that was read last.
    last: u8,
    /// The database that `USE` or `\connect` chose last.
    database: Option<String>,
}

impl<R: BufRead> Scanner<R> {
    /// Reads a dump of this product from its beginning.
    pub(super) fn new(reader: R, product: Product) -> Self {
        Self {
            reader,
            product,
            ahead: VecDeque::new(),
            line: 1,
            cut_off: false,
            is_complete: false,
            is_ambiguous: false,
            last: 0,
            database: None,
        }
    }

    /// The line that is read, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line
    }

    /// Whether the file ended within a statement.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Whether the comment that pg_dump and mysqldump write last was read.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Whether a text has a backslash, and it is unknown what it means. Nothing is read after it.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.is_ambiguous
    }

    /// The database that was chosen last.
    pub(super) fn database(&self) -> Option<String> {
        self.database.clone()
    }

    /// Reads the next statement; where rows follow, only up to them. `None` at the end.
    pub(super) fn head(&mut self) -> io::Result<Option<Head>> {
        if self.is_ambiguous {
            return Ok(None);
        }
        self.skip_space()?;
        // A command of psql, which pg_dump writes around the rest, ends with its line.
        while self.product == Product::PostgreSql && self.peek(0)? == Some(b'\\') {
            let command = self.line()?.map(|line| lossy(&line.bytes)).unwrap_or_default();
            if let Some(database) = command.strip_prefix("\\connect ") {
                self.database = Some(database.to_owned());
            }
            self.skip_space()?;
        }
        let mut text = Vec::new();
        let mut depth = 0_u32;
        loop {
            let before = text.len();
            let Some(byte) = self.peek(0)? else {
                self.cut_off |= !text.trim_ascii().is_empty();
                return Ok(None);
            };
            match byte {
                b';' if depth == 0 => {
                    self.bump()?;
                    break;
                }
                b'\'' | b'"' | b'`' => self.quoted(&mut text, MAX_HEAD)?,
                b'$' if self.product == Product::PostgreSql => self.dollar_quoted()?,
                b'-' | b'/' | b'#' if self.comment()? => text.push(b' '),
                _ => {
                    depth = match byte {
                        b'(' => depth + 1,
                        b')' => depth.saturating_sub(1),
                        _ => depth,
                    };
                    self.bump()?;
                    text.push(byte);
                }
            }
            if text.len() > MAX_HEAD {
                text.truncate(MAX_HEAD);
            }
            let is_word_end = before > 0 && !byte.is_ascii_alphanumeric() && byte != b'_';
            if depth <= 1 && is_word_end && kind(&text) == Kind::Insert && ends_in_values(&text, byte) {
                // The bracket of the first row belongs to the row.
                if byte == b'(' {
                    text.pop();
                    self.ahead.push_front(b'(');
                }
                return Ok(Some(Head { kind: Kind::Insert, text: lossy(&text) }));
            }
        }
        let kind = kind(&text);
        if kind == Kind::Copy {
            // The rest of the line of `FROM stdin;`.
            self.line()?;
        }
        // Rows of a statement without VALUES cannot be read.
        let kind = if kind == Kind::Insert { Kind::InsertWithoutValues } else { kind };
        if let Some(database) =
            text.get(..4).filter(|use_| use_.eq_ignore_ascii_case(b"USE ")).and(text.get(4..))
        {
            self.database = Some(lossy(database.trim_ascii()));
        }
        Ok(Some(Head { kind, text: lossy(&text) }))
    }

    /// Reads the next row in brackets of an `INSERT`. `None` at its end.
    pub(super) fn tuple(&mut self) -> io::Result<Option<Piece>> {
        self.skip_space()?;
        if self.peek(0)? == Some(b',') {
            self.bump()?;
            self.skip_space()?;
        }
        if self.peek(0)?.is_none() {
            // No semicolon ended the statement.
            self.cut_off = true;
            return Ok(None);
        }
        if self.peek(0)? != Some(b'(') {
            // The rest of the statement follows the rows.
            self.head()?;
            return Ok(None);
        }
        let (line, mut bytes, mut depth) = (self.line, Vec::new(), 0_u32);
        loop {
            let Some(byte) = self.peek(0)? else {
                self.cut_off = true;
                return Ok(None);
            };
            match byte {
                b'\'' | b'"' | b'`' => {
                    self.quoted(&mut bytes, MAX_ROW + 1)?;
                    if self.is_ambiguous {
                        return Ok(None);
                    }
                    continue;
                }
                b'(' => depth += 1,
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.bump()?;
            if bytes.len() <= MAX_ROW {
                bytes.push(byte);
            }
            if depth == 0 {
                return Ok(Some(Piece { line, bytes }));
            }
        }
    }

    /// Reads the next line, without its line break. `None` at the end of the file.
    pub(super) fn line(&mut self) -> io::Result<Option<Piece>> {
        let (line, mut bytes) = (self.line, Vec::new());
        while let Some(byte) = self.bump()? {
            match byte {
                b'\n' => return Ok(Some(Piece { line, bytes })),
                b'\r' if self.peek(0)? == Some(b'\n') => {}
                _ if bytes.len() <= MAX_ROW => bytes.push(byte),
                _ => {}
            }
        }
        self.cut_off = true;
        Ok(None)
    }

    /// Reads a quoted text with its quotes. Bytes after the first `most` are left out.
    fn quoted(&mut self, text: &mut Vec<u8>, most: usize) -> io::Result<()> {
        let push = |byte, text: &mut Vec<u8>| {
            if text.len() < most {
                text.push(byte);
            }
        };
        // In PostgreSQL, a backslash escapes only in a text after an E.
        let escapes = match self.product {
            Product::MySql => true,
            // `last` is the byte before the quote in the file. `text` lacks that byte if `text` is too long.
            Product::PostgreSql => self.last.eq_ignore_ascii_case(&b'e'),
            Product::Sqlite | Product::Unknown => false,
        };
        let Some(quote) = self.bump()? else { return Ok(()) };
        push(quote, text);
        while let Some(byte) = self.bump()? {
            push(byte, text);
            self.is_ambiguous |= byte == b'\\' && self.product == Product::Unknown;
            if byte == b'\\' && escapes && quote != b'`' {
                if let Some(escaped) = self.bump()? {
                    push(escaped, text);
                }
            } else if byte == quote {
                if self.peek(0)? != Some(quote) {
                    return Ok(());
                }
                self.bump()?;
                push(quote, text);
            }
        }
        self.cut_off = true;
        Ok(())
    }

    /// Skips a text between `$tag$` and `$tag$`, such as the body of a function.
    fn dollar_quoted(&mut self) -> io::Result<()> {
        let mut tag = vec![b'$'];
        self.bump()?;
        while let Some(byte) = self.peek(0)?.filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.bump()?;
            if tag.len() <= MAX_TAG {
                tag.push(byte);
            }
        }
        if tag.len() > MAX_TAG {
            return Ok(());
        }
        if self.peek(0)? != Some(b'$') {
            return Ok(());
        }
        self.bump()?;
        tag.push(b'$');
        let mut last = Vec::new();
        while let Some(byte) = self.bump()? {
            last.push(byte);
            if last.ends_with(&tag) {
                return Ok(());
            }
            if last.len() > 4 * tag.len() {
                last.drain(..2 * tag.len());
            }
        }
        self.cut_off = true;
        Ok(())
    }

    fn skip_space(&mut self) -> io::Result<()> {
        while let Some(byte) = self.peek(0)? {
            if byte.is_ascii_whitespace() {
                self.bump()?;
            } else if !self.comment()? {
                break;
            }
        }
        Ok(())
    }

    /// Skips a comment. Returns whether there was one.
    fn comment(&mut self) -> io::Result<bool> {
        match (self.peek(0)?, self.peek(1)?) {
            (Some(b'-'), Some(b'-')) => {}
            (Some(b'#'), _) if self.product == Product::MySql => {}
            (Some(b'/'), Some(b'*')) => {
                self.bump()?;
                let mut star = false;
                while let Some(byte) = self.bump()? {
                    if star && byte == b'/' {
                        return Ok(true);
                    }
                    star = byte == b'*';
                }
                return Ok(true);
            }
            _ => return Ok(false),
        }
        let mut text = Vec::new();
        while let Some(byte) = self.bump()?.filter(|byte| *byte != b'\n') {
            if text.len() < LAST_COMMENTS[0].len() {
                text.push(byte);
            }
        }
        self.is_complete |= LAST_COMMENTS.iter().any(|last| text.starts_with(last));
        Ok(true)
    }

    fn peek(&mut self, at: usize) -> io::Result<Option<u8>> {
        while self.ahead.len() <= at {
            let buffer = self.reader.fill_buf()?;
            let Some(byte) = buffer.first().copied() else { return Ok(None) };
            self.reader.consume(1);
            self.ahead.push_back(byte);
        }
        Ok(self.ahead.get(at).copied())
    }

    fn bump(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek(0)?;
        self.ahead.pop_front();
        self.line += u64::from(byte == Some(b'\n'));
        self.last = byte.unwrap_or_default();
        Ok(byte)
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
