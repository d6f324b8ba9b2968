//! What became of the rows: told while it happens on standard error, summed up on standard output, and each row that
//! was rejected kept in a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use postern::password::HashAlgorithm;
use serde::Serialize;
use serde_json::{Value, json};

use super::reason::{Note, Reason};
use super::source::Input;
use crate::files::create_private;
use crate::output::{Exit, Failure, Output};

/// Counts what becomes of the rows.
pub struct Report {
    dry_run: bool,
    begun: Instant,
    bar: ProgressBar,
    kept: Kept,
    read: u64,
    other: u64,
    imported: u64,
    already_there: u64,
    rejected: BTreeMap<&'static str, u64>,
    notes: BTreeMap<&'static str, u64>,
    hashes: BTreeMap<HashAlgorithm, u64>,
    without_password: u64,
    warnings: Vec<&'static str>,
    stopped: Option<Failure>,
    interrupted: bool,
}

/// The file of rejected rows, if they are kept.
struct Kept {
    path: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

/// A line of that file.
#[derive(Serialize)]
struct Rejected<'a> {
    line: u64,
    reason: &'a str,
    row: &'a Value,
}

impl Report {
    /// Of an import of this file. Its rejected rows go where `rejected` says or beside it; of a dry run, only where
    /// it says. A file that an earlier run left there is replaced.
    ///
    /// # Errors
    /// If there is a file that no import wrote, or it is the one that is imported.
    pub fn new(input: &Input, rejected: Option<&Path>, dry_run: bool) -> Result<Self, Failure> {
        let path = match (rejected, input) {
            (Some(path), _) => Some(path.to_owned()),
            (None, _) if dry_run => None,
            (None, Input::Stdin) => Some(PathBuf::from("stdin.rejected.jsonl")),
            (None, Input::File(file)) => {
                let mut name = file.clone().into_os_string();
                name.push(".rejected.jsonl");
                Some(name.into())
            }
        };
        if let Some(path) = &path {
            if *input == Input::File(path.clone()) {
                return Err(Failure::usage("rejected rows cannot go into the file that is imported"));
            }
            remove_earlier(path)?;
        }
        let bar = input.size().map_or_else(ProgressBar::no_length, ProgressBar::new);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left  {msg}")
        {
            bar.set_style(style);
        }
        Ok(Self {
            dry_run,
            begun: Instant::now(),
            bar,
            kept: Kept { path, file: None },
            read: 0,
            other: 0,
            imported: 0,
            already_there: 0,
            rejected: BTreeMap::new(),
            notes: BTreeMap::new(),
            hashes: BTreeMap::new(),
            without_password: 0,
            warnings: Vec::new(),
            stopped: None,
            interrupted: false,
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

    /// A row is good, as far as the file tells.
    pub fn good(&mut self, hash: Option<HashAlgorithm>) {
        match hash {
            Some(kind) => *self.hashes.entry(kind).or_default() += 1,
            None => self.without_password += 1,
        }
    }

    /// A user was created, or would be.
    pub fn imported(&mut self, line: u64, notes: &[Note]) {
        self.imported += 1;
        for note in notes {
            *self.notes.entry(note.kind()).or_default() += 1;
            self.say(line, "warning", &note.to_string());
        }
    }

    /// The user was there.
    pub fn already_there(&mut self) {
        self.already_there += 1;
    }

    /// A row is rejected.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn reject(&mut self, line: u64, row: Value, reason: &Reason) -> Result<(), Failure> {
        *self.rejected.entry(reason.kind()).or_default() += 1;
        let reason = reason.to_string();
        self.say(line, "rejected", &reason);
        self.kept.write(&Rejected { line, reason: &reason, row: &row })
    }

    /// Something is to be said of the whole file.
    pub fn warn(&mut self, warning: &'static str) {
        self.warnings.push(warning);
    }

    /// The store failed.
    pub fn stopped(&mut self, failure: Failure) {
        self.stopped.get_or_insert(failure);
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
        if let (Some(_), Some(path)) = (self.kept.file, self.kept.path) {
            // What it holds is what is wrong with the file, not with its rows.
            let _ = std::fs::remove_file(path);
        }
    }

    fn say(&self, line: u64, what: &str, why: &str) {
        self.bar.suspend(|| eprintln!("line {line}: {what}: {why}"));
    }

    /// The summary.
    ///
    /// # Errors
    /// If the rejected rows cannot be kept.
    pub fn output(mut self) -> Result<Output, Failure> {
        self.kept.flush()?;
        self.bar.finish_and_clear();
        let rejected: u64 = self.rejected.values().sum();
        let exit = match &self.stopped {
            Some(failure) => failure.exit,
            None if self.interrupted => Exit::Failed,
            None if rejected > 0 && self.imported + self.already_there == 0 => Exit::Failed,
            None if rejected > 0 => Exit::Partly,
            None => Exit::Done,
        };
        let seconds = (self.begun.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        let hashes: BTreeMap<String, u64> =
            self.hashes.iter().map(|(kind, count)| (kind.to_string(), *count)).collect();
        let kept = self.kept.file.and(self.kept.path).map(|path| path.display().to_string());
        let mut ends: Vec<String> = self.warnings.iter().map(|&warning| warning.to_owned()).collect();
        if let Some(failure) = &self.stopped {
            ends.push(format!("stopped: {}. Run the same command again to go on", failure.message));
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
            "rejected": rejected,
            "rejected_by_reason": self.rejected,
            "rejected_file": kept,
            "warnings": self.notes,
            "hashes": hashes,
            "without_password": self.without_password,
            "other_records": self.other,
            "complete": self.stopped.is_none() && !self.interrupted,
            "remarks": ends,
            "seconds": seconds,
        });
        let mut text = format!("{} rows read in {seconds} s\n", self.read);
        let mut count = |label: &str, count: u64| {
            let _ = writeln!(text, "{label:<40}{count:>10}");
        };
        count(if self.dry_run { "would be imported" } else { "imported" }, self.imported);
        count("already there", self.already_there);
        if self.other > 0 {
            count("no users", self.other);
        }
        count("rejected", rejected);
        for (reason, number) in &self.rejected {
            count(&format!("  {reason}"), *number);
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
        Ok(Output { text: text.trim_end().to_owned(), json, exit })
    }
}

impl Kept {
    fn write(&mut self, rejected: &Rejected<'_>) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = create_private(path).map_err(|error| not_written(path, &error))?;
                self.file.insert(BufWriter::new(file))
            }
        };
        let written = serde_json::to_writer(&mut *file, rejected).map_err(io::Error::from);
        written.and_then(|()| file.write_all(b"\n")).map_err(|error| not_written(path, &error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let (Some(path), Some(file)) = (&self.path, &mut self.file) else { return Ok(()) };
        file.flush().map_err(|error| not_written(path, &error))
    }
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be written: {error}", path.display()))
}

/// Makes room for a new file of rejected rows: an earlier one told of an earlier run, and this run tells again of
/// whatever is still wrong. Nothing is removed that no import wrote.
fn remove_earlier(path: &Path) -> Result<(), Failure> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    let mut first = Vec::new();
    let read = io::Read::take(BufReader::new(file), 10).read_until(b'\n', &mut first);
    if read.is_ok() && (first.is_empty() || first.starts_with(b"{\"line\":")) {
        return std::fs::remove_file(path).map_err(|error| {
            Failure::new(Exit::Failed, format!("{} cannot be replaced: {error}", path.display()))
        });
    }
    Err(Failure::usage(format!(
        "{} is there, and was not written by an import: name another file with --rejected",
        path.display()
    )))
}
