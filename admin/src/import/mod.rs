//! `postern import`: users of other products, with their passwords.
//!
//! | module | what it is for |
//! |---|---|
//! | [`options`] | the options of the command |
//! | [`source`] | the file or standard input |
//! | [`magic`] | formats that are not read, and the way to one that is |
//! | [`rows`] | the file as rows, in CSV, JSON, SQL, XML or YAML |
//! | [`fields`] | the members of a row, as types |
//! | [`attributes`] | what the contracts keep with a user |
//! | [`native`] [`django`] [`datepoll`] [`freesewing`] | from a row to a user, per format |
//! | [`mod@format`] | one of these formats, as the command names it |
//! | [`hashes`] | password hashes, and the options that say how they were made |
//! | [`reason`] | why a row is rejected |
//! | [`unusable_password`] | why the password of a row cannot be used |
//! | [`warning`] | what the operator should know of an imported row |
//! | [`imported_user`] | a user between the row and the table |
//! | [`run`] | the rows of a file, in batches, several at once |
//! | [`batch`] | a batch: created, joined, or looked up |
//! | [`layering`] | layers of Argon2id over digests that are fast to guess |
//! | [`seen`] | the ids and names that the rows had so far |
//! | [`report`] | what became of the rows |
//! | [`summary`] | the numbers of a report |
//! | [`rejected`] | the file of rejected rows |
//! | [`id_map`] | the file of old and new ids |

pub mod attributes;
pub mod batch;
pub mod datepoll;
pub mod django;
pub mod fields;
pub mod format;
pub mod freesewing;
pub mod hashes;
pub mod id_map;
pub mod imported_user;
mod interrupt;
pub mod layering;
pub mod magic;
pub mod native;
pub mod options;
pub mod reason;
pub mod rejected;
pub mod report;
pub mod rows;
pub mod run;
pub mod seen;
pub mod source;
pub mod summary;
pub mod unusable_password;
pub mod warning;

use std::fs;
use std::path::PathBuf;

use postern::environment::Environment;
use serde_json::Value;

use self::datepoll::DatePoll;
use self::django::Django;
use self::format::FormatReader;
use self::freesewing::FreeSewing;
use self::hashes::Hashes;
pub use self::options::ImportArgs;
use self::options::{Charset, Format};
use self::source::Input;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output};

/// The environment variable with FreeSewing's encryption key.
const ENCRYPTION_KEY: &str = "FREESEWING_ENCRYPTION_KEY";

/// Imports users.
///
/// # Errors
/// If the file cannot be read, or is of another format. The faults of single rows are part of the output.
pub async fn import(args: ImportArgs, connection: &Connection, place: &str) -> Result<Output, Failure> {
    let (mut reader, mut options) = match args.format {
        Format::Django { options, model, media_url } => {
            let django = Django::new(model, &media_url, options.new_ids);
            (FormatReader::Django(django), options)
        }
        Format::Datepoll { options } => (FormatReader::DatePoll(DatePoll::default()), options),
        Format::Freesewing { options, encryption_key } => {
            let passphrase = passphrase(encryption_key, &Input::of(&options.file))?;
            (FormatReader::FreeSewing(FreeSewing::new(&passphrase, options.new_ids)?), options)
        }
        Format::Csv { options } => (FormatReader::Csv, options),
        Format::Jsonl { options } => (FormatReader::Jsonl, options),
    };
    place.clone_into(&mut options.place);
    let hashes = Hashes::new(options.hashes.clone())?;
    let input = Input::of(&options.file);
    let encoding = options.encoding.map(|Charset(encoding)| encoding);
    reader.survey(&input, encoding, options.written_by)?;
    let rows = reader.rows(input.open(encoding)?, options.written_by)?;
    let run = run::run(reader, rows, &input, &options, &hashes, &connection.store);
    if options.dry_run {
        return run.await;
    }
    connection
        .audit
        .record("import", None, async |details| {
            let output = run.await?;
            for outcome in ["read", "imported", "already_there", "joined", "rejected"] {
                let count = output.json.get(outcome).and_then(Value::as_u64);
                details.counts.extend(count.map(|count| (outcome.to_owned(), count)));
            }
            Ok(output)
        })
        .await
}

/// Reads FreeSewing's encryption key. It is never an argument, which other users of this machine could see.
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
        let message = format!("the encryption key in {} cannot be read", path.display());
        Failure::new(Exit::Failed, message).caused_by(error)
    })?;
    match text.lines().next().map(str::trim) {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err(Failure::new(Exit::Failed, format!("there is no encryption key in {}", path.display()))),
    }
}
