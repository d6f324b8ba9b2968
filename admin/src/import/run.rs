//! The import itself: batches, several under way at once.
//!
//! Nothing depends on having run to the end: who was created is found again by the next run, and is left as it is.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postern::ambient;
use postern::store::{MAX_BATCH, Outcome, Standing, Store, StoreError, What};
use serde_json::Value;
use tokio::task::JoinSet;

use super::reason::{Note, Reason};
use super::report::Report;
use super::rows::{Record, Row, Rows};
use super::source::Input;
use super::{Candidate, Options, Reader};
use crate::output::{Failure, Output};

/// The most of a batch in bytes of its rows: DynamoDB takes 4 MB in a transaction.
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// A row on its way.
struct Pending {
    line: u64,
    record: Record,
    candidate: Candidate,
}

/// A batch that is done, or what stopped it.
type Settled = Result<Vec<(Pending, Outcome)>, StoreError>;

/// Ids and names of the rows that were read, each as 64 bits: a million users are not to be kept in memory.
#[derive(Default)]
struct Seen {
    hashes: HashSet<u64>,
    state: RandomState,
}

/// Reads all rows, and imports those that are good.
///
/// # Errors
/// If the file turns out to be of no use, or where rejected rows go cannot be written.
pub(super) async fn run(
    mut reader: Reader,
    mut rows: Rows,
    input: &Input,
    options: &Options,
    store: &Store,
) -> Result<Output, Failure> {
    let now = ambient::now();
    let mut report = Report::new(input, options.rejected.as_deref(), options.dry_run)?;
    if let Some(blind_spot) = reader.blind_spot() {
        report.warn(blind_spot);
    }
    let interrupted = on_interrupt();
    let (mut seen, mut batch, mut begun) = (Seen::default(), Vec::new(), 0);
    let mut under_way: JoinSet<Settled> = JoinSet::new();
    loop {
        if interrupted.load(Ordering::Relaxed) {
            report.interrupted();
            batch.clear();
            break;
        }
        let Row { line, record } = match rows.next() {
            None => break,
            Some(Err(broken)) => {
                report.reject(broken.line, Value::Null, &Reason::Broken { what: broken.what })?;
                break;
            }
            Some(Ok(row)) => row,
        };
        report.read();
        let bytes = rows.meter().bytes();
        report.progress(bytes);
        match record.map(|record| (good(&mut reader, &mut seen, &record, options, now), record)) {
            Err((reason, shown)) => report.reject(line, shown, &reason)?,
            Ok((Err(reason), record)) => report.reject(line, Value::Object(record), &reason)?,
            Ok((Ok(None), _)) => report.other(),
            Ok((Ok(Some(candidate)), record)) => {
                report.good(candidate.hash);
                batch.push(Pending { line, record, candidate });
            }
        }
        if let Err(failure) = reader.check(false) {
            report.discard();
            return Err(failure);
        }
        if batch.len() == MAX_BATCH || bytes.saturating_sub(begun) > MAX_BATCH_BYTES && !batch.is_empty() {
            begun = bytes;
            while under_way.len() >= usize::from(options.concurrency) {
                settle(&mut report, under_way.join_next().await)?;
            }
            if report.is_stopped() {
                batch.clear();
                break;
            }
            under_way.spawn(import_batch(store.clone(), mem::take(&mut batch), options.clone()));
        }
    }
    if let Err(failure) = reader.check(true) {
        report.discard();
        return Err(failure);
    }
    if !batch.is_empty() {
        under_way.spawn(import_batch(store.clone(), batch, options.clone()));
    }
    while !under_way.is_empty() {
        settle(&mut report, under_way.join_next().await)?;
    }
    if matches!(rows, Rows::Csv(_)) && rows.meter().ends_in_line() {
        report.warn("the file does not end with a line break: if it was cut off, its last row may be too");
    }
    report.output()
}

/// The user of a row, if nothing is wrong with it as far as the file tells.
fn good(
    reader: &mut Reader,
    seen: &mut Seen,
    record: &Record,
    options: &Options,
    now: ambient::Timestamp,
) -> Result<Option<Candidate>, Reason> {
    let Some(mut candidate) = reader.read(record, now)? else { return Ok(None) };
    if options.drop_taken_emails && seen.first(&candidate).is_some_and(|(what, _)| what == What::Email) {
        candidate = candidate.without_email();
    }
    if let Some((what, which)) = seen.first(&candidate) {
        return Err(Reason::Twice { what, which });
    }
    seen.add(&candidate);
    Ok(Some(candidate))
}

