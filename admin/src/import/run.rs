//! The import itself: batches, several under way at once.
//!
//! Nothing depends on having run to the end: who was created is found again by the next run, and is left as it is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postern::ambient;
use postern::name::LoginName;
use postern::password::{FastDigest, Passwords};
use postern::store::{
    Joined, MAX_BATCH, MAX_ITEMS, OtherUsername, Outcome, PasswordOf, Standing, Store, Taken, What,
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::hashes::Hashes;
use super::id_map::IdMap;
use super::reason::{Note, Reason};
use super::report::{Report, tell};
use super::rows::{Position, Record, Row, Rows};
use super::source::Input;
use super::{Candidate, MatchBy, MatchPassword, Options, Reader, nothing_imported};
use crate::output::{Exit, Failure, Output};

/// The most of a batch in bytes of its rows: DynamoDB takes 4 MB in a transaction.
const MAX_BATCH_BYTES: u64 = 1 << 20;

/// A row on its way.
struct Pending {
    position: Position,
    record: Record,
    candidate: Candidate,
    /// What it has that there can be only one of, as [`Seen`] keeps it.
    keys: Vec<u64>,
    /// The address that it came with and was left out, and whose that is.
    email_left_out: Option<(String, u64)>,
}

/// What became of a row.
enum Done {
    /// It is a user of its own, or none.
    Outcome(Outcome),
    /// It is joined to a user who is there.
    Joined(Joined),
}

/// A batch that is done, or what stopped it.
type Settled = Result<Vec<(Pending, Done)>, Failure>;

/// Ids and names of the rows that were read, each as 64 bits: a million users are not to be kept in memory.
#[derive(Default)]
struct Seen {
    /// Of rows whose users are in the table, or would be.
    taken: HashSet<u64>,
    /// Of rows that are on their way, and may yet be rejected.
    on_the_way: HashSet<u64>,
    /// Names that somebody in the table was found to have, and who.
    held: HashMap<u64, u64>,
    state: RandomState,
}

/// An import that is under way.
struct Run<'a> {
    options: &'a Options,
    store: &'a Store,
    report: Report,
    seen: Seen,
    batch: Vec<Pending>,
    under_way: JoinSet<Settled>,
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
    let now = ambient::now();
    let report = Report::new(input, options.rejected.as_deref(), options.dry_run, &options.place)?;
    let id_map = if options.new_ids && !options.dry_run { Some(IdMap::create(input)?) } else { None };
    let mut run = Run {
        options,
        store,
        report,
        seen: Seen::default(),
        batch: Vec::new(),
        under_way: JoinSet::new(),
        ids_as_usernames: Vec::new(),
        id_map,
    };
    if let Some(blind_spot) = reader.blind_spot() {
        run.report.remark(blind_spot);
    }
    if rows.skipped_lines() > 0 {
        run.report.remark(format!(
            "{} lines before the JSON are none of it, and were skipped",
            rows.skipped_lines()
        ));
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
        let bytes = rows.meter().bytes();
        run.report.progress(bytes);
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
        if self.options.drop_taken_emails && held.iter().any(|taken| taken.what == What::Email) {
            candidate = candidate.without_email();
        }
        let held: Vec<Taken> = held
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
        let email_only = |(what, _): (What, String)| what == What::Email;
        if self.options.drop_taken_emails && self.seen.first(&candidate).is_some_and(email_only) {
            candidate = candidate.without_email();
        }
        match self.seen.first(&candidate) {
            Some((what, which)) => {
                self.report.reject(position, &Value::Object(record), &Reason::Twice { what, which });
            }
            None => {
                let items = candidate.newcomer.items();
                let in_batch = self.batch.iter().map(|pending| pending.candidate.newcomer.items());
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
        self.seen.taken.insert(self.seen.key(What::Id, &id.to_string()));
        self.note_username(candidate, id);
        self.note_id(candidate.newcomer.user().source_id.as_deref(), id);
    }

    /// The username of a row leads to this user. One of digits may be another user's id.
    fn note_username(&mut self, candidate: &Candidate, id: u64) {
        let username = LoginName::new(&candidate.newcomer.user().username);
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
        ids.filter(|id| self.seen.taken.contains(&self.seen.key(What::Id, &id.to_string()))).count()
    }

    /// Sends the batch off, when there is room for one more.
    async fn send(&mut self) {
        while self.under_way.len() >= usize::from(self.options.concurrency) {
            self.settle_next().await;
        }
        if !self.batch.is_empty() && !self.report.is_stopped() {
            let batch = mem::take(&mut self.batch);
            self.under_way.spawn(import_batch(self.store.clone(), batch, self.options.clone()));
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
                self.seen.hold(What::Email, &email, by);
            }
            let outcome = match outcome {
                Done::Outcome(outcome) => outcome,
                Done::Joined(joined) => {
                    let email = candidate.unique().into_iter().filter(|(what, _)| *what != What::Id);
                    let keys: Vec<u64> = email.map(|(what, which)| self.seen.key(what, &which)).collect();
                    self.seen.taken.extend(keys);
                    self.report.joined(position, &joined, &candidate.newcomer.user().username);
                    if joined.username == OtherUsername::Added {
                        self.note_username(&candidate, joined.id);
                    }
                    self.note_id(candidate.newcomer.user().source_id.as_deref(), joined.id);
                    continue;
                }
            };
            match outcome {
                Outcome::Created(id) => {
                    self.is_there(&candidate, id);
                    self.report.imported(position, candidate.hash, &candidate.notes);
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
            create(&store, &mut batch).await?
        };
        let mut again = Vec::new();
        for (mut pending, outcome) in mem::take(&mut batch).into_iter().zip(outcomes) {
            if let Some(joined) = join(&store, &options, &mut pending, &outcome).await? {
                done.push((pending, Done::Joined(joined)));
                continue;
            }
            let id = pending.candidate.newcomer.user().id;
            let of_another = |taken: &&Taken| taken.what == What::Email && taken.by != id;
            match &outcome {
                Outcome::Taken(taken)
                    if options.drop_taken_emails && taken.iter().any(|taken| of_another(&taken)) =>
                {
                    let email = pending.candidate.unique().into_iter().find(|(what, _)| *what == What::Email);
                    let by = taken.iter().find(of_another).map(|taken| taken.by);
                    pending.email_left_out = email.map(|(_, email)| email).zip(by);
                    pending.candidate = pending.candidate.without_email();
                    again.push(pending);
                }
                _ => done.push((pending, Done::Outcome(outcome))),
            }
        }
        batch = again;
    }
    Ok(done)
}

/// Joins a user whose e-mail address is that of a user in the table, where that is asked for.
async fn join(
    store: &Store,
    options: &Options,
    pending: &mut Pending,
    outcome: &Outcome,
) -> Result<Option<Joined>, Failure> {
    let (Some(MatchBy::Email), Outcome::Taken(taken)) = (options.match_by, outcome) else { return Ok(None) };
    if let Some(fast) = pending.candidate.fast.take().filter(|_| !options.dry_run) {
        for (_, stored) in layer(vec![(0, fast)]).await? {
            pending.candidate.newcomer = pending.candidate.newcomer.clone().with_password_hash(stored);
        }
    }
    let passwords = match options.match_password {
        MatchPassword::First => PasswordOf::First,
        MatchPassword::Newest => PasswordOf::Newest,
    };
    let holders: BTreeSet<u64> =
        taken.iter().filter(|taken| taken.what != What::Id).map(|taken| taken.by).collect();
    for by in holders {
        let other = pending.candidate.newcomer.user();
        let joined = store.join_user(by, other, passwords, options.dry_run, ambient::now()).await?;
        if joined.is_some() {
            return Ok(joined);
        }
    }
    Ok(None)
}

/// Creates the users of a batch. Digests that are fast to guess get their layer first, on a thread of its own, and only
/// those whose users are not there: a run that goes on does not pay for them again.
async fn create(store: &Store, batch: &mut [Pending]) -> Result<Vec<Outcome>, Failure> {
    let mut known: Vec<Option<Outcome>> = vec![None; batch.len()];
    let fast: Vec<(usize, FastDigest)> = batch
        .iter()
        .enumerate()
        .filter_map(|(index, pending)| Some((index, pending.candidate.fast.clone()?)))
        .collect();
    if !fast.is_empty() {
        let newcomers: Vec<_> = fast.iter().filter_map(|(index, _)| batch.get(*index)).collect();
        let newcomers: Vec<_> = newcomers.iter().map(|pending| &pending.candidate.newcomer).collect();
        let standings = store.examine_users(&newcomers).await?;
        let mut free = Vec::new();
        for ((index, fast), standing) in fast.into_iter().zip(standings) {
            let outcome = match standing {
                Standing::Free => {
                    free.push((index, fast));
                    continue;
                }
                Standing::Same(id) => Outcome::Same(id),
                Standing::Taken(taken) => Outcome::Taken(taken),
            };
            if let Some(known) = known.get_mut(index) {
                *known = Some(outcome);
            }
        }
        for (index, stored) in layer(free).await? {
            if let Some(Pending { candidate, .. }) = batch.get_mut(index) {
                candidate.newcomer = candidate.newcomer.clone().with_password_hash(stored);
                candidate.fast = None;
            }
        }
    }
    let unknown = batch.iter().zip(&known).filter(|(_, known)| known.is_none());
    let newcomers = unknown.map(|(pending, _)| pending.candidate.newcomer.clone()).collect();
    let mut created = store.create_users(newcomers).await?.into_iter();
    Ok(known.into_iter().filter_map(|known| known.or_else(|| created.next())).collect())
}

/// The stored forms of digests that are fast to guess.
async fn layer(fast: Vec<(usize, FastDigest)>) -> Result<Vec<(usize, String)>, Failure> {
    let failed = || Failure::new(Exit::Failed, "the passwords cannot be hashed");
    let layered = tokio::task::spawn_blocking(move || {
        let passwords = Passwords::default();
        let layer = |(index, fast): &(usize, FastDigest)| {
            passwords.layer(fast, ambient::random()).map(|stored| (*index, stored))
        };
        fast.iter().map(layer).collect::<Result<Vec<_>, _>>()
    });
    layered.await.map_err(|_| failed())?.map_err(|_| failed())
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

impl Candidate {
    fn without_email(mut self) -> Self {
        self.newcomer = self.newcomer.without_email();
        self.notes.push(Note::EmailDropped);
        self
    }

    /// Why it is rejected.
    fn taken(&self, taken: Vec<Taken>) -> Reason {
        let user = self.newcomer.user();
        Reason::Taken { id: user.id, names: [user.username.clone(), user.email.clone()], taken }
    }

    /// What there can be only one of.
    fn unique(&self) -> Vec<(What, String)> {
        let id = self.newcomer.user().id;
        let names = self.newcomer.names().map(|(name, what)| (what, name.to_owned()));
        (id != 0).then(|| (What::Id, id.to_string())).into_iter().chain(names).collect()
    }
}

impl Seen {
    /// Whether a row that is on its way has something of this one.
    fn is_open(&self, candidate: &Candidate) -> bool {
        self.keys(candidate).iter().any(|key| self.on_the_way.contains(key))
    }

    /// Keeps whose a name is, so that no other row with it waits to hear the same.
    fn hold(&mut self, what: What, which: &str, by: u64) {
        if what != What::Id {
            self.held.insert(self.key(what, which), by);
        }
    }

    /// Which names of this row others in the table are known to have. Of a row without an id only the table can tell
    /// whether it is the same user.
    fn held_by_others(&self, candidate: &Candidate) -> Vec<Taken> {
        let id = candidate.newcomer.user().id;
        let holder = |what, which: &str| self.held.get(&self.key(what, which)).copied();
        let names = candidate.unique().into_iter().filter(|(what, _)| *what != What::Id && id != 0);
        let taken = names.filter_map(|(what, which)| Some(Taken { what, by: holder(what, &which)? }));
        taken.filter(|taken| taken.by != id).collect()
    }

    /// What of this row a user of an earlier one has.
    fn first(&self, candidate: &Candidate) -> Option<(What, String)> {
        candidate.unique().into_iter().find(|(what, which)| self.taken.contains(&self.key(*what, which)))
    }

    fn keys(&self, candidate: &Candidate) -> Vec<u64> {
        candidate.unique().iter().map(|(what, which)| self.key(*what, which)).collect()
    }

    /// Usernames and e-mail addresses are names alike: one user's is no other's.
    fn key(&self, what: What, which: &str) -> u64 {
        self.state.hash_one((what == What::Id, which))
    }
}
