//! Formats that the import does not read, recognized by the first bytes of a file (magic number). Each has a remedy.

use std::path::Path;

/// A format that the import does not read, and the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsupportedFormat {
    /// The name of the format, with its article.
    name: &'static str,
    /// How the operator gets a format that the import reads.
    remedy: Remedy,
}

/// How the operator gets a format that the import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Import the output of this command. `FILE` stands for the file.
    Pipe(&'static str),
    /// Another action of the operator.
    Do(&'static str),
}

impl UnsupportedFormat {
    /// Describes the format of the file at this path, or of standard input, and what to do instead.
    pub fn describe(self, path: Option<&Path>) -> String {
        let Self { name, remedy } = self;
        match remedy {
            Remedy::Pipe(command) => {
                let file = path.map_or_else(|| "FILE".to_owned(), |path| quoted(&path.display().to_string()));
                format!("{name}: `{} | postern import … -`", command.replace("FILE", &file))
            }
            Remedy::Do(this) => format!("{name}: {this}"),
        }
    }
}

/// The first bytes of each format, in upper or lower case. tar has its magic number further on.
const BEGINS: [(&[u8], UnsupportedFormat); 12] = [
    (
        b"PGDMP",
        UnsupportedFormat {
            name: "a custom-format archive of pg_dump",
            remedy: Remedy::Pipe("pg_restore -f - FILE"),
        },
    ),
    (
        b"SQLite format 3\0",
        UnsupportedFormat { name: "an SQLite database", remedy: Remedy::Pipe("sqlite3 FILE .dump") },
    ),
    (
        b"PK\x03\x04",
        UnsupportedFormat {
            name: "a zip archive or a spreadsheet",
            remedy: Remedy::Do("unpack it, or save it as CSV"),
        },
    ),
    (b"BZh", UnsupportedFormat { name: "compressed with bzip2", remedy: Remedy::Pipe("bunzip2 -c FILE") }),
    (
        b"\x04\x22\x4d\x18",
        UnsupportedFormat { name: "compressed with lz4", remedy: Remedy::Pipe("lz4 -dc FILE") },
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        UnsupportedFormat { name: "a 7z archive", remedy: Remedy::Pipe("7z x -so FILE") },
    ),
    (
        b"age-encryption.org/",
        UnsupportedFormat { name: "encrypted with age", remedy: Remedy::Pipe("age -d FILE") },
    ),
    (
        b"-----BEGIN AGE ENCRYPTED FILE",
        UnsupportedFormat { name: "encrypted with age", remedy: Remedy::Pipe("age -d FILE") },
    ),
    (
        b"-----BEGIN PGP MESSAGE",
        UnsupportedFormat { name: "encrypted with OpenPGP", remedy: Remedy::Pipe("gpg -d FILE") },
    ),
    (
        b"\xd0\xcf\x11\xe0",
        UnsupportedFormat { name: "an old Excel spreadsheet", remedy: Remedy::Do("save it as CSV UTF-8") },
    ),
    (
        b"<!DOCTYPE html",
        UnsupportedFormat { name: "a web page", remedy: Remedy::Do("download the file itself, signed in") },
    ),
    (
        b"<html",
        UnsupportedFormat { name: "a web page", remedy: Remedy::Do("download the file itself, signed in") },
    ),
];

const TAR_ARCHIVE: UnsupportedFormat =
    UnsupportedFormat { name: "a tar archive", remedy: Remedy::Pipe("tar -xOf FILE NAME") };
const PG_TAR: UnsupportedFormat =
    UnsupportedFormat { name: "a tar archive of pg_dump", remedy: Remedy::Pipe("pg_restore -f - FILE") };

/// The offset of tar's magic number in a file, and the magic number.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Returns the format of a file by its beginning, if the format is not read.
pub fn unsupported(begin: &[u8]) -> Option<UnsupportedFormat> {
    let tar = begin.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    if tar {
        let is_dump = begin.starts_with(b"toc.dat\0");
        return Some(if is_dump { PG_TAR } else { TAR_ARCHIVE });
    }
    if is_bson(begin) {
        return Some(UnsupportedFormat {
            name: "BSON of mongodump",
            remedy: Remedy::Pipe("bsondump --quiet FILE"),
        });
    }
    if is_openpgp(begin) {
        return Some(UnsupportedFormat {
            name: "encrypted with OpenPGP",
            remedy: Remedy::Pipe("gpg -d FILE"),
        });
    }
    let found = BEGINS
        .iter()
        .find(|(magic, _)| begin.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic)));
    found.map(|(_, unsupported)| *unsupported)
}

/// Returns what kind of directory this is.
pub fn of_directory(path: &Path) -> UnsupportedFormat {
    if path.join("toc.dat").exists() {
        return UnsupportedFormat {
            name: "a directory archive of pg_dump",
            remedy: Remedy::Pipe("pg_restore -f - FILE"),
        };
    }
    UnsupportedFormat { name: "a directory", remedy: Remedy::Do("name the file in it") }
}

/// Whether it is a document of BSON whose first member is `_id` (bsonspec.org): a length, a type, the name.
fn is_bson(begin: &[u8]) -> bool {
    matches!(begin, [_, _, _, 0, _, b'_', b'i', b'd', 0, ..])
}

/// Whether it is an encrypted message of OpenPGP without armour. The first packet of such a message holds a
/// session key for a public key or for a passphrase (RFC 9580, sections 4.2 and 5.1 to 5.3).
fn is_openpgp(begin: &[u8]) -> bool {
    match begin {
        [0x84, _, version, ..] | [0x85, _, _, version, ..] | [0xc1, _, version, ..] => {
            matches!(version, 3 | 6)
        }
        [0x8c, _, version, ..] | [0xc3, _, version, ..] => matches!(version, 4..=6),
        _ => false,
    }
}

/// A path as a word of a shell.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
