//! The creation of many users at once.
//!
//! No user is ever overwritten: each write has the condition that the item does not exist. So an interrupted
//! import can start again from the beginning, and finds the users that it created before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use super::scan::{MAX_TRIES, pause};
use super::{Availability, Conflict, NewUser, Operator, UniqueField};
use crate::store::StoreError;

/// The most users in one batch. Most users have three items, and a transaction has at most [`MAX_ITEMS`].
pub const MAX_BATCH: usize = 33;

/// The most items in one transaction.
pub const MAX_ITEMS: usize = 100;

/// The outcome of the creation of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum CreateOutcome {
    /// The user is created, with this id.
    Created(u64),
    /// The same user exists already, with this id.
    Same(u64),
    /// The user is not created: the id or a name is another user's.
    Taken(Vec<Conflict>),
    /// The user is not created, since DynamoDB cannot store the item: it is larger than 400 KB, or holds a
    /// number of more than 38 digits.
    Unstorable,
}

/// The outcome of one transaction.
enum BatchOutcome {
    /// All users are created.
    Created,
    /// No user is created, because of the users with these indexes. `None` stands for a user who could be
    /// created by now.
    Refused(BTreeMap<usize, Option<CreateOutcome>>),
    /// No user is created: DynamoDB rejects the request, and does not say which item is wrong.
    Invalid,
    /// No user is created. A retry may succeed.
    Later(StoreError),
}

impl Operator {
    /// Creates those of these users, at most [`MAX_BATCH`], whose id and names are free. Each is created with
    /// all login names or not at all. Returns the outcome of each user, in the same order. Waits if DynamoDB
    /// has no capacity.
    ///
    /// # Errors
    /// If the table cannot be reached. Some users may have been created then. A second call returns
    /// [`CreateOutcome::Same`] for them.
    pub async fn create_users(&self, mut new_users: Vec<NewUser>) -> Result<Vec<CreateOutcome>, StoreError> {
        let mut outcomes: BTreeMap<usize, CreateOutcome> = BTreeMap::new();
        self.assign_ids(&mut new_users, &mut outcomes).await?;
        let all: Vec<usize> = (0..new_users.len()).filter(|index| !outcomes.contains_key(index)).collect();
        let mut batches = VecDeque::from([all]);
        let mut turn = 0;
        while let Some(mut batch) = batches.pop_front() {
            if batch.is_empty() {
                continue;
            }
            match self.create_batch(&new_users, &batch).await? {
                BatchOutcome::Created => {
                    let id = |index: &usize| new_users[*index].user.id;
                    outcomes.extend(batch.iter().map(|index| (*index, CreateOutcome::Created(id(index)))));
                    // The counter is raised after the creation. Otherwise a row that is refused could raise
                    // it to the highest id. If this write fails, the next run repeats it. Meanwhile an id
                    // that is in use may be allocated. Its creation is refused, and another id is allocated.
                    self.keep_counter_above(batch.iter().map(id)).await?;
                }
                BatchOutcome::Refused(refused) => {
                    batch.retain(|index| !refused.contains_key(index));
                    let mut free_again = Vec::new();
                    for (index, outcome) in refused {
                        match outcome {
                            None => free_again.push(index),
                            // Another process created a user with the id that was allocated here.
                            Some(CreateOutcome::Taken(conflicts))
                                if !new_users[index].has_own_id
                                    && conflicts.iter().all(|conflict| conflict.what == UniqueField::Id) =>
                            {
                                new_users[index].user.id = self.allocate_user_ids(1).await?;
                                free_again.push(index);
                            }
                            Some(outcome) => drop(outcomes.insert(index, outcome)),
                        }
                    }
                    batches.push_back(batch);
                    if !free_again.is_empty() {
                        let error = StoreError::unavailable("conditions fail, and there is no conflict");
                        wait(&mut turn, error).await?;
                        batches.push_back(free_again);
                    }
                }
                BatchOutcome::Invalid if batch.len() == 1 => {
                    outcomes.extend(batch.iter().map(|index| (*index, CreateOutcome::Unstorable)));
                }
                BatchOutcome::Invalid => {
                    let rest = batch.split_off(batch.len() / 2);
                    batches.extend([batch, rest]);
                }
                BatchOutcome::Later(error) => {
                    wait(&mut turn, error).await?;
                    batches.push_front(batch);
                }
            }
        }
        self.keep_counter_above(outcomes.values().filter_map(|outcome| match outcome {
            CreateOutcome::Same(id) => Some(*id),
            CreateOutcome::Created(_) | CreateOutcome::Taken(_) | CreateOutcome::Unstorable => None,
        }))
        .await?;
        Ok(outcomes.into_values().collect())
    }

