//! Reads of many users.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::new_user::forms;
use super::user::status_value;
use super::{Operator, Skipped, login_names};
use crate::identity::{LoginName, Status, UserRecord};
use crate::random::random;
use crate::store::counter::UserCounter;
use crate::store::login::login_pk;
use crate::store::{Item, StoreError, decode_user, key, number, text, user_pk};
use crate::throttle::Policy;

/// The most users that [`Operator::users`] reads at once: DynamoDB's own limit.
pub const MAX_READ: usize = 100;

/// How often a request is sent, if DynamoDB does only a part of it or has no capacity.
pub(super) const MAX_TRIES: u32 = 10;

/// The condition for the items of users. A user has no item with another sort key.
const USERS: &str = "(begins_with(pk, :users) AND sk = :user)";

/// The beginning of every hash that is not a legacy hash.
const ARGON2ID: &str = "$argon2id$";

/// Which users an operator looks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// A login name of the user begins with this name.
    pub prefix: Option<LoginName>,
    /// The user has this status.
    pub status: Option<Status>,
    /// The user has one of these ids, by [`Operator::ids_of_locked_users`].
    pub locked: Option<BTreeSet<u64>>,
    /// The user has to change the password.
    pub must_change_password: bool,
    /// MFA is on, or off.
    pub mfa: Option<bool>,
    /// The password is still stored as a hash of another product, with or without a layer.
    pub legacy_hash: bool,
}

impl UserFilter {
    /// Returns whether a user matches.
    pub fn matches(&self, user: &UserRecord) -> bool {
        let names = || login_names(user).unwrap_or_default().into_iter().map(|(name, _)| name);
        let begins = |prefix: &LoginName| {
            names().any(|name| forms(&name).any(|name| forms(prefix).any(|prefix| name.starts_with(prefix))))
        };
        let is_legacy = |hash: &String| !hash.starts_with(ARGON2ID);
        self.prefix.as_ref().is_none_or(begins)
            && self.locked.as_ref().is_none_or(|locked| locked.contains(&user.id))
            && self.status.is_none_or(|status| status == user.status)
            && (!self.must_change_password || user.must_change_password)
            && self.mfa.is_none_or(|mfa| mfa == user.mfa.is_some())
            && (!self.legacy_hash || user.password_hash.as_ref().is_some_and(is_legacy))
    }
}

/// A page of the ids of all users, in no order.
pub struct UserIds {
    /// The ids of this page. A page may be empty although others follow.
    pub ids: Vec<u64>,
    /// The keys of this page that no user has, although they begin as a user's key does.
    pub unreadable: Skipped,
    /// Where the next page begins. `None` after the last page.
    pub next: Option<Cursor>,
}

/// Where a page begins.
pub struct Cursor(Item);

