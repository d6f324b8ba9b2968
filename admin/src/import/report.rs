//! What became of the rows: told while it happens on standard error, summed up on standard output, and each row that
//! was rejected kept in a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use postern::password::HashAlgorithm;
use postern::store::{Joined, OtherUsername};
use serde_json::{Value, json};

use super::imported_user::Candidate;
use super::reason::{Note, Reason};
use super::rejected::Kept;
use super::rows::Position;
use super::source::Input;
use crate::output::{Exit, Failure, Output, plain};
use crate::user::word;

/// Counts what becomes of the rows.
pub struct Report {
    dry_run: bool,
    /// Where the table is, for a failure to reach it.
    place: String,
    begun: Instant,
    bar: ProgressBar,
    kept: Option<Kept>,
    read: u64,
    other: u64,
    imported: u64,
    already_there: u64,
    joined: u64,
    rejected: BTreeMap<&'static str, u64>,
    notes: BTreeMap<&'static str, u64>,
    hashes: BTreeMap<HashAlgorithm, u64>,
    without_password: u64,
    layers: u64,
    remarks: Vec<String>,
    stopped: Option<Failure>,
    interrupted: bool,
    broken: Option<String>,
}

impl Report {
    /// Of an import of this file into the table at this place. Its rejected rows go where `rejected` says or beside it; of a dry run, only where
    /// it says.
    ///
    /// # Errors
    /// If they cannot go there.
    pub fn new(input: &Input, rejected: Option<&Path>, dry_run: bool, place: &str) -> Result<Self, Failure> {
        let kept = match rejected {
            None if dry_run => None,
            named => Some(Kept::new(input, named)?),
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
            kept,
            read: 0,
            other: 0,
            imported: 0,
            already_there: 0,
            joined: 0,
            rejected: BTreeMap::new(),
            notes: BTreeMap::new(),
            hashes: BTreeMap::new(),
            without_password: 0,
            layers: 0,
            remarks: Vec::new(),
            stopped: None,
            interrupted: false,
            broken: None,
        })
    }

    /// A row was read.
    pub fn read(&mut self) {
        self.read += 1;
    }

    /// So many bytes of the file were read.
    pub fn progress(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// A row is of something else than users.
    pub fn other(&mut self) {
        self.other += 1;
    }

    /// A user was created, or would be.
    pub(super) fn imported(&mut self, position: Position, candidate: &Candidate) {
        self.imported += 1;
        self.layers += u64::from(candidate.fast.is_some());
        match candidate.hash {
            Some(kind) => *self.hashes.entry(kind).or_default() += 1,
            None => self.without_password += 1,
        }
        for note in &candidate.notes {
            self.note(position, candidate, *note);
        }
    }

    /// Something is to be known of a user who was imported or joined.
    fn note(&mut self, position: Position, candidate: &Candidate, note: Note) {
        *self.notes.entry(note.kind()).or_default() += 1;
        let name = format!(" (username {})", plain(&candidate.new_user.user().username));
        self.say_of(position, &name, "warning", &note.to_string());
    }

    /// A user was joined to one who is there, or would be; each is told.
    pub(super) fn joined(&mut self, position: Position, joined: &Joined, candidate: &Candidate) {
        self.joined += 1;
        let taken = [
            (joined.username == OtherUsername::Added, "the username"),
            (joined.source_id, "the source id"),
            (joined.attributes, "attributes"),
            (joined.mfa, "MFA"),
            (joined.password, "the password"),
        ];
        let taken: Vec<&str> = taken.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        let what = if joined.is_nothing() { "nothing more".to_owned() } else { taken.join(", ") };
        let row = candidate.new_user.user();
        let mut why = format!("{} is user {}, who takes {what}", plain(&row.username), joined.id);
        if joined.mfa || joined.password {
            why += "; all sessions end";
        }
        if let OtherUsername::Taken { by } = joined.username {
            let _ = write!(why, "; the username is user {by}'s, and stays that");
        }
        if row.status != joined.status {
            let _ =
                write!(why, "; the user stays {}, the row says {}", word(joined.status), word(row.status));
        }
        self.say_of(position, "", "joined", &why);
        if joined.mfa && candidate.notes.contains(&Note::NoRecoveryCodes) {
            self.note(position, candidate, Note::NoRecoveryCodes);
        }
    }

    /// The user was there.
    pub fn already_there(&mut self) {
        self.already_there += 1;
    }

    /// A row is rejected. If it cannot be kept, that is the end.
    pub fn reject(&mut self, position: Position, row: &Value, reason: &Reason) {
        *self.rejected.entry(reason.kind()).or_default() += 1;
        let reason = reason.to_string();
        self.say_of(position, &key_of(row), "rejected", &reason);
        let Some(kept) = &mut self.kept else { return };
        if let Err(failure) = kept.write(position, &reason, row) {
            self.kept = None;
            self.stopped(failure);
        }
    }

    /// The file cannot be read from this line on. What is there counts as a row.
    pub fn broken(&mut self, line: u64, what: String) {
        self.read();
        self.broken = Some(format!("the file was not read any further than line {line}: {what}"));
        self.reject(Position::line(line), &Value::Null, &Reason::Broken { what });
    }

    /// How many of the users' password hashes would get a layer, in a dry run.
    pub fn layers(&self) -> u64 {
        self.layers
    }

    /// Something is to be said of the whole file.
    pub fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    /// Whether no row of the file was a user, or might have been one.
    pub fn has_no_users(&self) -> bool {
        self.read == self.other
    }

    /// Whether no user of the file is in the table.
    pub fn is_in_vain(&self) -> bool {
        self.imported + self.already_there + self.joined == 0
    }

    /// The store failed, or something else that there is no going on after.
    pub fn stopped(&mut self, failure: Failure) {
        self.stopped.get_or_insert(failure.at(&self.place));
    }

    /// Whether it is of no use to go on.
    pub fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// Somebody asked to stop.
    pub fn interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Forgets everything: the whole file is of no use.
    pub fn discard(self) {
        self.bar.finish_and_clear();
    }

    fn say_of(&self, position: Position, key: &str, what: &str, why: &str) {
        self.bar.suspend(|| tell(&format!("{position}{key}: {what}: {why}")));
    }

    /// The summary.
    pub fn output(mut self) -> Output {
        self.bar.finish_and_clear();
        let rejected: u64 = self.rejected.values().sum();
        let saw_all = self.stopped.is_none() && !self.interrupted;
        let kept = match self.kept.take().map(|kept| kept.finish(rejected > 0, saw_all)) {
            Some(Ok(kept)) => kept,
            Some(Err(failure)) => {
                self.stopped(failure);
                None
            }
            None => None,
        };
        let exit = match &self.stopped {
            Some(failure) => failure.exit,
            None if self.interrupted => Exit::Failed,
            None if rejected > 0 && self.is_in_vain() => Exit::Failed,
            None if rejected > 0 => Exit::Partly,
            None => Exit::Done,
        };
        let seconds = (self.begun.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let hashes: BTreeMap<String, u64> =
            self.hashes.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
        // Read, and not given to the table, or nobody knows what became of it.
        let settled = self.imported + self.already_there + self.joined + self.other + rejected;
        let unsettled = self.read.saturating_sub(settled);
        let mut ends: Vec<String> = std::mem::take(&mut self.remarks);
        ends.extend(self.broken.as_deref().map(plain));
        if let Some(failure) = &self.stopped {
            ends.push(format!(
                "stopped: {}. When that is mended, run the same command again to go on; nobody is imported twice",
                failure.message
            ));
        }
        if self.interrupted {
            ends.push(
                "interrupted. Run the same command again to go on; nobody is imported twice".to_owned(),
            );
        }
        let json = json!({
            "dry_run": self.dry_run,
            "read": self.read,
            "imported": self.imported,
            "already_there": self.already_there,
            "joined": self.joined,
            "rejected": rejected,
            "rejected_by_reason": self.rejected,
            "rejected_file": kept,
            "warnings": self.notes,
            "hashes": hashes,
            "without_password": self.without_password,
            "other_records": self.other,
            "unsettled": unsettled,
            "complete": self.stopped.is_none() && !self.interrupted && self.broken.is_none(),
            "remarks": ends,
            "seconds": seconds,
        });
        let mut text = format!("{} rows read in {seconds} s\n", self.read);
        let mut count = |label: &str, count: u64| {
            let _ = writeln!(text, "{label:<40}{count:>10}");
        };
        count(if self.dry_run { "would be imported" } else { "imported" }, self.imported);
        count("already there", self.already_there);
        if self.joined > 0 {
            count(if self.dry_run { "would be joined" } else { "joined" }, self.joined);
        }
        if self.other > 0 {
            count("rows of other tables", self.other);
        }
        count("rejected", rejected);
        for (reason, number) in &self.rejected {
            count(&format!("  {reason}"), *number);
        }
        if unsettled > 0 {
            count("not settled", unsettled);
        }
        for (note, number) in &self.notes {
            count(&format!("warning: {note}"), *number);
        }
        for (hash, number) in &hashes {
            count(&format!("password hash {hash}"), *number);
        }
        count("without a password", self.without_password);
        if let Some(path) = kept {
            let _ = writeln!(text, "The rejected rows are in {path}");
        }
        for line in ends {
            let _ = writeln!(text, "{line}");
        }
        Output { text: text.trim_end().to_owned(), json, exit }
    }
}

/// Returns the key or username of a row in brackets, to name it besides its position. Empty where the row has neither.
fn key_of(row: &Value) -> String {
    let members = [("id", row.get("pk")), ("id", row.get("id")), ("username", row.get("username"))];
    let key = members.into_iter().find_map(|(name, value)| match value? {
        Value::String(text) => Some((name, plain(text))),
        Value::Number(number) => Some((name, number.to_string())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    });
    key.map_or_else(String::new, |(name, key)| format!(" ({name} {key})"))
}

/// Says a line on standard error. Whoever reads that may have left, like `head`, and the import goes on.
pub fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(line));
}
