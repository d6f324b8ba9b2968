//! The file or standard input. Compressed input is decompressed, and every byte that is read is counted.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::bufread::MultiGzDecoder;
use liblzma::read::XzDecoder;

use super::magic::{self, UnsupportedFormat};
use crate::output::{Exit, Failure, plain};

/// The longest row, in bytes. An item of DynamoDB holds at most 400 KB.
pub const MAX_ROW: usize = 1 << 20;

/// How far the end of a row is searched for, in bytes, if only quotes and brackets mark it. Without this
/// limit, an open quote or bracket would take the rest of the file.
pub const MAX_SEARCH: u64 = 4 << 20;

/// How much of a file is searched to recognize its format, in bytes.
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
    /// The input that an argument names. `-` is standard input.
    pub fn of(argument: &Path) -> Self {
        if argument == Path::new("-") { Self::Stdin } else { Self::File(argument.to_owned()) }
    }

    /// The size in bytes. `None` if it is unknown, as of a pipe.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) => {
                path.metadata().ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len())
            }
        }
    }

    /// Opens it. Its beginning shows gzip, Zstandard, xz and UTF-16. Any other encoding than UTF-8 must be
    /// named.
    ///
    /// # Errors
    /// If it cannot be read, or is of a format that is not read.
    pub fn open(&self, encoding: Option<&'static Encoding>) -> Result<Source, Failure> {
        let cannot =
            |error: io::Error| Failure::new(Exit::Failed, format!("{self} cannot be read")).caused_by(error);
        let input: Box<dyn Read + Send> = match self {
            Self::Stdin => Box::new(io::stdin()),
            Self::File(path) => Box::new(File::open(path).map_err(cannot)?),
        };
        if let Self::File(path) = self
            && path.is_dir()
        {
            return Err(self.unsupported(magic::of_directory(path)));
        }
        let meter = Meter::default();
        let input = decompressed(Box::new(Counted { input, meter: meter.clone() })).map_err(cannot)?;
        let source = Source::new(input, encoding, meter).map_err(cannot)?;
        match magic::unsupported(&source.begin) {
            Some(format) => Err(self.unsupported(format)),
            None => Ok(source),
        }
    }

    fn unsupported(&self, format: UnsupportedFormat) -> Failure {
        let path = match self {
            Self::Stdin => None,
            Self::File(path) => Some(path.as_path()),
        };
        Failure::new(Exit::Failed, format!("{self} is {}", format.describe(path)))
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

/// Decompresses an input, if it is compressed with gzip, Zstandard or xz.
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
    /// Its first 64 KiB. The reader returns them too.
    pub begin: Vec<u8>,
    /// Its text.
    pub reader: BufReader<Text>,
    /// What was read of it.
    pub meter: Meter,
}

impl Source {
    /// Reads the beginning of an input in this encoding. Without an encoding, a byte order mark marks UTF-16,
    /// and everything else is read as UTF-8.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub fn new(
        input: impl Read + Send + 'static,
        encoding: Option<&'static Encoding>,
        meter: Meter,
    ) -> io::Result<Self> {
        let mut decoder = DecodeReaderBytesBuilder::new();
        let mut input = decoder.encoding(encoding).utf8_passthru(true).strip_bom(true).build(input);
        let mut begin = Vec::new();
        input.by_ref().take(BEGIN).read_to_end(&mut begin).map_err(cut_off)?;
        let input = Box::new(Cursor::new(begin.clone()).chain(input));
        let reader = BufReader::with_capacity(1 << 16, Text { input, meter: meter.clone() });
        Ok(Self { begin, reader, meter })
    }
}

/// The file is of another format than the command names. `why` may quote what is in the file.
pub fn other_format(why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the file is of another format: {}", plain(&why.to_string())))
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

    /// Whether the last byte that was read is no line break. Such a file may be cut off.
    pub fn ends_in_line(&self) -> bool {
        self.ends_in_line.load(Ordering::Relaxed)
    }
}

/// Counts the bytes that are read of a file, before they are decompressed.
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

/// Says that a compressed file ends too soon. The decompressor's own message does not.
fn cut_off(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("the compressed file is cut off"),
        _ => error,
    }
}

/// The text of a file. Its meter notes how the text ends.
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
