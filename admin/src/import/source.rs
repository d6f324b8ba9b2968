//! The file or standard input, with a count of what was read of it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::output::{Exit, Failure};

/// The longest row in bytes; DynamoDB's items end at 400 KB.
pub const MAX_ROW: usize = 1 << 20;

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// `-` is standard input.
    pub fn of(argument: &Path) -> Self {
        if argument == Path::new("-") { Self::Stdin } else { Self::File(argument.to_owned()) }
    }

    /// How large it is in bytes, where that is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                path.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len())
            }
        }
    }

    /// Opens it. A byte order mark at its begin is skipped.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(&self) -> Result<Source, Failure> {
        let cannot = |error: io::Error| Failure::new(Exit::Failed, format!("{self} cannot be read: {error}"));
        let input: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path).map_err(cannot)?),
        };
        let meter = Meter::default();
        let mut reader = BufReader::with_capacity(1 << 16, Counted { input, meter: meter.clone() });
        if reader.fill_buf().map_err(cannot)?.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Source { reader, meter })
    }
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// An open input.
pub struct Source {
    /// What is in it.
    pub reader: BufReader<Counted>,
    /// What was read of it.
    pub meter: Meter,
}

/// What was read of an input.
#[derive(Clone, Default)]
pub struct Meter {
    bytes: Arc<AtomicU64>,
    row: Arc<AtomicU64>,
    ends_in_line: Arc<AtomicBool>,
}

impl Meter {
    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A row begins about here. What reads far beyond it without telling so is stopped: of an open quote, the `csv`
    /// crate would read all the file into memory.
    pub fn row_begins(&self) {
        self.row.store(self.bytes(), Ordering::Relaxed);
    }

    /// Whether the last byte that was read is no line break: then the file may be cut off.
    pub fn ends_in_line(&self) -> bool {
        self.ends_in_line.load(Ordering::Relaxed)
    }
}

/// Counts what is read.
pub struct Counted {
    input: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.bytes() - self.meter.row.load(Ordering::Relaxed) > 4 * MAX_ROW as u64 {
            return Err(io::Error::other("a row is longer than a user can be; is a quote left open?"));
        }
        let count = self.input.read(buffer)?;
        self.meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(last) = buffer.get(..count).and_then(<[u8]>::last) {
            self.meter.ends_in_line.store(*last != b'\n', Ordering::Relaxed);
        }
        Ok(count)
    }
}
