//! The import itself: batches, several in progress at once.
//!
//! A run that ends early can be repeated. The next run finds every user who was created, and leaves that user
//! as is.

use std::mem;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::HumanDuration;
use postern::clock;
use postern::identity::LoginName;
use postern::store::operator::{
    Conflict, CreateOutcome, MAX_BATCH, MAX_ITEMS, Operator, OtherUsername, UniqueField,
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::batch::{BatchResult, BatchRow, RowOutcome, import_batch};
use super::format::{FormatReader, nothing_imported};
use super::hashes::Hashes;
use super::id_map::IdMap;
use super::imported_user::CheckedUser;
use super::interrupt;
use super::layering::Layering;
use super::options::Options;
use super::reason::Reason;
use super::report::Report;
use super::rows::{Position, Record, Row, Rows};
use super::seen::Seen;
use super::source::{Input, other_format};
use crate::output::{Exit, Failure, Output, count};

/// The most bytes of rows in a batch. DynamoDB takes 4 MB in a transaction.
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// An import in progress.
struct Run<'a> {
    options: &'a Options,
    store: &'a Operator,
    report: Report,
    seen: Seen,
    batch: Vec<BatchRow>,
    in_progress: JoinSet<BatchResult>,
    layering: Layering,
    /// The usernames that consist of digits, as numbers.
    ids_as_usernames: Vec<u64>,
    id_map: Option<IdMap>,
}

/// Reads all rows, and imports their users.
///
/// # Errors
/// If the file or its encryption key is the wrong one, and no user was imported. If the file of rejected rows
/// cannot be written.
pub(super) async fn run(
    mut reader: FormatReader,
    mut rows: Rows,
    input: &Input,
    options: &Options,
    hashes: &Hashes,
    store: &Operator,
) -> Result<Output, Failure> {
    let now = clock::now();
    let report = Report::new(input, options.rejected.as_deref(), options.dry_run, &options.place)?;
    let id_map = if options.new_ids && !options.dry_run { Some(IdMap::create(input)?) } else { None };
    let mut run = Run {
        options,
        store,
        report,
        seen: Seen::default(),
        batch: Vec::new(),
        in_progress: JoinSet::new(),
        layering: Layering::of_this_machine(),
        ids_as_usernames: Vec::new(),
        id_map,
    };
    if let Some(unchecked) = reader.unchecked() {
        run.report.remark(unchecked);
    }
    if rows.skipped_lines() > 0 {
        run.report.remark(format!("skipped before the JSON: {}", count(rows.skipped_lines(), "line")));
    }
    let interrupted = interrupt::flag();
    let mut begun = 0;
    let mut at_end = false;
    let mut useless = None;
    while !run.report.is_stopped() && useless.is_none() {
        if interrupted.load(Ordering::Relaxed) {
            run.report.interrupted();
            run.batch.clear();
            break;
        }
        let Row { position, record } = match rows.next() {
            None => {
                at_end = true;
                break;
            }
            Some(Err(broken)) => {
                run.report.broken(broken.line, broken.what);
                break;
            }
            Some(Ok(row)) => row,
        };
        run.report.read();
        run.report.progress(rows.meter().bytes());
        let bytes = rows.meter().text_bytes();
        match record.map(|record| (reader.read(&record, hashes, options.new_ids, now), record)) {
            Err((reason, shown)) => run.report.reject(position, &shown, &reason),
            Ok((Err(reason), record)) => run.report.reject(position, &Value::Object(record), &reason),
            Ok((Ok(None), _)) => run.report.other(),
            Ok((Ok(Some(user)), record)) => run.add(position, record, user).await,
        }
        useless = reader.check(false).err();
        if run.batch.len() == MAX_BATCH || bytes.saturating_sub(begun) > MAX_BATCH_BYTES {
            begun = bytes;
            run.send().await;
        }
    }
    useless = useless.or_else(|| reader.check(true).err());
    if at_end && reader.is_of_product() && run.report.has_no_users() {
        useless =
            useless.or_else(|| Some(other_format("it has no users; is it another product's, or cut off?")));
    }
    if useless.is_none() {
        run.send().await;
    }
    run.finish_all().await;
    if let Some(failure) = useless {
        if run.report.is_without_users() {
            run.report.discard();
            return Err(nothing_imported(failure));
        }
        run.report.stopped(failure);
    }
    // If the run stopped before the end of the file, it is unknown how the file ends.
    if rows.columns().is_some() && at_end && rows.meter().ends_in_line() {
        run.report
            .remark("the file does not end with a line break: if it was cut off, its last row may be too");
    }
    let shadowed = run.shadowed();
    if shadowed > 0 {
        run.report.remark(format!(
            "{shadowed} usernames are spelt like another user's id: those users cannot sign in at mfa by their id, only by \
             username or e-mail address"
        ));
    }
    let layers = run.report.layers();
    if let Some(time) = run.layering.estimate(layers).filter(|_| options.dry_run && layers > 0) {
        run.report.remark(format!(
            "{layers} password hashes are fast to guess, and get a layer of Argon2id first: that takes this machine about \
             {}",
            if time < Duration::from_secs(1) { "a second".to_owned() } else { HumanDuration(time).to_string() }
        ));
    }
    if let Some(map) = run.id_map {
        match map.finish() {
            Ok(path) => run.report.remark(format!("The old and the new ids are in {path}")),
            Err(failure) => run.report.stopped(failure),
        }
    }
    Ok(run.report.output())
}