    /// Raises the counter to the highest of these ids.
    async fn keep_counter_above(&self, ids: impl Iterator<Item = u64>) -> Result<(), StoreError> {
        match ids.max() {
            Some(last) => self.keep_counter_at(last).await,
            None => Ok(()),
        }
    }

    /// Assigns ids to the users who have no id and whose names are free. So an import that starts again uses
    /// up no ids.
    async fn assign_ids(
        &self,
        new_users: &mut [NewUser],
        outcomes: &mut BTreeMap<usize, CreateOutcome>,
    ) -> Result<(), StoreError> {
        let without: Vec<usize> =
            (0..new_users.len()).filter(|index| new_users[*index].user.id == 0).collect();
        if without.is_empty() {
            return Ok(());
        }
        let checked: Vec<&NewUser> = without.iter().map(|index| &new_users[*index]).collect();
        let availabilities = self.availability_of(&checked).await?;
        let mut free = Vec::new();
        for (index, availability) in without.into_iter().zip(availabilities) {
            match outcome(availability) {
                None => free.push(index),
                Some(outcome) => drop(outcomes.insert(index, outcome)),
            }
        }
        if free.is_empty() {
            return Ok(());
        }
        let last = self.allocate_user_ids(free.len() as u64).await?;
        let first = last - (free.len() as u64 - 1);
        for (index, id) in free.into_iter().zip(first..) {
            new_users[index].user.id = id;
        }
        Ok(())
    }

    /// Creates the users of this batch in one transaction.
    async fn create_batch(&self, new_users: &[NewUser], batch: &[usize]) -> Result<BatchOutcome, StoreError> {
        let (mut writes, mut user_of_write) = (Vec::new(), Vec::new());
        for index in batch {
            let new_user = &new_users[*index];
            let of_one = self.writes(&new_user.user, &new_user.names)?;
            user_of_write.extend(of_one.iter().map(|_| *index));
            writes.extend(of_one);
        }
        let transaction = self.client.transact_write_items().set_transact_items(Some(writes));
        let Err(error) = transaction.send().await else { return Ok(BatchOutcome::Created) };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons().to_vec()
            }
            _ => return BatchOutcome::of_failure(error),
        };
        let because = |code: &str| -> BTreeSet<usize> {
            let reasons = reasons.iter().zip(&user_of_write);
            reasons.filter(|(reason, _)| reason.code() == Some(code)).map(|(_, index)| *index).collect()
        };
        let in_conflict: Vec<usize> = because("ConditionalCheckFailed").into_iter().collect();
        let invalid = because("ValidationError");
        if in_conflict.is_empty() && invalid.is_empty() {
            return Ok(BatchOutcome::Later(error.into()));
        }
        let checked: Vec<&NewUser> = in_conflict.iter().map(|index| &new_users[*index]).collect();
        let availabilities = self.availability_of(&checked).await?;
        let mut refused: BTreeMap<usize, Option<CreateOutcome>> =
            invalid.into_iter().map(|index| (index, Some(CreateOutcome::Unstorable))).collect();
        for (index, availability) in in_conflict.into_iter().zip(availabilities) {
            refused.insert(index, outcome(availability));
        }
        Ok(BatchOutcome::Refused(refused))
    }
}

/// Returns the outcome of a user who cannot be created. Returns `None` if the user can be created.
fn outcome(availability: Availability) -> Option<CreateOutcome> {
    match availability {
        Availability::Free => None,
        Availability::Same(id) => Some(CreateOutcome::Same(id)),
        Availability::Taken(conflicts) => Some(CreateOutcome::Taken(conflicts)),
    }
}

/// Waits before another try. Returns the error after the last one.
async fn wait(turn: &mut u32, error: StoreError) -> Result<(), StoreError> {
    *turn += 1;
    if *turn == MAX_TRIES {
        return Err(error);
    }
    pause(*turn).await;
    Ok(())
}

impl BatchOutcome {
    fn of_failure<R: std::fmt::Debug>(
        error: SdkError<TransactWriteItemsError, R>,
    ) -> Result<Self, StoreError> {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        match code {
            Some("ValidationException") => Ok(Self::Invalid),
            Some(
                "TransactionInProgressException"
                | "TransactionConflictException"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException",
            ) => Ok(Self::Later(error.into())),
            _ => Err(error.into()),
        }
    }
}
