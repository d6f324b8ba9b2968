//! Creating many users at once, which operators do and no function may.
//!
//! Nobody is ever overwritten: each write has the condition that nothing is there. So an import that broke off is
//! begun again from the start, and finds those whom it created already.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use super::create::same_uuid;
use super::scan::{TRIES, pause};
use super::{
    CreateUserError, Item, LoginKind, Store, StoreError, UserRecord, decode_login, decode_user, key,
    login_names, login_pk, user_pk,
};
use crate::identity::LoginName;
use crate::identity::User;

/// The most users in one batch: most are three items, and DynamoDB takes [`MAX_ITEMS`] in a transaction.
pub const MAX_BATCH: usize = 33;

/// The most items in one transaction.
pub const MAX_ITEMS: usize = 100;

/// A user to be created, whose names were found good.
#[derive(Clone)]
pub struct NewUser {
    user: UserRecord,
    names: Vec<(LoginName, LoginKind)>,
    /// Whether the id came along, and is not one that was handed out here.
    has_own_id: bool,
}

/// What the table has of a newcomer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    /// Nothing.
    Free,
    /// The same user: of the same login names, and of the same id if the newcomer has one. This is the id.
    Same(u64),
    /// The id or a name is another user's.
    Taken(Vec<Conflict>),
}

/// What became of a newcomer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Created, with this id.
    Created(u64),
    /// The same user was there, with this id.
    Same(u64),
    /// Not created: the id or a name is another user's.
    Taken(Vec<Conflict>),
    /// Not created: DynamoDB takes no such item. It is over 400 KB, or holds a number of over 38 digits.
    Unstorable,
}

/// Something of a newcomer's that is another user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What it is.
    pub what: UniqueField,
    /// Whose it is: that user's id.
    pub by: u64,
}

/// What of a user there can be only one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// The id.
    Id,
    /// The username; the e-mail address too, where the two are one.
    Username,
    /// The e-mail address.
    Email,
}

impl NewUser {
    /// Looks at the names. Id 0 asks for the next free one, an empty e-mail address is none.
    ///
    /// # Errors
    /// If one cannot be a name.
    pub fn new(user: UserRecord) -> Result<Self, CreateUserError> {
        Ok(Self { names: login_names(&user)?, has_own_id: user.id != 0, user })
    }

    /// The user.
    pub fn user(&self) -> &UserRecord {
        &self.user
    }

    /// The login names as they are looked up, and what each is.
    pub fn names(&self) -> impl Iterator<Item = (&str, UniqueField)> {
        self.names.iter().filter_map(|(name, kind)| {
            let what = if *kind == LoginKind::Email { UniqueField::Email } else { UniqueField::Username };
            Some((name.as_key()?, what))
        })
    }

    /// The same without an e-mail address. Where the address is the username, it stays that.
    #[must_use]
    pub fn without_email(mut self) -> Self {
        self.user.email.clear();
        self.names.retain(|(_, kind)| *kind != LoginKind::Email);
        for (_, kind) in &mut self.names {
            if *kind == LoginKind::Both {
                *kind = LoginKind::Username;
            }
        }
        self
    }

    /// How many items of a transaction this user takes at most.
    pub fn items(&self) -> usize {
        let names = self.names.iter().map(|(name, _)| forms(name).count());
        1 + names.sum::<usize>() + usize::from(self.user.source_id.is_some())
    }

    /// The same with this password hash.
    #[must_use]
    pub fn with_password_hash(mut self, password_hash: String) -> Self {
        self.user.password_hash = Some(password_hash);
        self
    }

    fn keys(&self) -> impl Iterator<Item = (String, &'static str)> {
        let user = (self.user.id != 0).then(|| (user_pk(self.user.id), "USER"));
        let names = self.names.iter().flat_map(|(name, _)| forms(name));
        user.into_iter().chain(names.map(|name| (login_pk(name), "LOGIN")))
    }
}

/// Whether a user has all names of a newcomer. A user who was joined to another product's has more.
fn has_all(names: &[(LoginName, LoginKind)], of_new_user: &[(LoginName, LoginKind)]) -> bool {
    let has_own = |kind| names.iter().any(|(_, own)| *own == kind);
    of_new_user.iter().all(|name| names.contains(name))
        // Who has an address, and comes without one, is somebody else.
        && (!has_own(LoginKind::Email) || of_new_user.iter().any(|(_, kind)| *kind == LoginKind::Email))
}

/// The forms under which a name may be stored, the present one first.
fn forms(name: &LoginName) -> impl Iterator<Item = &str> {
    name.as_key().into_iter().chain(name.former_keys())
}

