//! The import itself: batches, several under way at once.
//!
//! Nothing depends on having run to the end: who was created is found again by the next run, and is left as it is.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::HumanDuration;
use postern::clock;
use postern::identity::LoginName;
use postern::store::{Conflict, MAX_BATCH, MAX_ITEMS, OtherUsername, Outcome, Store, UniqueField};
use serde_json::Value;
use tokio::task::JoinSet;

use super::batch::{Done, Pending, Settled, import_batch};
use super::hashes::Hashes;
use super::id_map::IdMap;
use super::layering::Layering;
use super::reason::Reason;
use super::report::{Report, tell};
use super::rows::{Position, Record, Row, Rows, other_format};
use super::seen::Seen;
use super::source::Input;
use super::{Candidate, Options, Reader, nothing_imported};
use crate::output::{Exit, Failure, Output};
use crate::user::count;

/// The most of a batch in bytes of its rows: DynamoDB takes 4 MB in a transaction.
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// An import that is under way.
struct Run<'a> {
    options: &'a Options,
    store: &'a Store,
    report: Report,
    seen: Seen,
    batch: Vec<Pending>,
    under_way: JoinSet<Settled>,
    layering: Layering,
    /// The ids that usernames of digits spell.
    ids_as_usernames: Vec<u64>,
    id_map: Option<IdMap>,
}

