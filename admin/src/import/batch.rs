//! A batch of users: created together, joined, or looked up.

use std::collections::BTreeSet;
use std::mem;

use postern::clock;
use postern::password::FastDigest;
use postern::store::operator::{
    Availability, Conflict, CreateOutcome, Joined, Operator, PasswordOf, UniqueField,
};

use super::imported_user::CheckedUser;
use super::layering::Layering;
use super::options::{MatchBy, MatchPassword, Options};
use super::rows::{Position, Record};
use crate::output::Failure;

/// A row of a batch.
pub(super) struct BatchRow {
    pub(super) position: Position,
    pub(super) record: Record,
    pub(super) user: CheckedUser,
    /// The keys of its id and names in [`super::seen::Seen`].
    pub(super) keys: Vec<u64>,
    /// The e-mail address that was dropped, and the id of the user who has it.
    pub(super) dropped_email: Option<(String, u64)>,
}

/// The outcome of a row.
pub(super) enum RowOutcome {
    /// The row was not joined to a user. This is the outcome of creating a user from it.
    Single(CreateOutcome),
    /// It was joined to a user in the table.
    Joined(Joined),
}

/// The rows of a batch with their outcomes, or why the batch failed.
pub(super) type BatchResult = Result<Vec<(BatchRow, RowOutcome)>, Failure>;

/// Creates or joins the users of a batch. In a dry run, looks up what would happen to them.
///
/// # Errors
/// If the table cannot be reached.
pub(super) async fn import_batch(
    store: Operator,
    mut batch: Vec<BatchRow>,
    options: Options,
    layering: Layering,
) -> BatchResult {
    let mut done = Vec::new();
    // The second round is for users whose e-mail address was dropped.
    while !batch.is_empty() {
        let outcomes = if options.dry_run {
            let new_users: Vec<_> = batch.iter().map(|row| &row.user.new_user).collect();
            let availabilities = store.availability_of(&new_users).await?;
            let outcome = |(availability, row): (Availability, &BatchRow)| match availability {
                Availability::Free => CreateOutcome::Created(row.user.new_user.user().id),
                Availability::Same(id) => CreateOutcome::Same(id),
                Availability::Taken(taken) => CreateOutcome::Taken(taken),
            };
            availabilities.into_iter().zip(&batch).map(outcome).collect()
        } else {
            create(&store, &mut batch, &layering).await?
        };
        let mut again = Vec::new();
        for (mut row, outcome) in mem::take(&mut batch).into_iter().zip(outcomes) {
            if let Some(joined) = join(&store, &options, &layering, &mut row, &outcome).await? {
                done.push((row, RowOutcome::Joined(joined)));
                continue;
            }
            let id = row.user.new_user.user().id;
            let of_another = |taken: &&Conflict| taken.what == UniqueField::Email && taken.by != id;
            match &outcome {
                CreateOutcome::Taken(taken)
                    if options.drop_taken_emails && taken.iter().any(|taken| of_another(&taken)) =>
                {
                    let email = row.user.unique().into_iter().find(|(what, _)| *what == UniqueField::Email);
                    let by = taken.iter().find(of_another).map(|taken| taken.by);
                    row.dropped_email = email.map(|(_, email)| email).zip(by);
                    row.user = row.user.without_email();
                    again.push(row);
                }
                _ => done.push((row, RowOutcome::Single(outcome))),
            }
        }
        batch = again;
    }
    Ok(done)
}

/// Joins a user to the user in the table who has the same e-mail address, if the operator asked for it.
async fn join(
    store: &Operator,
    options: &Options,
    layering: &Layering,
    row: &mut BatchRow,
    outcome: &CreateOutcome,
) -> Result<Option<Joined>, Failure> {
    let holders: BTreeSet<u64> = match (options.match_by, outcome) {
        (Some(MatchBy::Email), CreateOutcome::Taken(taken)) => {
            taken.iter().filter(|taken| taken.what != UniqueField::Id).map(|taken| taken.by).collect()
        }
        // A user may have the same names in two products.
        (Some(MatchBy::Email), CreateOutcome::Same(id)) => BTreeSet::from([*id]),
        _ => return Ok(None),
    };
    let passwords = match options.match_password {
        MatchPassword::First => PasswordOf::First,
        MatchPassword::Newest => PasswordOf::Newest,
    };
    let is_same = matches!(outcome, CreateOutcome::Same(_));
    for by in holders {
        // A layer takes time. So a trial first finds out whether the password is taken.
        let CheckedUser { new_user, fast, .. } = &row.user;
        let other = match fast {
            Some(_) => new_user.clone().with_password_hash("a layer".to_owned()),
            None => new_user.clone(),
        };
        let Some(trial) = store.join_user(by, other.user(), passwords, true, clock::now()).await? else {
            continue;
        };
        if is_same && trial.is_nothing() {
            continue;
        }
        if options.dry_run || trial.is_nothing() {
            return Ok(Some(trial));
        }
        if let Some(fast) = fast.clone().filter(|_| trial.password) {
            for (_, stored) in layering.layer(vec![(0, fast)]).await? {
                row.user.new_user = row.user.new_user.clone().with_password_hash(stored);
                row.user.fast = None;
            }
        }
        let other = row.user.new_user.user();
        if let Some(joined) = store.join_user(by, other, passwords, false, clock::now()).await? {
            return Ok(Some(joined));
        }
    }
    Ok(None)
}

/// Creates the users of a batch. A digest that is fast to guess gets its layer first, but only if the user is
/// not in the table yet. So a second run does not take the time of the first.
async fn create(
    store: &Operator,
    batch: &mut [BatchRow],
    layering: &Layering,
) -> Result<Vec<CreateOutcome>, Failure> {
    let mut known: Vec<Option<CreateOutcome>> = vec![None; batch.len()];
    let fast: Vec<(usize, FastDigest)> =
        batch.iter().enumerate().filter_map(|(index, row)| Some((index, row.user.fast.clone()?))).collect();
    if !fast.is_empty() {
        let new_users: Vec<_> = fast.iter().filter_map(|(index, _)| batch.get(*index)).collect();
        let new_users: Vec<_> = new_users.iter().map(|row| &row.user.new_user).collect();
        let availabilities = store.availability_of(&new_users).await?;
        let mut free = Vec::new();
        for ((index, fast), availability) in fast.into_iter().zip(availabilities) {
            let outcome = match availability {
                Availability::Free => {
                    free.push((index, fast));
                    continue;
                }
                Availability::Same(id) => CreateOutcome::Same(id),
                Availability::Taken(taken) => CreateOutcome::Taken(taken),
            };
            if let Some(known) = known.get_mut(index) {
                *known = Some(outcome);
            }
        }
        for (index, stored) in layering.layer(free).await? {
            if let Some(BatchRow { user, .. }) = batch.get_mut(index) {
                user.new_user = user.new_user.clone().with_password_hash(stored);
                user.fast = None;
            }
        }
    }
    let unknown = batch.iter().zip(&known).filter(|(_, known)| known.is_none());
    let new_users = unknown.map(|(row, _)| row.user.new_user.clone()).collect();
    let mut created = store.create_users(new_users).await?.into_iter();
    Ok(known.into_iter().filter_map(|known| known.or_else(|| created.next())).collect())
}
