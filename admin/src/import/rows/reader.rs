//! Rows one after the other, up to the end of the file or to where it cannot be read.

use std::io;

use postern::error::Causes;
use thiserror::Error;

use super::row::Row;
use crate::import::source::Meter;

/// The file cannot be read any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct Broken {
    /// The line on which the unreadable part begins.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Why a reader stops before the end of the file.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// The input fails.
    #[error("the file cannot be read any further")]
    Io(#[from] io::Error),
    /// The text is not what the format allows.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl ReadError {
    /// The text that begins on this line is not what the format allows.
    pub(super) fn broken(line: u64, what: impl Into<String>) -> Self {
        Self::Broken(Broken { line, what: what.into() })
    }
}

/// Reads the rows of one format.
pub(super) trait ReadRows {
    /// Reads the next row. Returns `None` at the end of the file.
    ///
    /// # Errors
    /// If the file cannot be read, or it is unknown where the next row begins.
    fn read_row(&mut self) -> Result<Option<Row>, ReadError>;

    /// The line that is read, from 1.
    fn current_line(&self) -> u64;

    /// What was read of the file.
    fn meter(&self) -> &Meter;
}

/// The rows of a file. After the first error there are no more.
pub struct Rows {
    reader: Box<dyn ReadRows + Send>,
    columns: Option<Vec<String>>,
    skipped_lines: usize,
    ended: bool,
}

impl Rows {
    /// The rows that this reader reads.
    pub(super) fn new(reader: impl ReadRows + Send + 'static) -> Self {
        Self { reader: Box::new(reader), columns: None, skipped_lines: 0, ended: false }
    }

    /// The same rows, of a CSV with these columns.
    pub(super) fn with_columns(self, columns: Vec<String>) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// The same rows, with so many lines before them that were skipped.
    pub(super) fn with_skipped_lines(self, skipped_lines: usize) -> Self {
        Self { skipped_lines, ..self }
    }

    /// The columns of a CSV. `None` for every other format.
    pub fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }

    /// How many lines before the first row were skipped.
    pub fn skipped_lines(&self) -> usize {
        self.skipped_lines
    }

    /// What was read of the file.
    pub fn meter(&self) -> &Meter {
        self.reader.meter()
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.reader.read_row();
        self.ended = !matches!(next, Ok(Some(_)));
        match next {
            Ok(row) => row.map(Ok),
            Err(ReadError::Broken(broken)) => Some(Err(broken)),
            Err(error) => {
                Some(Err(Broken { line: self.reader.current_line(), what: Causes(&error).to_string() }))
            }
        }
    }
}