/// Reads all rows, and imports those that are good.
///
/// # Errors
/// If the file turns out to be of no use, or rejected rows cannot be kept.
pub(super) async fn run(
    mut reader: Reader,
    mut rows: Rows,
    input: &Input,
    options: &Options,
    hashes: &Hashes,
    store: &Store,
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
        under_way: JoinSet::new(),
        layering: Layering::of_this_machine(),
        ids_as_usernames: Vec::new(),
        id_map,
    };
    if let Some(blind_spot) = reader.blind_spot() {
        run.report.remark(blind_spot);
    }
    if rows.skipped_lines() > 0 {
        run.report.remark(format!("skipped before the JSON: {}", count(rows.skipped_lines(), "line")));
    }
    let interrupted = on_interrupt();
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
            Ok((Ok(Some(candidate)), record)) => run.admit(position, record, candidate).await,
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
    run.settle_all().await;
    if let Some(failure) = useless {
        if run.report.is_in_vain() {
            run.report.discard();
            return Err(nothing_imported(failure));
        }
        run.report.stopped(failure);
    }
    // Of a run that stopped before the end of the file, how it ends is not known.
    if matches!(rows, Rows::Csv(_)) && at_end && rows.meter().ends_in_line() {
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
    /// Takes a user up, if no earlier row of the file has the same id or name.
    async fn admit(&mut self, position: Position, record: Record, mut candidate: Candidate) {
        let held = self.seen.held_by_others(&candidate);
        if self.options.drop_taken_emails && held.iter().any(|taken| taken.what == UniqueField::Email) {
            candidate = candidate.without_email();
        }
        let held: Vec<Conflict> = held
            .into_iter()
            .filter(|taken| candidate.unique().iter().any(|(what, _)| *what == taken.what))
            .collect();
        if !held.is_empty() {
            return self.report.reject(position, &Value::Object(record), &candidate.taken(held));
        }
        // An earlier row that is itself rejected takes nothing away, and whether it is only the table tells.
        if self.seen.is_open(&candidate) {
            self.send().await;
            self.settle_all().await;
        }
        let email_only = |(what, _): (UniqueField, String)| what == UniqueField::Email;
        if self.options.drop_taken_emails && self.seen.first(&candidate).is_some_and(email_only) {
            candidate = candidate.without_email();
        }
        match self.seen.first(&candidate) {
            Some((what, which)) => {
                self.report.reject(position, &Value::Object(record), &Reason::Twice { what, which });
            }
            None => {
                let items = candidate.new_user.items();
                let in_batch = self.batch.iter().map(|pending| pending.candidate.new_user.items());
                if in_batch.sum::<usize>() + items > MAX_ITEMS {
                    self.send().await;
                }
                let keys = self.seen.keys(&candidate);
                self.seen.on_the_way.extend(&keys);
                self.batch.push(Pending { position, record, candidate, keys, email_left_out: None });
            }
        }
    }

    /// A user of the file is in the table, with this id; 0 where a dry run cannot tell.
    fn is_there(&mut self, candidate: &Candidate, id: u64) {
        self.seen.taken.extend(self.seen.keys(candidate));
        self.seen.taken.insert(self.seen.key(UniqueField::Id, &id.to_string()));
        self.note_username(candidate, id);
        self.note_id(candidate.new_user.user().source_id.as_deref(), id);
    }

    /// The username of a row leads to this user. One of digits may be another user's id.
    fn note_username(&mut self, candidate: &Candidate, id: u64) {
        let username = LoginName::new(&candidate.new_user.user().username);
        self.ids_as_usernames.extend(username.as_id().filter(|spelt| *spelt != id));
    }

    /// A user of the file has this id in the table.
    fn note_id(&mut self, source_id: Option<&str>, id: u64) {
        if let (Some(map), Some(source_id)) = (&mut self.id_map, source_id)
            && let Err(failure) = map.write(source_id, id)
        {
            self.report.stopped(failure);
        }
    }

    /// How many users of the file cannot be reached by their id, since another's username spells it.
    fn shadowed(&self) -> usize {
        let ids = self.ids_as_usernames.iter();
        ids.filter(|id| self.seen.taken.contains(&self.seen.key(UniqueField::Id, &id.to_string()))).count()
    }

    /// Sends the batch off, when there is room for one more.
    async fn send(&mut self) {
        while self.under_way.len() >= usize::from(self.options.concurrency) {
            self.settle_next().await;
        }
        if !self.batch.is_empty() && !self.report.is_stopped() {
            let batch = mem::take(&mut self.batch);
            self.under_way.spawn(import_batch(
                self.store.clone(),
                batch,
                self.options.clone(),
                self.layering.clone(),
            ));
        }
    }

    async fn settle_all(&mut self) {
        while !self.under_way.is_empty() {
            self.settle_next().await;
        }
    }

    /// Waits for a batch, and tells what became of its rows.
    async fn settle_next(&mut self) {
        let done = match self.under_way.join_next().await {
            None => return,
            Some(Ok(Ok(done))) => done,
            Some(Ok(Err(failure))) => return self.report.stopped(failure),
            Some(Err(error)) => {
                return self.report.stopped(Failure::new(Exit::Failed, error.to_string()));
            }
        };
        for (Pending { position, record, candidate, keys, email_left_out }, outcome) in done {
            for key in &keys {
                self.seen.on_the_way.remove(key);
            }
            if let Some((email, by)) = email_left_out {
                self.seen.hold(UniqueField::Email, &email, by);
            }
            let outcome = match outcome {
                Done::Outcome(outcome) => outcome,
                Done::Joined(joined) => {
                    let email = candidate.unique().into_iter().filter(|(what, _)| *what != UniqueField::Id);
                    let keys: Vec<u64> = email.map(|(what, which)| self.seen.key(what, &which)).collect();
                    self.seen.taken.extend(keys);
                    self.report.joined(position, &joined, &candidate);
                    if joined.username == OtherUsername::Added {
                        self.note_username(&candidate, joined.id);
                    }
                    self.note_id(candidate.new_user.user().source_id.as_deref(), joined.id);
                    continue;
                }
            };
            match outcome {
                Outcome::Created(id) => {
                    self.is_there(&candidate, id);
                    self.report.imported(position, &candidate);
                }
                Outcome::Same(id) => {
                    self.is_there(&candidate, id);
                    self.report.already_there();
                }
                Outcome::Unstorable => {
                    self.report.reject(position, &Value::Object(record), &Reason::Unstorable);
                }
                Outcome::Taken(taken) => {
                    for (what, which) in candidate.unique() {
                        if let Some(taken) = taken.iter().find(|taken| taken.what == what) {
                            self.seen.hold(what, &which, taken.by);
                        }
                    }
                    self.report.reject(position, &Value::Object(record), &candidate.taken(taken));
                }
            }
        }
    }
}

/// Told by the first Ctrl-C. The second ends the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
            tell("postern: finishing the batches that are under way");
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    interrupted
}