impl Run<'_> {
    /// Adds a user to the batch, unless an earlier row of the file has the same id or name.
    async fn add(&mut self, position: Position, record: Record, mut user: CheckedUser) {
        let held = self.seen.held_by_others(&user);
        if self.options.drop_taken_emails && held.iter().any(|taken| taken.what == UniqueField::Email) {
            user = user.without_email();
        }
        let held: Vec<Conflict> = held
            .into_iter()
            .filter(|taken| user.unique().iter().any(|(what, _)| *what == taken.what))
            .collect();
        if !held.is_empty() {
            return self.report.reject(position, &Value::Object(record), &user.taken(held));
        }
        // An earlier row that is rejected itself does not conflict. Only the table shows whether it is
        // rejected.
        if self.seen.is_pending(&user) {
            self.send().await;
            self.finish_all().await;
        }
        let email_only = |(what, _): (UniqueField, String)| what == UniqueField::Email;
        if self.options.drop_taken_emails && self.seen.duplicate(&user).is_some_and(email_only) {
            user = user.without_email();
        }
        match self.seen.duplicate(&user) {
            Some((field, value)) => {
                self.report.reject(position, &Value::Object(record), &Reason::Duplicate { field, value });
            }
            None => {
                let items = user.new_user.items();
                let in_batch = self.batch.iter().map(|row| row.user.new_user.items());
                if in_batch.sum::<usize>() + items > MAX_ITEMS {
                    self.send().await;
                }
                let keys = self.seen.keys(&user);
                self.seen.pending.extend(&keys);
                self.batch.push(BatchRow { position, record, user, keys, dropped_email: None });
            }
        }
    }

    /// Notes that a user of the file is in the table with this id. The id is 0 if a dry run cannot know it.
    fn note_stored(&mut self, user: &CheckedUser, id: u64) {
        self.seen.taken.extend(self.seen.keys(user));
        self.seen.taken.insert(self.seen.key(UniqueField::Id, &id.to_string()));
        self.note_username(user, id);
        self.note_id(user.new_user.user().source_id.as_deref(), id);
    }

    /// Notes that the username of a row belongs to this user. If it is digits, it may be another user's id.
    fn note_username(&mut self, user: &CheckedUser, id: u64) {
        let username = LoginName::new(&user.new_user.user().username);
        self.ids_as_usernames.extend(username.as_id().filter(|number| *number != id));
    }

    /// Writes the id that a user of the file has in the table.
    fn note_id(&mut self, source_id: Option<&str>, id: u64) {
        if let (Some(map), Some(source_id)) = (&mut self.id_map, source_id)
            && let Err(failure) = map.write(source_id, id)
        {
            self.report.stopped(failure);
        }
    }

    /// Returns how many users of the file cannot sign in by their id, because another user's username is the
    /// same digits.
    fn shadowed(&self) -> usize {
        let ids = self.ids_as_usernames.iter();
        ids.filter(|id| self.seen.taken.contains(&self.seen.key(UniqueField::Id, &id.to_string()))).count()
    }

    /// Waits until fewer batches than allowed are in progress, and starts this one.
    async fn send(&mut self) {
        while self.in_progress.len() >= usize::from(self.options.concurrency) {
            self.finish_next().await;
        }
        if !self.batch.is_empty() && !self.report.is_stopped() {
            let batch = mem::take(&mut self.batch);
            self.in_progress.spawn(import_batch(
                self.store.clone(),
                batch,
                self.options.clone(),
                self.layering.clone(),
            ));
        }
    }

    /// Waits for all batches.
    async fn finish_all(&mut self) {
        while !self.in_progress.is_empty() {
            self.finish_next().await;
        }
    }

    /// Waits for a batch, and reports what became of its rows.
    async fn finish_next(&mut self) {
        let done = match self.in_progress.join_next().await {
            None => return,
            Some(Ok(Ok(done))) => done,
            Some(Ok(Err(failure))) => return self.report.stopped(failure),
            Some(Err(error)) => {
                return self.report.stopped(Failure::new(Exit::Failed, error.to_string()));
            }
        };
        for (BatchRow { position, record, user, keys, dropped_email }, outcome) in done {
            for key in &keys {
                self.seen.pending.remove(key);
            }
            if let Some((email, by)) = dropped_email {
                self.seen.hold(UniqueField::Email, &email, by);
            }
            let outcome = match outcome {
                RowOutcome::Single(outcome) => outcome,
                RowOutcome::Joined(joined) => {
                    let email = user.unique().into_iter().filter(|(what, _)| *what != UniqueField::Id);
                    let keys: Vec<u64> = email.map(|(what, which)| self.seen.key(what, &which)).collect();
                    self.seen.taken.extend(keys);
                    self.report.joined(position, &joined, &user);
                    if joined.username == OtherUsername::Added {
                        self.note_username(&user, joined.id);
                    }
                    self.note_id(user.new_user.user().source_id.as_deref(), joined.id);
                    continue;
                }
            };
            match outcome {
                CreateOutcome::Created(id) => {
                    self.note_stored(&user, id);
                    self.report.imported(position, &user);
                }
                CreateOutcome::Same(id) => {
                    self.note_stored(&user, id);
                    self.report.already_there();
                }
                CreateOutcome::Unstorable => {
                    self.report.reject(position, &Value::Object(record), &Reason::Unstorable);
                }
                CreateOutcome::Taken(taken) => {
                    for (what, which) in user.unique() {
                        if let Some(taken) = taken.iter().find(|taken| taken.what == what) {
                            self.seen.hold(what, &which, taken.by);
                        }
                    }
                    self.report.reject(position, &Value::Object(record), &user.taken(taken));
                }
            }
        }
    }
}
