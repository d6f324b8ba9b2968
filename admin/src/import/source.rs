//! The file or standard input, with a count of what was read of it. What is compressed is decompressed on the way.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;
use liblzma::read::XzDecoder;

use super::magic;
use crate::output::{Exit, Failure};

/// The longest row in bytes; DynamoDB's items end at 400 KB.
pub const MAX_ROW: usize = 1 << 20;

/// After so many bytes without an end, a row whose end only quotes and brackets can tell is given up: one that is left
/// open would take all the rest of the file.
pub const MAX_SEARCH: u64 = 4 << 20;

/// How much of a file is looked at to tell what it is, in bytes.
const BEGIN: u64 = 1 << 16;

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

    /// Opens it. gzip, Zstandard, xz and UTF-16 are told by how it begins; other encodings than UTF-8 must be named.
    ///
    /// # Errors
    /// If it cannot be read, or is of a format that is not taken.
    pub fn open(&self, encoding: Option<&'static Encoding>) -> Result<Source, Failure> {
        let cannot = |error: io::Error| Failure::new(Exit::Failed, format!("{self} cannot be read: {error}"));
        let input: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path).map_err(cannot)?),
        };
        if let Self::File(path) = self
            && path.is_dir()
        {
            let what = magic::of_directory(path);
            return Err(Failure::new(Exit::Failed, format!("{self} is {}", what.sentence(self))));
        }
        let meter = Meter::default();
        let input = decompressed(Box::new(Counted { input, meter: meter.clone() })).map_err(cannot)?;
        // A byte order mark tells UTF-16 and is left out; without one the bytes stay as they are.
        let mut decoder = DecodeReaderBytesBuilder::new();
        let mut input = decoder.encoding(encoding).utf8_passthru(true).strip_bom(true).build(input);
        let mut begin = Vec::new();
        input.by_ref().take(BEGIN).read_to_end(&mut begin).map_err(cut_off).map_err(cannot)?;
        if let Some(way_out) = magic::way_out(&begin) {
            return Err(Failure::new(Exit::Failed, format!("{self} is {}", way_out.sentence(self))));
        }
        let input = Box::new(Cursor::new(begin.clone()).chain(input));
        let reader = BufReader::with_capacity(1 << 16, Text { input, meter: meter.clone() });
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

/// What an input holds, whichever of gzip, Zstandard and xz it is compressed with, if any.
fn decompressed(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    const LONGEST_MAGIC: u64 = 6;
    let mut magic = Vec::new();
    input.by_ref().take(LONGEST_MAGIC).read_to_end(&mut magic)?;
    let whole = Cursor::new(magic.clone()).chain(input);
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(whole)?),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(XzDecoder::new_multi_decoder(whole)),
        _ => Box::new(whole),
    })
}

/// An open input.
pub struct Source {
    /// Its first 64 KiB. The reader has them too.
    pub begin: Vec<u8>,
    /// What is in it.
    pub reader: BufReader<Text>,
    /// What was read of it.
    pub meter: Meter,
}

/// What was read of an input.
#[derive(Clone, Default)]
pub struct Meter {
    bytes: Arc<AtomicU64>,
    text_bytes: Arc<AtomicU64>,
    ends_in_line: Arc<AtomicBool>,
}

impl Meter {
    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How many bytes of text that were, decompressed.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes.load(Ordering::Relaxed)
    }

    /// Whether the last byte that was read is no line break: then the file may be cut off.
    pub fn ends_in_line(&self) -> bool {
        self.ends_in_line.load(Ordering::Relaxed)
    }
}

/// Counts what is read of the file, compressed as it is.
struct Counted {
    input: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.meter.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Says in words that what is compressed ends too soon.
fn cut_off(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("the compressed file is cut off"),
        _ => error,
    }
}

/// The text of a file, of which it is noted how it ends.
pub struct Text {
    input: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer).map_err(cut_off)?;
        self.meter.text_bytes.fetch_add(count as u64, Ordering::Relaxed);
        if let Some(last) = buffer.get(..count).and_then(<[u8]>::last) {
            self.meter.ends_in_line.store(!matches!(last, b'\n' | b'\r'), Ordering::Relaxed);
        }
        Ok(count)
    }
}
