//! A batch of users: created together, joined, or looked up.

use std::collections::BTreeSet;
use std::mem;

use postern::ambient;
use postern::password::FastDigest;
use postern::store::{Joined, Outcome, PasswordOf, Standing, Store, Taken, What};

use super::layering::Layering;
use super::rows::{Position, Record};
use super::{Candidate, MatchBy, MatchPassword, Options};
use crate::output::Failure;

/// A row on its way.
pub(super) struct Pending {
    pub(super) position: Position,
    pub(super) record: Record,
    pub(super) candidate: Candidate,
    /// What it has that there can be only one of, as `Seen` keeps it.
    pub(super) keys: Vec<u64>,
    /// The address that it came with and was left out, and whose that is.
    pub(super) email_left_out: Option<(String, u64)>,
}

/// What became of a row.
pub(super) enum Done {
    /// It is a user of its own, or none.
    Outcome(Outcome),
    /// It is joined to a user who is there.
    Joined(Joined),
}

/// A batch that is done, or what stopped it.
pub(super) type Settled = Result<Vec<(Pending, Done)>, Failure>;

/// Creates the users of a batch, or looks what would become of them.
pub(super) async fn import_batch(
    store: Store,
    mut batch: Vec<Pending>,
    options: Options,
    layering: Layering,
) -> Settled {
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
            create(&store, &mut batch, &layering).await?
        };
        let mut again = Vec::new();
        for (mut pending, outcome) in mem::take(&mut batch).into_iter().zip(outcomes) {
            if let Some(joined) = join(&store, &options, &layering, &mut pending, &outcome).await? {
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
    layering: &Layering,
    pending: &mut Pending,
    outcome: &Outcome,
) -> Result<Option<Joined>, Failure> {
    let holders: BTreeSet<u64> = match (options.match_by, outcome) {
        (Some(MatchBy::Email), Outcome::Taken(taken)) => {
            taken.iter().filter(|taken| taken.what != What::Id).map(|taken| taken.by).collect()
        }
        // Of two products, a user may have the same names in both.
        (Some(MatchBy::Email), Outcome::Same(id)) => BTreeSet::from([*id]),
        _ => return Ok(None),
    };
    if let Some(fast) = pending.candidate.fast.take().filter(|_| !options.dry_run) {
        for (_, stored) in layering.layer(vec![(0, fast)]).await? {
            pending.candidate.newcomer = pending.candidate.newcomer.clone().with_password_hash(stored);
        }
    }
    let passwords = match options.match_password {
        MatchPassword::First => PasswordOf::First,
        MatchPassword::Newest => PasswordOf::Newest,
    };
    for by in holders {
        let other = pending.candidate.newcomer.user();
        let joined = store.join_user(by, other, passwords, options.dry_run, ambient::now()).await?;
        let is_same = matches!(outcome, Outcome::Same(_));
        if joined.as_ref().is_some_and(|joined| !(is_same && joined.is_nothing())) {
            return Ok(joined);
        }
    }
    Ok(None)
}

/// Creates the users of a batch. Digests that are fast to guess get their layer first, and only those
/// whose users are not there: a run that goes on does not pay for them again.
async fn create(store: &Store, batch: &mut [Pending], layering: &Layering) -> Result<Vec<Outcome>, Failure> {
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
        for (index, stored) in layering.layer(free).await? {
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
