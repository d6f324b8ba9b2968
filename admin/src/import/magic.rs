//! Files that are no text, told by how they begin, and what makes text of them.

use std::path::Path;

use super::source::Input;

/// A format that is not read, and how to get one that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayOut {
    /// The name of the format, with its article.
    what: &'static str,
    /// The command that writes what is read, with `FILE` for the file; or what else to do.
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The output of this command is read.
    Pipe(&'static str),
    /// This is to be done.
    Do(&'static str),
}

impl WayOut {
    /// The end of a sentence that begins with the name of the input: its format, and how to get one that is read.
    pub fn sentence(self, input: &Input) -> String {
        let Self { what, how } = self;
        match how {
            How::Pipe(command) => {
                let file = match input {
                    Input::Stdin => "FILE".to_owned(),
                    Input::File(path) => quoted(&path.display().to_string()),
                };
                format!("{what}: `{} | postern import … -`", command.replace("FILE", &file))
            }
            How::Do(this) => format!("{what}: {this}"),
        }
    }
}

/// The first bytes of each format, in any case. tar has its magic further on.
const BEGINS: [(&[u8], WayOut); 12] = [
    (b"PGDMP", WayOut { what: "a custom-format archive of pg_dump", how: How::Pipe("pg_restore -f - FILE") }),
    (b"SQLite format 3\0", WayOut { what: "an SQLite database", how: How::Pipe("sqlite3 FILE .dump") }),
    (
        b"PK\x03\x04",
        WayOut { what: "a zip archive or a spreadsheet", how: How::Do("unpack it, or save it as CSV") },
    ),
    (b"BZh", WayOut { what: "compressed with bzip2", how: How::Pipe("bunzip2 -c FILE") }),
    (b"\x04\x22\x4d\x18", WayOut { what: "compressed with lz4", how: How::Pipe("lz4 -dc FILE") }),
    (b"7z\xbc\xaf\x27\x1c", WayOut { what: "a 7z archive", how: How::Pipe("7z x -so FILE") }),
    (b"age-encryption.org/", WayOut { what: "encrypted with age", how: How::Pipe("age -d FILE") }),
    (b"-----BEGIN AGE ENCRYPTED FILE", WayOut { what: "encrypted with age", how: How::Pipe("age -d FILE") }),
    (b"-----BEGIN PGP MESSAGE", WayOut { what: "encrypted with OpenPGP", how: How::Pipe("gpg -d FILE") }),
    (b"\xd0\xcf\x11\xe0", WayOut { what: "an old Excel spreadsheet", how: How::Do("save it as CSV UTF-8") }),
    (b"<!DOCTYPE html", WayOut { what: "a web page", how: How::Do("download the file itself, signed in") }),
    (b"<html", WayOut { what: "a web page", how: How::Do("download the file itself, signed in") }),
];

const TAR_ARCHIVE: WayOut = WayOut { what: "a tar archive", how: How::Pipe("tar -xOf FILE NAME") };
const PG_TAR: WayOut = WayOut { what: "a tar archive of pg_dump", how: How::Pipe("pg_restore -f - FILE") };

/// Where tar has its magic, and what that is.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Returns the format of a file that begins so, if it is one that is not read.
pub fn way_out(begin: &[u8]) -> Option<WayOut> {
    let tar = begin.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    if tar {
        let is_dump = begin.starts_with(b"toc.dat\0");
        return Some(if is_dump { PG_TAR } else { TAR_ARCHIVE });
    }
    if is_bson(begin) {
        return Some(WayOut { what: "BSON of mongodump", how: How::Pipe("bsondump --quiet FILE") });
    }
    if is_openpgp(begin) {
        return Some(WayOut { what: "encrypted with OpenPGP", how: How::Pipe("gpg -d FILE") });
    }
    let found = BEGINS
        .iter()
        .find(|(magic, _)| begin.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic)));
    found.map(|(_, way_out)| *way_out)
}

/// Returns what a directory is.
pub fn of_directory(path: &Path) -> WayOut {
    if path.join("toc.dat").exists() {
        return WayOut { what: "a directory archive of pg_dump", how: How::Pipe("pg_restore -f - FILE") };
    }
    WayOut { what: "a directory", how: How::Do("name the file in it") }
}

/// Whether it is a document of BSON whose first member is `_id` (bsonspec.org): a length, a type, the name.
fn is_bson(begin: &[u8]) -> bool {
    matches!(begin, [_, _, _, 0, _, b'_', b'i', b'd', 0, ..])
}

/// Whether it is an encrypted message of OpenPGP without armour: its first packet holds a session key for a public key
/// or for a passphrase (RFC 9580, sections 4.2 and 5.1 to 5.3).
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
