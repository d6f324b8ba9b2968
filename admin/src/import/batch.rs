//! A batch of users: created together, joined, or looked up.

use std::collections::BTreeSet;
use std::mem;

use postern::clock;
use postern::password::FastDigest;
use postern::store::{Availability, Conflict, Joined, Outcome, PasswordOf, Store, UniqueField};

use super::layering::Layering;
use super::rows::{Position, Record};
use super::{Candidate, MatchBy, MatchPassword, Options};
use crate::output::Failure;

/// A row on its way.
pub(super) struct Pending {
    pub(super) position: Position,
    pub(super) record: Record,
    pub(super) candidate: Candidate,
    /// The keys of its id and names in `Seen`.
    pub(super) keys: Vec<u64>,
    /// The address that it came with and was left out, and whose that is.
    pub(super) email_left_out: Option<(String, u64)>,
}

/// The outcome of a row.
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
            let new_users: Vec<_> = batch.iter().map(|pending| &pending.candidate.new_user).collect();
            let availabilities = store.availability_of(&new_users).await?;
            let would = |(availability, pending): (Availability, &Pending)| match availability {
                Availability::Free => Outcome::Created(pending.candidate.new_user.user().id),
                Availability::Same(id) => Outcome::Same(id),
                Availability::Taken(taken) => Outcome::Taken(taken),
            };
            availabilities.into_iter().zip(&batch).map(would).collect()
        } else {
            create(&store, &mut batch, &layering).await?
        };
        let mut again = Vec::new();
        for (mut pending, outcome) in mem::take(&mut batch).into_iter().zip(outcomes) {
            if let Some(joined) = join(&store, &options, &layering, &mut pending, &outcome).await? {
                done.push((pending, Done::Joined(joined)));
                continue;
            }
            let id = pending.candidate.new_user.user().id;
            let of_another = |taken: &&Conflict| taken.what == UniqueField::Email && taken.by != id;
            match &outcome {
                Outcome::Taken(taken)
                    if options.drop_taken_emails && taken.iter().any(|taken| of_another(&taken)) =>
                {
                    let email =
                        pending.candidate.unique().into_iter().find(|(what, _)| *what == UniqueField::Email);
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
            taken.iter().filter(|taken| taken.what != UniqueField::Id).map(|taken| taken.by).collect()
        }
        // Of two products, a user may have the same names in both.
        (Some(MatchBy::Email), Outcome::Same(id)) => BTreeSet::from([*id]),
        _ => return Ok(None),
    };
    let passwords = match options.match_password {
        MatchPassword::First => PasswordOf::First,
        MatchPassword::Newest => PasswordOf::Newest,
    };
    let is_same = matches!(outcome, Outcome::Same(_));
    for by in holders {
        // A layer takes time, so whether the password is taken is found out before.
        let Candidate { new_user, fast, .. } = &pending.candidate;
        let other = match fast {
            Some(_) => new_user.clone().with_password_hash("a layer".to_owned()),
            None => new_user.clone(),
        };
        let Some(would) = store.join_user(by, other.user(), passwords, true, clock::now()).await? else {
            continue;
        };
        if is_same && would.is_nothing() {
            continue;
        }
        if options.dry_run || would.is_nothing() {
            return Ok(Some(would));
        }
        if let Some(fast) = fast.clone().filter(|_| would.password) {
            for (_, stored) in layering.layer(vec![(0, fast)]).await? {
                pending.candidate.new_user = pending.candidate.new_user.clone().with_password_hash(stored);
                pending.candidate.fast = None;
            }
        }
        let other = pending.candidate.new_user.user();
        if let Some(joined) = store.join_user(by, other, passwords, false, clock::now()).await? {
            return Ok(Some(joined));
        }
    }
    Ok(None)
}

/// Creates the users of a batch. Digests that are fast to guess get their layer first. A user who is in the table gets
/// none, so that a second run does not take the time of the first.
async fn create(store: &Store, batch: &mut [Pending], layering: &Layering) -> Result<Vec<Outcome>, Failure> {
    let mut known: Vec<Option<Outcome>> = vec![None; batch.len()];
    let fast: Vec<(usize, FastDigest)> = batch
        .iter()
        .enumerate()
        .filter_map(|(index, pending)| Some((index, pending.candidate.fast.clone()?)))
        .collect();
    if !fast.is_empty() {
        let new_users: Vec<_> = fast.iter().filter_map(|(index, _)| batch.get(*index)).collect();
        let new_users: Vec<_> = new_users.iter().map(|pending| &pending.candidate.new_user).collect();
        let availabilities = store.availability_of(&new_users).await?;
        let mut free = Vec::new();
        for ((index, fast), availability) in fast.into_iter().zip(availabilities) {
            let outcome = match availability {
                Availability::Free => {
                    free.push((index, fast));
                    continue;
                }
                Availability::Same(id) => Outcome::Same(id),
                Availability::Taken(taken) => Outcome::Taken(taken),
            };
            if let Some(known) = known.get_mut(index) {
                *known = Some(outcome);
            }
        }
        for (index, stored) in layering.layer(free).await? {
            if let Some(Pending { candidate, .. }) = batch.get_mut(index) {
                candidate.new_user = candidate.new_user.clone().with_password_hash(stored);
                candidate.fast = None;
            }
        }
    }
    let unknown = batch.iter().zip(&known).filter(|(_, known)| known.is_none());
    let new_users = unknown.map(|(pending, _)| pending.candidate.new_user.clone()).collect();
    let mut created = store.create_users(new_users).await?.into_iter();
    Ok(known.into_iter().filter_map(|known| known.or_else(|| created.next())).collect())
}
