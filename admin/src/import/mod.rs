//! `postern import`: users from elsewhere, with the passwords that they have.
//!
//! | module | what it is for |
//! |---|---|
//! | [`source`] | the file or standard input |
//! | [`magic`] | files that are of another format, and the way out |
//! | [`rows`] | the file as rows, in CSV, JSON, SQL, XML or YAML |
//! | [`fields`] | what a row holds, as types |
//! | [`attributes`] | what the contracts keep with a user |
//! | [`native`] [`django`] [`datepoll`] [`freesewing`] | from a row to a user, per format |
//! | [`hashes`] | password hashes, and the options that say how they were made |
//! | [`reason`] | why a row is rejected |
//! | [`imported_user`] | a user on the way from a row to the table |
//! | [`run`] | the rows of a file, in batches, several at once |
//! | [`batch`] | a batch: created, joined, or looked up |
//! | [`layering`] | layers of Argon2id over digests that are fast to guess |
//! | [`seen`] | what the rows have that there can be only one of |
//! | [`report`] | what became of the rows |
//! | [`rejected`] | the file of rejected rows |
//! | [`id_map`] | the file of old and new ids |

pub mod attributes;
pub mod batch;
pub mod datepoll;
pub mod django;
pub mod fields;
pub mod freesewing;
pub mod hashes;
pub mod id_map;
pub mod imported_user;
pub mod layering;
pub mod magic;
pub mod native;
pub mod reason;
pub mod rejected;
pub mod report;
pub mod rows;
pub mod run;
pub mod seen;
pub mod source;

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use encoding_rs::Encoding;
use postern::clock::Timestamp;
use postern::environment::Environment;
use postern::store::Store;

use self::datepoll::DatePoll;
use self::django::Django;
use self::freesewing::FreeSewing;
use self::hashes::{HashOptions, Hashes};
use self::imported_user::{Candidate, Draft, Reading};
use self::reason::Reason;
use self::rows::{Record, Rows};
use self::source::{Input, Source};
use crate::output::{Exit, Failure, Output};

/// The environment variable with FreeSewing's encryption key.
const ENCRYPTION_KEY: &str = "FREESEWING_ENCRYPTION_KEY";

/// Where the users come from.
#[derive(Args)]
#[command(after_help = "\
Nobody is overwritten, and running it again imports nobody twice. A page per product is in docs/.

Examples:
  postern import django users.json --dry-run        what would go in, and what is wrong with the rest
  postern import django users.json
  postern import datepoll users.jsonl --drop-taken-emails
  postern import freesewing users.json --encryption-key freesewing.key
  postern import freesewing users.json --new-ids --match email     a second product with the same people
  postern import csv users.csv --json | jq .rejected_by_reason")]
pub struct ImportArgs {
    /// The format of the file.
    #[command(subcommand)]
    format: Format,
}

/// The formats.
#[derive(Subcommand)]
enum Format {
    /// Django: `manage.py dumpdata` in any format, a dump of the database in SQL or XML, or a CSV or JSON of the table
    /// of users.
    Django {
        #[command(flatten)]
        options: Options,
        /// The model of the users, where the dump has several: `app.model`. In SQL it is the table `app_model`.
        #[arg(long, value_name = "APP.MODEL")]
        model: Option<String>,
        /// What an avatar's path is put behind.
        #[arg(long, value_name = "URL", default_value = "/media/")]
        media_url: String,
    },
    /// DatePoll: a dump of its database in SQL or XML, or a CSV or JSON of its table `users`.
    Datepoll {
        #[command(flatten)]
        options: Options,
    },
    /// FreeSewing: a dump of its database in SQL, JSON or CSV of its table `User`, or of version 2 what mongoexport
    /// writes of `users`.
    Freesewing {
        #[command(flatten)]
        options: Options,
        /// The file whose first line is the key that the columns are encrypted with; without it, the environment
        /// variable FREESEWING_ENCRYPTION_KEY.
        #[arg(long, value_name = "FILE")]
        encryption_key: Option<PathBuf>,
    },
    /// CSV in our own columns.
    Csv {
        #[command(flatten)]
        options: Options,
    },
    /// JSON lines in our own members, as `postern export` writes them.
    Jsonl {
        #[command(flatten)]
        options: Options,
    },
}