/// Creates the users of a batch, or looks what would become of them.
async fn import_batch(store: Store, mut batch: Vec<Pending>, options: Options) -> Settled {
    let mut done = Vec::new();
    // A second time for those who come without their address.
    while !batch.is_empty() {
        let outcomes = if options.dry_run {
            let newcomers: Vec<_> = batch.iter().map(|pending| &pending.candidate.newcomer).collect();
            let standings = store.examine_users(&newcomers).await?;
            let would = |(standing, pending): (Standing, &Pending)| match standing {
                Standing::Free => Outcome::Created(pending.candidate.newcomer.user().id),
                Standing::Same(id) => Outcome::Same(id),
                Standing::Taken(taken) => Outcome::Taken(taken),
            };
            standings.into_iter().zip(&batch).map(would).collect()
        } else {
            let newcomers = batch.iter().map(|pending| pending.candidate.newcomer.clone()).collect();
            store.create_users(newcomers).await?
        };
        let mut again = Vec::new();
        for (mut pending, outcome) in mem::take(&mut batch).into_iter().zip(outcomes) {
            let id = pending.candidate.newcomer.user().id;
            match &outcome {
                Outcome::Taken(taken)
                    if options.drop_taken_emails
                        && taken.iter().any(|taken| taken.what == What::Email && taken.by != id) =>
                {
                    pending.candidate = pending.candidate.without_email();
                    again.push(pending);
                }
                _ => done.push((pending, outcome)),
            }
        }
        batch = again;
    }
    Ok(done)
}

fn settle(
    report: &mut Report,
    settled: Option<Result<Settled, tokio::task::JoinError>>,
) -> Result<(), Failure> {
    let done = match settled {
        None => return Ok(()),
        Some(Ok(Ok(done))) => done,
        Some(Ok(Err(error))) => {
            report.stopped(error.into());
            return Ok(());
        }
        Some(Err(error)) => {
            report.stopped(Failure::new(crate::output::Exit::Failed, error.to_string()));
            return Ok(());
        }
    };
    for (Pending { line, record, candidate }, outcome) in done {
        let user = candidate.newcomer.user();
        match outcome {
            Outcome::Created(_) => report.imported(line, &candidate.notes),
            Outcome::Same(_) => report.already_there(),
            Outcome::Unstorable => report.reject(line, Value::Object(record), &Reason::Unstorable)?,
            Outcome::Taken(taken) => {
                let names = [user.username.clone(), user.email.clone()];
                report.reject(line, Value::Object(record), &Reason::Taken { id: user.id, names, taken })?;
            }
        }
    }
    Ok(())
}

/// Told by the first Ctrl-C. The second ends the process.
fn on_interrupt() -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
            eprintln!("postern: finishing the batches that are under way");
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
    });
    interrupted
}

impl Candidate {
    fn without_email(mut self) -> Self {
        self.newcomer = self.newcomer.without_email();
        self.notes.push(Note::EmailDropped);
        self
    }

    /// What there can be only one of.
    fn unique(&self) -> Vec<(What, String)> {
        let id = self.newcomer.user().id;
        let names = self.newcomer.names().map(|(name, what)| (what, name.to_owned()));
        (id != 0).then(|| (What::Id, id.to_string())).into_iter().chain(names).collect()
    }
}

impl Seen {
    /// What of this row was in an earlier one.
    fn first(&self, candidate: &Candidate) -> Option<(What, String)> {
        candidate.unique().into_iter().find(|(what, which)| self.hashes.contains(&self.hash(*what, which)))
    }

    fn add(&mut self, candidate: &Candidate) {
        for (what, which) in candidate.unique() {
            self.hashes.insert(self.hash(what, &which));
        }
    }

    /// Usernames and e-mail addresses are names alike: one user's is no other's.
    fn hash(&self, what: What, which: &str) -> u64 {
        self.state.hash_one((what == What::Id, which))
    }
}
