//! The report of an import. It prints a line for each row with a problem on standard error, and a summary on
//! standard output. It writes the rejected rows to a file.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use postern::store::operator::{Joined, OtherUsername};
use serde_json::Value;

use super::imported_user::CheckedUser;
use super::reason::Reason;
use super::rejected::RejectedRows;
use super::rows::Position;
use super::source::Input;
use super::summary::{Counts, Summary};
use super::warning::Warning;
use crate::output::{Exit, Failure, Output, plain, print_message, status_name};

/// Reports what becomes of the rows.
pub(super) struct Report {
    dry_run: bool,
    /// Where the table is looked for, to name it if it cannot be reached.
    place: String,
    begun: Instant,
    bar: ProgressBar,
    /// `None` in a dry run without `--rejected`, and after a row could not be written.
    rejected_rows: Option<RejectedRows>,
    counts: Counts,
    remarks: Vec<String>,
    stopped: Option<Failure>,
    interrupted: bool,
    broken: Option<String>,
}

impl Report {
    /// Reports on an import of this file into the table at this place. Rejected rows go to the file
    /// `rejected`, or else to a file beside the imported one. A dry run writes them only to `rejected`.
    ///
    /// # Errors
    /// If rejected rows cannot be written.
    pub(super) fn new(
        input: &Input,
        rejected: Option<&Path>,
        dry_run: bool,
        place: &str,
    ) -> Result<Self, Failure> {
        let rejected_rows = match rejected {
            None if dry_run => None,
            named => Some(RejectedRows::new(input, named)?),
        };
        let bar = input.size().map_or_else(ProgressBar::no_length, ProgressBar::new);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left  {msg}")
        {
            bar.set_style(style);
        }
        Ok(Self {
            dry_run,
            place: place.to_owned(),
            begun: Instant::now(),
            bar,
            rejected_rows,
            counts: Counts::default(),
            remarks: Vec::new(),
            stopped: None,
            interrupted: false,
            broken: None,
        })
    }

    /// Counts a row that was read.
    pub(super) fn read(&mut self) {
        self.counts.read += 1;
    }

