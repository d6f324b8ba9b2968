//! The upgrade of a table of an earlier version, which counted the failures of every login name in an item of its
//! own.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::scan::{pause, pk};
use super::{MAX_READ, Operator, Skipped};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::store::counter::{Attributes, NOBODY, NameCounter, OF_ITEM, UserCounter, counter};
use crate::store::login::decode_login;
use crate::store::update::{Update, Written};
use crate::store::{Item, Login, LoginKind, StoreError, number, text};

/// How often the move of one counter is tried, if the counter changes meanwhile.
const MAX_TRIES: u32 = 10;

/// The outcome of [`Operator::move_counters`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedCounters {
    /// How many login names had failures, which are counted with their users now, or were cleared meanwhile.
    pub names: u64,
    /// The login names that cannot be read, those whose user does not exist, and those whose failures changed
    /// during every try.
    pub skipped: Skipped,
}

impl Operator {
    /// Moves the failures of each login name to the item of its user. Those of names that no user has, and
    /// those of ids, stay in items of their own.
    ///
    /// The failures of a name are moved in one transaction, and added to those that are counted with the user
    /// already. So none is lost or counted twice if this is interrupted and run again, or if functions count
    /// meanwhile.
    ///
    /// # Errors
    /// If the table cannot be reached. The failures of some names are moved then.
    pub async fn move_counters(&self, now: Timestamp) -> Result<MovedCounters, StoreError> {
        let mut moved = MovedCounters::default();
        let scan = self
            .scan()
            .filter_expression("begins_with(pk, :names)")
            .expression_attribute_values(":names", text("LOGIN#"))
            .consistent_read(true);
        let mut items = scan.into_paginator().items().send();
        let mut logins = Vec::new();
        while let Some(item) = items.try_next().await? {
            let name = pk(&item).strip_prefix("LOGIN#").map(LoginName::new);
            match (name, decode_login(item.clone())) {
                // Attempts by the username of another product were counted under the username.
                (_, Ok(Login { kind: LoginKind::OtherUsername, .. })) => {}
                (Some(name), Ok(login)) => logins.push((name, login)),
                (None, _) | (_, Err(_)) => moved.skipped.add(pk(&item)),
            }
            if logins.len() == MAX_READ {
                self.move_counters_of(&std::mem::take(&mut logins), &mut moved, now).await?;
            }
        }
        self.move_counters_of(&logins, &mut moved, now).await?;
        Ok(moved)
    }

    /// Moves the failures of at most [`MAX_READ`] login names.
    async fn move_counters_of(
        &self,
        logins: &[(LoginName, Login)],
        moved: &mut MovedCounters,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // Two forms of a name, of which one is of an earlier version, have one counter.
        let of_names: HashMap<String, NameCounter> =
            logins.iter().map(|(name, _)| (name.digest(), NameCounter::Name(name.clone()))).collect();
        let counted = self.items(of_names.values().map(NameCounter::key).collect()).await?;
        let mut counted: HashMap<String, Item> =
            counted.into_iter().map(|item| (pk(&item).replacen("NAME#", "", 1), item)).collect();
        for (name, login) in logins {
            let Some(item) = counted.remove(&name.digest()) else { continue };
            if !item.contains_key(OF_ITEM.failures) || counter(&item, &OF_ITEM, now).failures == 0 {
                continue;
            }
            match self.move_counter(name, item, login.user_id, login.kind.counter(), now).await? {
                Written::Done => moved.names += 1,
                Written::Refused => moved.skipped.add(name.as_key().unwrap_or_default()),
            }
        }
        Ok(())
    }

    /// Moves the failures of one name. The write is refused if there is no such user, or if a counter changes
    /// during every try.
    async fn move_counter(
        &self,
        name: &LoginName,
        mut of_name: Item,
        user_id: u64,
        to: UserCounter,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let (from, of_user) = (NameCounter::Name(name.clone()), NameCounter::User(user_id, to));
        let to = to.attributes();
        for turn in 0..MAX_TRIES {
            let Some(user) = self.store.get(of_user.key()).await? else { return Ok(Written::Refused) };
            let mut total = counter(&of_name, &OF_ITEM, now);
            if user.contains_key(to.failures) {
                let counted = counter(&user, &to, now);
                total.failures = total.failures.saturating_add(counted.failures);
                total.charged_at = total.charged_at.max(counted.charged_at);
            }
            // An attempt that was charged to the user may still be under way.
            let charged_by = user.get(to.charged_by).cloned().unwrap_or_else(|| text(NOBODY));
            let update = Update::of(of_user.key())
                .set(to.failures, number(total.failures))
                .set(to.charged_at, number(total.charged_at.millis()))
                .set(to.charged_by, charged_by)
                .when("attribute_exists(pk)");
            let update = unchanged(update, &user, &to).into_transaction(&self.store.table)?;
            let read = unchanged(Update::of(from.key()), &of_name, &OF_ITEM);
            let delete = Delete::builder()
                .table_name(&self.store.table)
                .set_condition_expression(read.condition())
                .set_expression_attribute_values(Some(read.values))
                .set_key(Some(read.key))
                .build()?;
            let delete = TransactWriteItem::builder().delete(delete).build();
            if self.transact(vec![update, delete]).await? == Written::Done {
                return Ok(Written::Done);
            }
            // A function counted, or an operator unlocked the name.
            pause(turn).await;
            match self.store.get(from.key()).await? {
                Some(item) if item.contains_key(OF_ITEM.failures) => of_name = item,
                Some(_) | None => return Ok(Written::Done),
            }
        }
        // Only a user who signs in again and again can cause this. It must not keep the other names unmoved.
        Ok(Written::Refused)
    }
}

/// Adds the condition that a counter is as it was read.
fn unchanged(update: Update, read: &Item, counter: &Attributes) -> Update {
    [counter.failures, counter.charged_at, counter.charged_by].into_iter().fold(
        update,
        |update, attribute| match read.get(attribute) {
            None => update.when(format!("attribute_not_exists({attribute})")),
            Some(value) => update
                .when(format!("{attribute} = :read_{attribute}"))
                .value(format!(":read_{attribute}"), value.clone()),
        },
    )
}
