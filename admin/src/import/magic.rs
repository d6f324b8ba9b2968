//! Files that are no text, told by how they begin, and what makes text of them.

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
                    Input::File(path) => path.display().to_string(),
                };
                format!("{what}: `{} | postern import … -`", command.replace("FILE", &file))
            }
            How::Do(this) => format!("{what}: {this}"),
        }
    }
}

/// The first bytes of each format, in any case. tar has its magic further on.
const BEGINS: [(&[u8], WayOut); 11] = [
    (b"PGDMP", WayOut { what: "a custom-format archive of pg_dump", how: How::Pipe("pg_restore -f - FILE") }),
    (
        b"SQLite format 3\0",
        WayOut {
            what: "an SQLite database",
            how: How::Do("export the table of users, such as with `sqlite3 -json FILE 'SELECT * FROM User'`"),
        },
    ),
    (
        b"PK\x03\x04",
        WayOut { what: "a zip archive or a spreadsheet", how: How::Do("unpack it, or save it as CSV") },
    ),
    (b"BZh", WayOut { what: "compressed with bzip2", how: How::Pipe("bunzip2 -c FILE") }),
    (b"\x04\x22\x4d\x18", WayOut { what: "compressed with lz4", how: How::Pipe("lz4 -dc FILE") }),
    (b"7z\xbc\xaf\x27\x1c", WayOut { what: "a 7z archive", how: How::Pipe("7z x -so FILE") }),
    (b"age-encryption.org/", WayOut { what: "encrypted with age", how: How::Pipe("age -d FILE") }),
    (b"-----BEGIN PGP MESSAGE", WayOut { what: "encrypted with OpenPGP", how: How::Pipe("gpg -d FILE") }),
    (b"\xd0\xcf\x11\xe0", WayOut { what: "an old Excel spreadsheet", how: How::Do("save it as CSV UTF-8") }),
    (b"<!DOCTYPE html", WayOut { what: "a web page", how: How::Do("download the file itself, signed in") }),
    (b"<html", WayOut { what: "a web page", how: How::Do("download the file itself, signed in") }),
];

/// Where tar has its magic, and what that is.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Returns the format of a file that begins so, if it is one that is not read.
pub fn way_out(begin: &[u8]) -> Option<WayOut> {
    let tar = begin.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1));
    if tar {
        return Some(WayOut { what: "a tar archive", how: How::Pipe("tar -xOf FILE NAME") });
    }
    let found = BEGINS
        .iter()
        .find(|(magic, _)| begin.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic)));
    found.map(|(_, way_out)| *way_out)
}