impl Operator {
    /// Returns whether there is a user.
    ///
    /// # Errors
    /// If the table cannot be reached, or the first user cannot be read.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        let scan = self
            .scan()
            .filter_expression(USERS)
            .expression_attribute_values(":users", text("USER#"))
            .expression_attribute_values(":user", text("USER"))
            .consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let Some(item) = items.try_next().await? else { return Ok(false) };
        let id = id(&item).map_err(|key| StoreError::unreadable(format!("{key:?}, no key of a user")))?;
        decode_user(id, item).map(|_| true)
    }

    /// Returns the ids of the users that may match, in ascending order. The state of a user may change during
    /// the read, so the caller checks each user again. Reads the whole table, and keeps only ids in memory.
    /// Also returns the items that were skipped: keys that no user has, and login names that lead to no id.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn matching_ids(&self, filter: &UserFilter) -> Result<(Vec<u64>, Skipped), StoreError> {
        let mut items = self.matching_items(filter)?.consistent_read(true).into_paginator().items().send();
        let (mut ids, mut unreadable) = (BTreeSet::new(), Skipped::default());
        while let Some(item) = items.try_next().await? {
            let id = match pk(&item).strip_prefix("LOGIN#") {
                Some(_) => item.get("user_id").and_then(|id| id.as_n().ok()?.parse().ok()).ok_or(pk(&item)),
                None => id(&item),
            };
            let id: u64 = match id {
                Ok(id) => id,
                Err(key) => {
                    unreadable.add(key);
                    continue;
                }
            };
            ids.insert(id);
        }
        Ok((ids.into_iter().collect(), unreadable))
    }

    /// Returns the scan of the items that lead to the matching users: their login names, or themselves.
    fn matching_items(&self, filter: &UserFilter) -> Result<ScanFluentBuilder, StoreError> {
        let scan = self.scan().projection_expression("pk, user_id");
        if let Some(prefix) = &filter.prefix {
            let (mut scan, mut conditions) = (scan, Vec::new());
            for (at, form) in forms(prefix).enumerate() {
                conditions.push(format!("begins_with(pk, :p{at})"));
                scan = scan.expression_attribute_values(format!(":p{at}"), text(&login_pk(form)));
            }
            return Ok(scan.filter_expression(conditions.join(" OR ")));
        }
        let mut scan = scan
            .expression_attribute_values(":users", text("USER#"))
            .expression_attribute_values(":user", text("USER"));
        let mut conditions = vec![USERS];
        if let Some(status) = filter.status {
            conditions.push("#status = :status");
            scan = scan
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", status_value(status)?);
        }
        if filter.must_change_password {
            conditions.push("must_change_password = :true");
            scan = scan.expression_attribute_values(":true", AttributeValue::Bool(true));
        }
        conditions.extend(filter.mfa.map(|mfa| match mfa {
            true => "attribute_exists(mfa)",
            false => "attribute_not_exists(mfa)",
        }));
        if filter.legacy_hash {
            conditions.push("attribute_exists(password_hash) AND NOT begins_with(password_hash, :argon2id)");
            scan = scan.expression_attribute_values(":argon2id", text(ARGON2ID));
        }
        Ok(scan.filter_expression(conditions.join(" AND ")))
    }

    /// Returns the ids of the users who are locked by a login name, or at their known addresses. Reads the whole
    /// table. Also returns the items that were skipped: keys that no user has.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn ids_of_locked_users(&self, policy: &Policy) -> Result<(BTreeSet<u64>, Skipped), StoreError> {
        let (lock_after, known_lock_after) = (policy.lock_after, policy.known_addresses_backoff().lock_after);
        let of_users = [
            (UserCounter::Username.attributes().failures, lock_after),
            (UserCounter::Email.attributes().failures, lock_after),
            (UserCounter::KnownAddresses.attributes().failures, known_lock_after),
        ];
        let attributes = of_users.map(|(failures, _)| failures).join(", ");
        // Each user is read, because only the key of an id's counter says whose it is.
        let scan = self
            .scan()
            .projection_expression(format!("pk, failures, {attributes}"))
            .filter_expression(format!("{USERS} OR begins_with(pk, :names) AND failures >= :lock_after"))
            .expression_attribute_values(":users", text("USER#"))
            .expression_attribute_values(":user", text("USER"))
            .expression_attribute_values(":names", text("NAME#"))
            .expression_attribute_values(":lock_after", number(lock_after))
            .consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let (mut locked, mut others, mut digests) = (BTreeSet::new(), Vec::new(), HashSet::new());
        let mut unreadable = Skipped::default();
        let is_locked = |item: &Item, (failures, lock_after): (&str, u32)| {
            let failures = item.get(failures).map(|failures| failures.as_n().ok()?.parse().ok());
            failures.is_some_and(|failures: Option<u64>| failures.is_none_or(|n| n >= lock_after.into()))
        };
        while let Some(item) = items.try_next().await? {
            if let Some(digest) = pk(&item).strip_prefix("NAME#") {
                digests.insert(digest.to_owned());
                continue;
            }
            match id(&item) {
                Ok(id) if of_users.iter().any(|of| is_locked(&item, *of)) => {
                    locked.insert(id);
                }
                Ok(id) => others.push(id),
                Err(key) => unreadable.add(key),
            }
        }
        others.retain(|id| digests.contains(&LoginName::new(&id.to_string()).digest()));
        locked.extend(others);
        Ok((locked, unreadable))
    }

    pub(super) fn scan(&self) -> ScanFluentBuilder {
        self.client.scan().table_name(&self.store.table)
    }

    /// Returns one page of the ids of all users: the first page if no cursor is given. All pages together
    /// read the whole table, and transfer only the keys.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn user_ids(&self, from: Option<Cursor>) -> Result<UserIds, StoreError> {
        let output = self
            .scan()
            .projection_expression("pk")
            .filter_expression(USERS)
            .expression_attribute_values(":users", text("USER#"))
            .expression_attribute_values(":user", text("USER"))
            .set_exclusive_start_key(from.map(|cursor| cursor.0))
            .consistent_read(true)
            .send()
            .await?;
        let (mut ids, mut unreadable) = (Vec::new(), Skipped::default());
        for item in output.items.unwrap_or_default() {
            match id(&item) {
                Ok(id) => ids.push(id),
                Err(key) => unreadable.add(key),
            }
        }
        let next = output.last_evaluated_key.filter(|key| !key.is_empty()).map(Cursor);
        Ok(UserIds { ids, unreadable, next })
    }

    /// Returns the users with these ids, at most [`MAX_READ`] and no id twice, in this order. Each comes with
    /// its id. A user that cannot be read comes as an error, and a user that does not exist is left out.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn users(&self, ids: &[u64]) -> Result<Vec<(u64, Result<UserRecord, StoreError>)>, StoreError> {
        let keys = ids.iter().map(|id| key(user_pk(*id), "USER")).collect();
        let mut found = Vec::with_capacity(ids.len());
        for item in self.items(keys).await? {
            let id = id(&item).map_err(|_| StoreError::unreadable("the key of a user"))?;
            found.push((id, decode_user(id, item)));
        }
        found.sort_by_cached_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
        Ok(found)
    }

    /// Returns the items with these keys that exist, in no order. No key may be given twice.
    pub(super) async fn items(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        for some in keys.chunks(MAX_READ) {
            items.extend(self.some_items(some.to_vec()).await?);
        }
        Ok(items)
    }

    /// Returns the items of at most [`MAX_READ`] keys.
    async fn some_items(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left = keys;
        for turn in 0..MAX_TRIES {
            if left.is_empty() {
                return Ok(items);
            }
            if turn > 0 {
                pause(turn).await;
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let store = &self.store;
            let output = self.client.batch_get_item().request_items(&store.table, wanted?).send().await?;
            items.extend(output.responses.into_iter().flatten().flat_map(|(_, found)| found));
            left = output.unprocessed_keys.into_iter().flatten().flat_map(|(_, rest)| rest.keys).collect();
        }
        if left.is_empty() {
            return Ok(items);
        }
        Err(StoreError::unavailable("it leaves keys unread at every try"))
    }
}

/// Waits before the next turn: twice as long each time, from 50 ms to 6 s, with a random part.
pub(super) async fn pause(turn: u32) {
    let longest = Duration::from_millis(50 << turn.min(7));
    let share = u32::from(u8::from_le_bytes(random::<1>()));
    tokio::time::sleep(longest / 2 + longest * share / 512).await;
}

/// Returns the id of a user, or the key if no user has it. `USER#007` and `USER#+7` are not the key of user 7.
fn id(item: &Item) -> Result<u64, &str> {
    let pk = pk(item);
    let id = pk.strip_prefix("USER#").and_then(|id| id.parse().ok());
    id.filter(|id| user_pk(*id) == pk).ok_or(pk)
}

pub(super) fn pk(item: &Item) -> &str {
    item.get("pk").and_then(|pk| pk.as_s().ok()).map_or("", String::as_str)
}
