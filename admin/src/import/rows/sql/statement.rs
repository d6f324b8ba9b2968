//! A statement of a dump in SQL, and a row of it.

use crate::import::reason::Reason;
use crate::import::rows::row::has_too_many_values;
use crate::import::source::MAX_ROW;

/// The head of a statement: all of it, or the part before its rows.
pub(super) struct Head {
    /// The kind of statement.
    pub(super) kind: Kind,
    /// Its text.
    pub(super) text: String,
}

/// The kinds of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `CREATE TABLE`.
    Create,
    /// `INSERT` or `REPLACE`, up to `VALUES`.
    Insert,
    /// `COPY`, up to the lines.
    Copy,
    /// `INSERT` or `REPLACE` without `VALUES`.
    InsertWithoutValues,
    /// Anything else.
    Other,
}

/// A row as it stands in the file.
pub(super) struct Piece {
    /// The line on which it begins.
    pub(super) line: u64,
    /// Its bytes. Of a row that is too long, the first `MAX_ROW` + 1.
    pub(super) bytes: Vec<u8>,
}

impl Piece {
    /// The text of the row.
    ///
    /// # Errors
    /// If it is too long, or not UTF-8.
    pub(super) fn text(&self) -> Result<&str, Reason> {
        if self.bytes.len() > MAX_ROW || has_too_many_values(&self.bytes) {
            return Err(Reason::TooLong);
        }
        std::str::from_utf8(&self.bytes).map_err(|_| Reason::NotUtf8)
    }
}

/// Returns the kind of the statement that begins with this text.
pub(super) fn kind(text: &[u8]) -> Kind {
    let begins = |words: &str| {
        text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words.as_bytes()))
    };
    match () {
        () if begins("INSERT ") || begins("REPLACE ") => Kind::Insert,
        // `CREATE UNLOGGED TABLE`, `CREATE TEMPORARY TABLE`.
        () if begins("CREATE ") && is_of_table(text) => Kind::Create,
        () if begins("COPY ") => Kind::Copy,
        () => Kind::Other,
    }
}

/// Whether a statement creates a table: TABLE is among its first three words.
fn is_of_table(text: &[u8]) -> bool {
    const NEAR: usize = 64;
    let near = text.get(..NEAR).unwrap_or(text);
    let words = near.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.take(3).any(|word| word.eq_ignore_ascii_case(b"TABLE"))
}

/// Whether the last word is VALUES, before the byte that ended it.
pub(super) fn ends_in_values(text: &[u8], end: u8) -> bool {
    const VALUES: &[u8] = b"VALUES";
    let words = text.strip_suffix(&[end]).unwrap_or(text);
    let start = words.len().saturating_sub(VALUES.len());
    let is_last = words.get(start..).is_some_and(|word| word.eq_ignore_ascii_case(VALUES));
    is_last
        && words.get(..start).and_then(<[u8]>::last).is_some_and(|b| b.is_ascii_whitespace() || *b == b')')
}
