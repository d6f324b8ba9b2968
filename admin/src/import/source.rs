//! The file or standard input, with a count of what was read of it.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::output::{Exit, Failure};

/// The longest row in bytes; DynamoDB's items end at 400 KB.
pub const MAX_ROW: usize = 1 << 20;

/// After so many bytes without an end, a row whose end only quotes and brackets can tell is given up: one that is left
/// open would take all the rest of the file.
pub const MAX_SEARCH: u64 = 4 << 20;

/// How much of a file is looked at, at most, to tell what it is.
const BEGIN: usize = 1 << 16;

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
        let mut input = input;
        let mut begin = begin(&mut input).map_err(cannot)?;
        if begin.starts_with(b"\xef\xbb\xbf") {
            begin.drain(..3);
        }
        let meter = Meter::default();
        let input = Box::new(Cursor::new(begin.clone()).chain(input));
        let reader = BufReader::with_capacity(1 << 16, Counted { input, meter: meter.clone() });
        Ok(Source { begin, reader, meter })
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

/// Reads up to the end of the first line that is not empty: a pipe may hand it out in pieces.
fn begin(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let (mut begin, mut buffer) = (Vec::new(), [0; 1 << 12]);
    while begin.len() < BEGIN && !begin.trim_ascii_start().contains(&b'\n') {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => begin.extend(buffer.iter().take(count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(begin)
}

/// An open input.
pub struct Source {
    /// Its first line at least, if that is not too long. The reader has it too.
    pub begin: Vec<u8>,
    /// What is in it.
    pub reader: BufReader<Counted>,
    /// What was read of it.
    pub meter: Meter,
}

/// What was read of an input.
#[derive(Clone, Default)]
pub struct Meter {
    bytes: Arc<AtomicU64>,
    ends_in_line: Arc<AtomicBool>,
}

impl Meter {
    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
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
        let count = self.input.read(buffer)?;
        self.meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(last) = buffer.get(..count).and_then(<[u8]>::last) {
            self.meter.ends_in_line.store(!matches!(last, b'\n' | b'\r'), Ordering::Relaxed);
        }
        Ok(count)
    }
}
