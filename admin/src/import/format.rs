//! The formats of users, and what each needs of a file.

use encoding_rs::Encoding;
use postern::clock::Timestamp;

use super::datepoll::{self, DatePoll};
use super::django::Django;
use super::freesewing::{self, FreeSewing};
use super::hashes::Hashes;
use super::imported_user::CheckedUser;
use super::native;
use super::reason::Reason;
use super::rows::{Record, Rows, WrittenBy, of_table};
use super::source::{Input, Source};
use crate::output::Failure;

/// Reads the users of a file, in the format that the command names.
pub(super) enum FormatReader {
    Csv,
    Jsonl,
    Django(Django),
    DatePoll(DatePoll),
    FreeSewing(FreeSewing),
}

impl FormatReader {
    /// Returns the rows of the file.
    ///
    /// # Errors
    /// If its beginning shows that it is of another format.
    pub(super) fn rows(&self, source: Source, written_by: Option<WrittenBy>) -> Result<Rows, Failure> {
        let rows = match self {
            Self::Csv => Rows::of_csv(source, written_by),
            Self::Jsonl => Rows::of_json(source),
            // The table of the users may have any name.
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

    /// Searches the whole file before anything is written, if the format needs that.
    ///
    /// # Errors
    /// If the file cannot be read, or is of no use.
    pub(super) fn survey(
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

    /// Reads the user of a row. Returns `None` for a row of another table.
    ///
    /// # Errors
    /// If the row is to be rejected.
    pub(super) fn read(
        &mut self,
        record: &Record,
        hashes: &Hashes,
        new_ids: bool,
        now: Timestamp,
    ) -> Result<Option<CheckedUser>, Reason> {
        let parsed = match self {
            Self::Csv => Some(native::of_csv(record, now)?),
            Self::Jsonl => Some(native::of_json(record, now)?),
            Self::DatePoll(datepoll) => datepoll.read(record, now)?,
            Self::FreeSewing(freesewing) => match of_table(record, "User") {
                Some(record) => Some(freesewing.read(record, now)?),
                None => None,
            },
            Self::Django(django) => django.read(record, now)?,
        };
        let parsed = parsed.map(|parsed| if new_ids { parsed.with_new_id() } else { parsed });
        parsed.map(|parsed| parsed.check(hashes)).transpose()
    }

    /// Checks that the rest of the file is of use.
    ///
    /// # Errors
    /// If the encryption key is the wrong one.
    pub(super) fn check(&self, at_end: bool) -> Result<(), Failure> {
        match self {
            Self::FreeSewing(freesewing) => freesewing.check_key(at_end),
            Self::Csv | Self::Jsonl | Self::Django(_) | Self::DatePoll(_) => Ok(()),
        }
    }

    /// Whether the format is another product's. A file of such a format without users is the wrong file.
    pub(super) fn is_of_product(&self) -> bool {
        match self {
            Self::Django(_) | Self::DatePoll(_) | Self::FreeSewing(_) => true,
            Self::Csv | Self::Jsonl => false,
        }
    }

    /// Returns what could not be checked.
    pub(super) fn unchecked(&self) -> Option<&'static str> {
        match self {
            Self::FreeSewing(freesewing) if !freesewing.knows_migrated() => Some(
                "passwords that may have been hashed twice are found in a file only, not on standard input",
            ),
            _ => None,
        }
    }
}

/// Adds to a failure that nothing was written before it.
pub(super) fn nothing_imported(failure: Failure) -> Failure {
    failure.advise(". Nothing was imported")
}
