//! The options of `postern import`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use encoding_rs::Encoding;

use super::hashes::HashOptions;
use super::rows::WrittenBy;

/// Which users to import, and how.
#[derive(Args)]
#[command(after_help = "\
No user is overwritten, and a second run imports no user twice. docs/ has a page for each product.

Examples:
  postern import django users.json --dry-run        what would be imported, and what is wrong with the rest
  postern import django users.json
  postern import datepoll users.jsonl --drop-taken-emails
  postern import freesewing users.json --encryption-key freesewing.key
  postern import freesewing users.json --new-ids --match email     a second product with the same people
  postern import csv users.csv --json | jq .rejected_by_reason")]
pub struct ImportArgs {
    /// The format of the file.
    #[command(subcommand)]
    pub(super) format: Format,
}

/// The formats.
#[derive(Subcommand)]
pub(super) enum Format {
    /// Django: `manage.py dumpdata` in any format, a dump of the database in SQL or XML, or a CSV or JSON of
    /// the table of users.
    Django {
        #[command(flatten)]
        options: Options,
        /// The model of the users, if the dump has several models with users: `app.model`. In SQL it is the
        /// table `app_model`.
        #[arg(long, value_name = "APP.MODEL")]
        model: Option<String>,
        /// The URL to which the path of an avatar is appended.
        #[arg(long, value_name = "URL", default_value = "/media/")]
        media_url: String,
    },
    /// DatePoll: a dump of its database in SQL or XML, or a CSV or JSON of its table `users`.
    Datepoll {
        #[command(flatten)]
        options: Options,
    },
    /// FreeSewing: a dump of its database in SQL, a JSON or CSV of its table `User`, or what mongoexport
    /// writes of version 2's `users`.
    Freesewing {
        #[command(flatten)]
        options: Options,
        /// The file with the key of the encrypted columns, alone on its first line. Else the environment
        /// variable FREESEWING_ENCRYPTION_KEY.
        #[arg(long, value_name = "FILE")]
        encryption_key: Option<PathBuf>,
    },
    /// CSV with Postern's own columns.
    Csv {
        #[command(flatten)]
        options: Options,
    },
    /// JSON lines with Postern's own members, as `postern export` writes them.
    Jsonl {
        #[command(flatten)]
        options: Options,
    },
}

/// The options of every format.
#[derive(Args, Clone)]
pub struct Options {
    /// The file; `-` for standard input.
    pub(super) file: PathBuf,
    /// Write nothing. Show what would be imported, and what is wrong.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How many batches are in progress at once, at most.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) concurrency: u16,
    /// The file for rejected rows [default: FILE.rejected.jsonl].
    #[arg(long, value_name = "FILE")]
    pub(super) rejected: Option<PathBuf>,
    /// Import a user without the e-mail address if it is another user's.
    #[arg(long)]
    pub(super) drop_taken_emails: bool,
    /// Join a user to the user in the table who has the same e-mail address. That user takes the attributes,
    /// MFA and source id that are missing, and can sign in by the username of either product. This is for a
    /// second product with the same people. Both products must have verified their users' addresses.
    #[arg(long = "match", value_name = "WHAT", value_enum)]
    pub(super) match_by: Option<MatchBy>,
    /// Choose the password of a joined user: the one in the table (first), or the one of the product in which
    /// the user signed in last (newest).
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t, requires = "match_by")]
    pub(super) match_password: MatchPassword,
    /// Give users new ids, and keep the ids of the file as their source ids. This is for keys that are taken,
    /// or that are not whole numbers, such as UUIDs. The old and the new ids are written to FILE.ids.csv.
    #[arg(long)]
    pub(super) new_ids: bool,
    /// The encoding of the file, if it is neither UTF-8 nor UTF-16 with a byte order mark. For a CSV of
    /// Excel, it may be windows-1252.
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<Charset>,
    /// The program that wrote the file. It decides whether a backslash escapes in SQL and in tab-separated
    /// text, and whether a quote in tab-separated text is text. The beginning of most files shows the
    /// program.
    #[arg(long, value_name = "PROGRAM", value_enum)]
    pub(super) written_by: Option<WrittenBy>,
    /// Where the table is looked for, to name it if it cannot be reached.
    #[arg(skip)]
    pub(super) place: String,
    #[command(flatten)]
    pub(super) hashes: HashOptions,
}

/// The encoding of a file, by a label of the WHATWG's Encoding Standard.
#[derive(Clone, Copy)]
pub(super) struct Charset(pub(super) &'static Encoding);

impl FromStr for Charset {
    type Err = &'static str;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        Encoding::for_label(label.as_bytes())
            .map(Self)
            .ok_or("no such encoding; there are windows-1252, iso-8859-2, utf-16le")
    }
}

/// The field by which users are matched. Two users with the same value are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum MatchBy {
    /// The e-mail address.
    Email,
}

/// Which password a joined user gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum MatchPassword {
    /// The password of the user in the table.
    #[default]
    First,
    /// The password of the product in which the user signed in last.
    Newest,
}