impl Store {
    /// What the table has of these newcomers, at most [`MAX_BATCH`]. Writes nothing.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn availability_of(&self, new_users: &[&NewUser]) -> Result<Vec<Availability>, StoreError> {
        let keys: BTreeSet<_> = new_users.iter().flat_map(|new_user| new_user.keys()).collect();
        let found = self.items(keys.into_iter().map(|(pk, sk)| key(pk, sk)).collect()).await?;
        let found: HashMap<String, Item> =
            found.into_iter().filter_map(|item| Some((item.get("pk")?.as_s().ok()?.clone(), item))).collect();
        let mut holders: HashMap<&str, u64> = HashMap::new();
        for (name, _) in new_users.iter().flat_map(|new_user| &new_user.names) {
            let item = forms(name).find_map(|form| found.get(&login_pk(form)));
            if let (Some(item), Some(name)) = (item, name.as_key()) {
                holders.insert(name, decode_login(item.clone())?.user_id);
            }
        }
        let holder = |name: &str| holders.get(name).copied();
        // Who has no id is known by the username, and compared with the user of that name.
        let of_name = |new_user: &NewUser| new_user.names().next().and_then(|(name, _)| holder(name));
        let others: BTreeSet<u64> =
            new_users.iter().filter(|n| !n.has_own_id).filter_map(|n| of_name(n)).collect();
        let others: Vec<u64> = others.into_iter().collect();
        let others: BTreeMap<u64, User> = if others.is_empty() {
            BTreeMap::new()
        } else {
            // Whoever cannot be read is nobody's same, and is in the way.
            let read = self.users(&others).await?;
            read.into_iter().filter_map(|(id, user)| Some((id, user.ok()?))).collect()
        };
        let availability = |new_user: &&NewUser| {
            let id = new_user.user.id;
            let item = found.get(&user_pk(id));
            let same = if new_user.has_own_id {
                item.and_then(|item| decode_user(id, item.clone()).ok())
            } else {
                of_name(new_user).and_then(|by| others.get(&by)).cloned()
            };
            // Of two products, two people may have one username; their source ids differ.
            let source_id = new_user.user.source_id.as_deref().map(same_uuid);
            if let Some(user) = same
                && login_names(&user).is_ok_and(|names| has_all(&names, &new_user.names))
                && (source_id.is_none() || user.source_id.as_deref().map(same_uuid) == source_id)
            {
                return Availability::Same(user.id);
            }
            let id_taken = item.map(|_| Conflict { what: UniqueField::Id, by: id });
            let names_taken =
                new_user.names().filter_map(|(name, what)| Some(Conflict { what, by: holder(name)? }));
            let taken: Vec<Conflict> = id_taken.into_iter().chain(names_taken).collect();
            if taken.is_empty() { Availability::Free } else { Availability::Taken(taken) }
        };
        Ok(new_users.iter().map(availability).collect())
    }

    /// Creates those newcomers, at most [`MAX_BATCH`], of whom the table has nothing, each with its login names or
    /// not at all. What became of each is told in their order. Waits where DynamoDB has no capacity.
    ///
    /// # Errors
    /// If the store fails. Some may have been created then; a second call finds them to be the same.
    pub async fn create_users(&self, mut new_users: Vec<NewUser>) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes: BTreeMap<usize, Outcome> = BTreeMap::new();
        self.give_ids(&mut new_users, &mut outcomes).await?;
        let all: Vec<usize> = (0..new_users.len()).filter(|index| !outcomes.contains_key(index)).collect();
        let mut groups = VecDeque::from([all]);
        let mut turn = 0;
        while let Some(mut group) = groups.pop_front() {
            if group.is_empty() {
                continue;
            }
            match self.create_together(&new_users, &group).await? {
                Together::Created => {
                    outcomes.extend(
                        group.iter().map(|index| (*index, Outcome::Created(new_users[*index].user.id))),
                    );
                    // Only now, or the id of a row that is refused could use the counter up. Where this fails, the
                    // next run does it; an id that is handed out meanwhile and in use gives way.
                    self.keep_counter_above(group.iter().map(|index| new_users[*index].user.id)).await?;
                }
                Together::Refused(refused) => {
                    group.retain(|index| !refused.contains_key(index));
                    let mut gone = Vec::new();
                    for (index, outcome) in refused {
                        match outcome {
                            None => gone.push(index),
                            // Somebody came with the id that was handed out here a moment ago.
                            Some(Outcome::Taken(taken))
                                if !new_users[index].has_own_id
                                    && taken.iter().all(|taken| taken.what == UniqueField::Id) =>
                            {
                                new_users[index].user.id = self.take_user_ids(1).await?;
                                gone.push(index);
                            }
                            Some(outcome) => drop(outcomes.insert(index, outcome)),
                        }
                    }
                    groups.push_back(group);
                    if !gone.is_empty() {
                        let cause = "conditions fail, and nothing is in the way".to_owned();
                        wait(&mut turn, StoreError::Unavailable { cause }).await?;
                        groups.push_back(gone);
                    }
                }
                Together::Wrong if group.len() == 1 => {
                    outcomes.extend(group.iter().map(|index| (*index, Outcome::Unstorable)));
                }
                Together::Wrong => {
                    let rest = group.split_off(group.len() / 2);
                    groups.extend([group, rest]);
                }
                Together::Later(error) => {
                    wait(&mut turn, error).await?;
                    groups.push_front(group);
                }
            }
        }
        self.keep_counter_above(outcomes.values().filter_map(|outcome| match outcome {
            Outcome::Same(id) => Some(*id),
            Outcome::Created(_) | Outcome::Taken(_) | Outcome::Unstorable => None,
        }))
        .await?;
        Ok(outcomes.into_values().collect())
    }

    /// Keeps the counter at or above these ids.
    async fn keep_counter_above(&self, ids: impl Iterator<Item = u64>) -> Result<(), StoreError> {
        match ids.max() {
            Some(last) => self.raise_user_id(last).await,
            None => Ok(()),
        }
    }

    /// Gives ids to those who have none and of whom the table has nothing: so an import that is begun again uses up
    /// no ids.
    async fn give_ids(
        &self,
        new_users: &mut [NewUser],
        outcomes: &mut BTreeMap<usize, Outcome>,
    ) -> Result<(), StoreError> {
        let without: Vec<usize> =
            (0..new_users.len()).filter(|index| new_users[*index].user.id == 0).collect();
        if without.is_empty() {
            return Ok(());
        }
        let examined: Vec<&NewUser> = without.iter().map(|index| &new_users[*index]).collect();
        let availabilities = self.availability_of(&examined).await?;
        let mut free = Vec::new();
        for (index, availability) in without.into_iter().zip(availabilities) {
            match availability {
                Availability::Free => free.push(index),
                Availability::Same(id) => drop(outcomes.insert(index, Outcome::Same(id))),
                Availability::Taken(taken) => drop(outcomes.insert(index, Outcome::Taken(taken))),
            }
        }
        if free.is_empty() {
            return Ok(());
        }
        let last = self.take_user_ids(free.len() as u64).await?;
        let first = last - (free.len() as u64 - 1);
        for (index, id) in free.into_iter().zip(first..) {
            new_users[index].user.id = id;
        }
        Ok(())
    }

    /// One transaction for the newcomers of this group.
    async fn create_together(&self, new_users: &[NewUser], group: &[usize]) -> Result<Together, StoreError> {
        let (mut writes, mut whose) = (Vec::new(), Vec::new());
        for index in group {
            let new_user = &new_users[*index];
            let of_one = self.writes(&new_user.user, &new_user.names)?;
            whose.extend(of_one.iter().map(|_| *index));
            writes.extend(of_one);
        }
        let Err(error) = self.client.transact_write_items().set_transact_items(Some(writes)).send().await
        else {
            return Ok(Together::Created);
        };
        let reasons = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons().to_vec()
            }
            _ => return Together::of_failure(error),
        };
        let because = |code: &str| -> BTreeSet<usize> {
            let reasons = reasons.iter().zip(&whose);
            reasons.filter(|(reason, _)| reason.code() == Some(code)).map(|(_, index)| *index).collect()
        };
        let met: Vec<usize> = because("ConditionalCheckFailed").into_iter().collect();
        let wrong = because("ValidationError");
        if met.is_empty() && wrong.is_empty() {
            return Ok(Together::Later(error.into()));
        }
        let examined: Vec<&NewUser> = met.iter().map(|index| &new_users[*index]).collect();
        let availabilities = self.availability_of(&examined).await?;
        let mut refused: BTreeMap<usize, Option<Outcome>> =
            wrong.into_iter().map(|index| (index, Some(Outcome::Unstorable))).collect();
        for (index, availability) in met.into_iter().zip(availabilities) {
            let outcome = match availability {
                Availability::Free => None,
                Availability::Same(id) => Some(Outcome::Same(id)),
                Availability::Taken(taken) => Some(Outcome::Taken(taken)),
            };
            refused.insert(index, outcome);
        }
        Ok(Together::Refused(refused))
    }
}

/// Waits before another try, if there is to be one.
async fn wait(turn: &mut u32, error: StoreError) -> Result<(), StoreError> {
    *turn += 1;
    if *turn == TRIES {
        return Err(error);
    }
    pause(*turn).await;
    Ok(())
}

/// What became of one transaction.
enum Together {
    /// All were created.
    Created,
    /// None was, for these, and what is known of each: none where what was in the way is gone.
    Refused(BTreeMap<usize, Option<Outcome>>),
    /// None was, since DynamoDB takes no such request; it does not say whose item is at fault.
    Wrong,
    /// None was, and all may be in a moment.
    Later(StoreError),
}

impl Together {
    fn of_failure<R: std::fmt::Debug>(
        error: SdkError<TransactWriteItemsError, R>,
    ) -> Result<Self, StoreError> {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
        match code {
            Some("ValidationException") => Ok(Self::Wrong),
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