/// What all formats have in common.
#[derive(Args, Clone)]
pub struct Options {
    /// The file; `-` for standard input.
    file: PathBuf,
    /// Write nothing: say what would be imported, and what is wrong.
    #[arg(long)]
    dry_run: bool,
    /// How many batches are under way at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    /// Where rows go that are rejected [default: FILE.rejected.jsonl].
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Import a user whose e-mail address is another's without it.
    #[arg(long)]
    drop_taken_emails: bool,
    /// Join a user to the one in the table who has the same e-mail address: that user takes the attributes, MFA and
    /// source id that it lacks, and signs in by the username of either. For a second product with the same people. Both products must have verified their users' addresses.
    #[arg(long = "match", value_name = "WHAT", value_enum)]
    match_by: Option<MatchBy>,
    /// Whose password a joined user has: of who is there, or of the product in which the user signed in last.
    #[arg(long, value_name = "WHOSE", value_enum, default_value_t, requires = "match_by")]
    match_password: MatchPassword,
    /// Give users new ids, and keep those of the file as their source ids: for keys that are no whole numbers, such as
    /// UUIDs, or that are taken. Which became which is written to FILE.ids.csv.
    #[arg(long)]
    new_ids: bool,
    /// The encoding of the file, where that is neither UTF-8 nor UTF-16 with a byte order mark: such as windows-1252 for a
    /// CSV of Excel.
    #[arg(long, value_name = "NAME")]
    encoding: Option<Charset>,
    /// What wrote the file, where it does not tell: whether a backslash escapes in SQL and between tabs, and whether a quote
    /// between tabs is text, is told by the begin of most files.
    #[arg(long, value_name = "PROGRAM", value_enum)]
    written_by: Option<WrittenBy>,
    /// Where the table is, for a failure to reach it.
    #[arg(skip)]
    place: String,
    #[command(flatten)]
    hashes: HashOptions,
}

/// The encoding of a file, by a label of the WHATWG's Encoding Standard.
#[derive(Clone, Copy)]
struct Charset(&'static Encoding);

impl FromStr for Charset {
    type Err = &'static str;

    fn from_str(label: &str) -> Result<Self, Self::Err> {
        Encoding::for_label(label.as_bytes())
            .map(Self)
            .ok_or("no such encoding; there are windows-1252, iso-8859-2, utf-16le")
    }
}

/// What wrote a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WrittenBy {
    /// MySQL or MariaDB.
    #[value(name = "mysql")]
    MySql,
    /// PostgreSQL.
    #[value(name = "postgresql")]
    PostgreSql,
    /// SQLite.
    Sqlite,
    /// A spreadsheet, or another program that writes CSV with tabs.
    Spreadsheet,
}

/// What tells that two users are one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MatchBy {
    /// The e-mail address.
    Email,
}

/// Whose password a joined user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum MatchPassword {
    /// That of the user who is there.
    #[default]
    First,
    /// That of the product in which the user signed in last.
    Newest,
}

/// How the rows of a file are read.
enum Reader {
    Csv,
    Jsonl,
    Django(Django),
    DatePoll(DatePoll),
    FreeSewing(FreeSewing),
}

impl Reader {
    /// The rows of the file, which is found to be of the right format as far as its begin tells.
    fn rows(&self, source: Source, written_by: Option<WrittenBy>) -> Result<Rows, Failure> {
        let rows = match self {
            Self::Csv => Rows::of_csv(source, written_by),
            Self::Jsonl => Rows::of_json(source),
            // A table of any name may hold them.
            Self::Django(_) => Rows::of_dump(source, None, written_by),
            Self::DatePoll(_) => Rows::of_dump(source, Some(&["users", "user_email_addresses"]), written_by),
            Self::FreeSewing(_) => Rows::of_dump(source, Some(&["User"]), written_by),
        }?;
        match (self, rows.columns()) {
            (Self::Csv, Some(columns)) => native::check_columns(columns),
            (Self::Django(_), Some(columns)) => Django::check_columns(columns),
            (Self::DatePoll(_), Some(columns)) => datepoll::check_columns(columns),
            (Self::FreeSewing(_), Some(columns)) => freesewing::check_columns(columns),
            _ => Ok(()),
        }?;
        Ok(rows)
    }

    /// Looks through all of a file before anything is written, where the format needs that.
    fn survey(
        &mut self,
        input: &Input,
        encoding: Option<&'static Encoding>,
        written_by: Option<WrittenBy>,
    ) -> Result<(), Failure> {
        if input.size().is_none() || !matches!(self, Self::Django(_) | Self::FreeSewing(_)) {
            return Ok(());
        }
        let rows = self.rows(input.open(encoding)?, written_by)?;
        match self {
            Self::Django(django) if rows.columns().is_none() => django.choose_model(rows),
            Self::FreeSewing(freesewing) => {
                freesewing.survey(rows);
                freesewing.check_key(true).map_err(nothing_imported)
            }
            _ => Ok(()),
        }
    }