    /// Shows how many bytes of the file were read.
    pub(super) fn progress(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// Counts a row of another table than the users'.
    pub(super) fn other(&mut self) {
        self.counts.other += 1;
    }

    /// Counts a user who was created, or would be.
    pub(super) fn imported(&mut self, position: Position, user: &CheckedUser) {
        self.counts.imported += 1;
        self.counts.layers += u64::from(user.fast.is_some());
        match user.algorithm {
            Some(algorithm) => *self.counts.algorithms.entry(algorithm).or_default() += 1,
            None => self.counts.without_password += 1,
        }
        for warning in &user.warnings {
            self.warn(position, user, *warning);
        }
    }

    fn warn(&mut self, position: Position, user: &CheckedUser, warning: Warning) {
        *self.counts.warnings.entry(warning.kind()).or_default() += 1;
        let name = format!(" (username {})", plain(&user.new_user.user().username));
        self.print(position, &name, "warning", &warning.to_string());
    }

    /// Reports a user who was joined to a user in the table, or would be.
    pub(super) fn joined(&mut self, position: Position, joined: &Joined, user: &CheckedUser) {
        self.counts.joined += 1;
        let taken = [
            (joined.username == OtherUsername::Added, "the username"),
            (joined.source_id, "the source id"),
            (joined.attributes, "attributes"),
            (joined.mfa, "MFA"),
            (joined.password, "the password"),
        ];
        let taken: Vec<&str> = taken.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        let what = if joined.is_nothing() { "nothing more".to_owned() } else { taken.join(", ") };
        let row = user.new_user.user();
        let mut why = format!("{} is user {}, who takes {what}", plain(&row.username), joined.id);
        if joined.mfa || joined.password {
            why += "; all sessions end";
        }
        if let OtherUsername::Taken { by } = joined.username {
            let _ = write!(why, "; the username is user {by}'s, and stays that");
        }
        if row.status != joined.status {
            let (stays, other) = (status_name(joined.status), status_name(row.status));
            let _ = write!(why, "; the user stays {stays}, the row says {other}");
        }
        self.print(position, "", "joined", &why);
        let has_codes = !row.recovery_codes.is_empty() || user.warnings.contains(&Warning::NoRecoveryCodes);
        if joined.mfa && has_codes {
            self.warn(position, user, Warning::NoRecoveryCodes);
        }
    }

    /// Counts a user who was in the table already.
    pub(super) fn already_there(&mut self) {
        self.counts.already_there += 1;
    }

    /// Reports a row that is rejected. The import stops if the row cannot be written to the file.
    pub(super) fn reject(&mut self, position: Position, row: &Value, reason: &Reason) {
        *self.counts.rejected.entry(reason.kind()).or_default() += 1;
        let reason = reason.to_string();
        self.print(position, &key_of(row), "rejected", &reason);
        let Some(rejected_rows) = &mut self.rejected_rows else { return };
        if let Err(failure) = rejected_rows.write(position, &reason, row) {
            self.rejected_rows = None;
            self.stopped(failure);
        }
    }

    /// Reports that the file cannot be read from this line on. The rest of it counts as one row.
    pub(super) fn broken(&mut self, line: u64, what: String) {
        self.read();
        self.broken = Some(format!("the file was not read any further than line {line}: {what}"));
        self.reject(Position::line(line), &Value::Null, &Reason::Broken { what });
    }

    /// Returns how many imported users have a digest that gets a layer.
    pub(super) fn layers(&self) -> u64 {
        self.counts.layers
    }

    /// Adds a remark about the whole file.
    pub(super) fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// Whether no row of the file was a user, not even a rejected one.
    pub(super) fn has_no_users(&self) -> bool {
        self.counts.read == self.counts.other
    }

    /// Whether no user of the file is in the table.
    pub(super) fn is_without_users(&self) -> bool {
        self.counts.users() == 0
    }

    /// Stops the import after a failure. The first failure is reported.
    pub(super) fn stopped(&mut self, failure: Failure) {
        self.stopped.get_or_insert(failure.at(&self.place));
    }

    /// Whether a failure stopped the import.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Notes that the operator interrupted the import.
    pub(super) fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Discards the report, because the whole file is of no use.
    pub(super) fn discard(self) {
        self.bar.finish_and_clear();
    }

    fn print(&self, position: Position, key: &str, what: &str, why: &str) {
        self.bar.suspend(|| print_message(&format!("{position}{key}: {what}: {why}")));
    }

    /// Returns the summary, and gives the file of rejected rows its name.
    pub(super) fn output(mut self) -> Output {
        self.bar.finish_and_clear();
        let any_rejected = self.counts.rejected() > 0;
        let saw_all = self.stopped.is_none() && !self.interrupted;
        let finished = self.rejected_rows.take().map(|rows| rows.finish(any_rejected, saw_all));
        let rejected_file = finished.transpose().map(Option::flatten).unwrap_or_else(|failure| {
            self.stopped(failure);
            None
        });
        let exit = match &self.stopped {
            Some(failure) => failure.exit,
            None if self.interrupted => Exit::Failed,
            None if any_rejected && self.is_without_users() => Exit::Failed,
            None if any_rejected => Exit::Partly,
            None => Exit::Done,
        };
        let mut remarks = self.remarks;
        remarks.extend(self.broken.as_deref().map(plain));
        if let Some(failure) = &self.stopped {
            remarks.push(format!(
                "stopped: {}. Correct that, and run the same command again to go on; nobody is imported twice",
                failure.text()
            ));
        }
        if self.interrupted {
            let remark = "interrupted. Run the same command again to go on; nobody is imported twice";
            remarks.push(remark.to_owned());
        }
        let summary = Summary {
            counts: self.counts,
            dry_run: self.dry_run,
            complete: self.stopped.is_none() && !self.interrupted && self.broken.is_none(),
            rejected_file,
            remarks,
            seconds: (self.begun.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        };
        Output { text: summary.text(), json: summary.json(), exit }
    }
}

/// Returns the key or username of a row in brackets, to name it besides its position. Empty if the row has
/// neither.
fn key_of(row: &Value) -> String {
    let members = [("id", row.get("pk")), ("id", row.get("id")), ("username", row.get("username"))];
    let key = members.into_iter().find_map(|(name, value)| match value? {
        Value::String(text) => Some((name, plain(text))),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    key.map_or_else(String::new, |(name, key)| format!(" ({name} {key})"))
}
