//! The numbers of a report, for people and as JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use postern::password::HashAlgorithm;
use serde_json::{Value, json};

/// How many rows had each outcome.
#[derive(Default)]
pub(super) struct Counts {
    /// All rows that were read.
    pub(super) read: u64,
    /// Rows of other tables than the users'.
    pub(super) other: u64,
    pub(super) imported: u64,
    pub(super) already_there: u64,
    pub(super) joined: u64,
    pub(super) rejected: BTreeMap<&'static str, u64>,
    pub(super) warnings: BTreeMap<Cow<'static, str>, u64>,
    /// Imported users by what their passwords are hashed with.
    pub(super) algorithms: BTreeMap<HashAlgorithm, u64>,
    pub(super) without_password: u64,
    /// Imported users whose digest gets a layer.
    pub(super) layers: u64,
}

impl Counts {
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Users of the file who are in the table.
    pub(super) fn users(&self) -> u64 {
        self.imported + self.already_there + self.joined
    }

    /// Rows that were read and not sent to the table, or whose outcome is unknown.
    fn unfinished(&self) -> u64 {
        self.read.saturating_sub(self.users() + self.other + self.rejected())
    }
}

/// What an import did.
pub(super) struct Summary {
    pub(super) counts: Counts,
    pub(super) dry_run: bool,
    /// Whether the whole file was read and every row has an outcome.
    pub(super) complete: bool,
    /// The file of rejected rows, if there is one.
    pub(super) rejected_file: Option<String>,
    pub(super) remarks: Vec<String>,
    pub(super) seconds: f64,
}

impl Summary {
    /// For scripts.
    pub(super) fn json(&self) -> Value {
        let Counts { read, other, imported, already_there, joined, without_password, .. } = self.counts;
        json!({
            "dry_run": self.dry_run,
            "read": read,
            "imported": imported,
            "already_there": already_there,
            "joined": joined,
            "rejected": self.counts.rejected(),
            "rejected_by_reason": self.counts.rejected,
            "rejected_file": self.rejected_file,
            "warnings": self.counts.warnings,
            "hashes": self.hashes(),
            "without_password": without_password,
            "other_records": other,
            "unfinished": self.counts.unfinished(),
            "complete": self.complete,
            "remarks": self.remarks,
            "seconds": self.seconds,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Counts { read, other, imported, already_there, joined, without_password, .. } = self.counts;
        let mut text = format!("{read} rows read in {} s\n", self.seconds);
        let mut line = |label: &str, count: u64| {
            let _ = writeln!(text, "{label:<40}{count:>10}");
        };
        line(if self.dry_run { "would be imported" } else { "imported" }, imported);
        line("already there", already_there);
        if joined > 0 {
            line(if self.dry_run { "would be joined" } else { "joined" }, joined);
        }
        if other > 0 {
            line("rows of other tables", other);
        }
        line("rejected", self.counts.rejected());
        for (reason, count) in &self.counts.rejected {
            line(&format!("  {reason}"), *count);
        }
        if self.counts.unfinished() > 0 {
            line("not finished", self.counts.unfinished());
        }
        for (warning, count) in &self.counts.warnings {
            line(&format!("warning: {warning}"), *count);
        }
        for (hash, count) in &self.hashes() {
            line(&format!("password hash {hash}"), *count);
        }
        line("without a password", without_password);
        if let Some(path) = &self.rejected_file {
            let _ = writeln!(text, "The rejected rows are in {path}");
        }
        for remark in &self.remarks {
            let _ = writeln!(text, "{remark}");
        }
        text.trim_end().to_owned()
    }

    fn hashes(&self) -> BTreeMap<String, u64> {
        self.counts.algorithms.iter().map(|(algorithm, count)| (algorithm.to_string(), *count)).collect()
    }
}