    fn read(
        &mut self,
        record: &Record,
        hashes: &Hashes,
        new_ids: bool,
        now: Timestamp,
    ) -> Result<Option<Candidate>, Reason> {
        let draft = match self {
            Self::Csv => native::of_csv(record, now)?,
            Self::Jsonl => native::of_json(record, now)?,
            Self::DatePoll(datepoll) => match datepoll.read(record, now)? {
                Reading::User(draft) => *draft,
                Reading::Other => return Ok(None),
            },
            Self::FreeSewing(freesewing) => match rows::of_table(record, "User") {
                Some(record) => freesewing.read(record, now)?,
                None => return Ok(None),
            },
            Self::Django(django) => match django.read(record, now)? {
                Reading::User(draft) => *draft,
                Reading::Other => return Ok(None),
            },
        };
        let draft = if new_ids { draft.with_new_id() } else { draft };
        draft.into_candidate(hashes).map(Some)
    }

    /// Whether it is of use to go on.
    fn check(&self, at_end: bool) -> Result<(), Failure> {
        match self {
            Self::FreeSewing(freesewing) => freesewing.check_key(at_end),
            Self::Csv | Self::Jsonl | Self::Django(_) | Self::DatePoll(_) => Ok(()),
        }
    }

    /// Whether the format is another product's, so that a file without users is the wrong file.
    fn is_of_product(&self) -> bool {
        match self {
            Self::Django(_) | Self::DatePoll(_) | Self::FreeSewing(_) => true,
            Self::Csv | Self::Jsonl => false,
        }
    }

    /// What could not be found out.
    fn blind_spot(&self) -> Option<&'static str> {
        match self {
            Self::FreeSewing(freesewing) if !freesewing.knows_migrated() => Some(
                "which passwords may have been hashed twice is told of a file only, not of standard input",
            ),
            _ => None,
        }
    }
}

/// Imports users.
///
/// # Errors
/// If the file cannot be read, or is of another format. UniqueField is wrong with single rows is part of the output.
pub async fn import(args: ImportArgs, store: &Store, place: &str) -> Result<Output, Failure> {
    let (mut reader, mut options) = match args.format {
        Format::Django { options, model, media_url } => {
            let django = Django::new(model, &media_url, options.new_ids);
            (Reader::Django(django), options)
        }
        Format::Datepoll { options } => (Reader::DatePoll(DatePoll::default()), options),
        Format::Freesewing { options, encryption_key } => {
            let passphrase = passphrase(encryption_key, &Input::of(&options.file))?;
            (Reader::FreeSewing(FreeSewing::new(&passphrase, options.new_ids)?), options)
        }
        Format::Csv { options } => (Reader::Csv, options),
        Format::Jsonl { options } => (Reader::Jsonl, options),
    };
    place.clone_into(&mut options.place);
    let hashes = Hashes::new(options.hashes.clone())?;
    let input = Input::of(&options.file);
    let encoding = options.encoding.map(|Charset(encoding)| encoding);
    reader.survey(&input, encoding, options.written_by)?;
    let rows = reader.rows(input.open(encoding)?, options.written_by)?;
    run::run(reader, rows, &input, &options, &hashes, store).await
}

/// The failure came before anything was written.
fn nothing_imported(mut failure: Failure) -> Failure {
    failure.message += ". Nothing was imported";
    failure
}

/// FreeSewing's encryption key. It is named and not given on the command line, which others can see.
fn passphrase(file: Option<PathBuf>, input: &Input) -> Result<String, Failure> {
    let Some(path) = file else {
        return Environment::of_process().optional(ENCRYPTION_KEY).map(str::to_owned).ok_or_else(|| {
            Failure::usage(format!(
                "which encryption key? Name its file with --encryption-key, or set {ENCRYPTION_KEY}"
            ))
        });
    };
    let read = match Input::of(&path) {
        Input::Stdin if *input == Input::Stdin => {
            return Err(Failure::usage("standard input cannot be both the rows and the encryption key"));
        }
        Input::Stdin => std::io::read_to_string(std::io::stdin()),
        Input::File(path) => fs::read_to_string(path),
    };
    let text = read.map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("the encryption key in {} cannot be read: {error}", path.display()),
        )
    })?;
    match text.lines().next().map(str::trim) {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Failure::new(Exit::Failed, format!("there is no encryption key in {}", path.display()))),
    }
}
