//! A change of a user's names and attributes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};
use serde_json::{Map, Value};

use super::create::login_item;
use super::new_user::forms;
use super::{CreateUserError, Operator, login_names};
use crate::clock::Timestamp;
use crate::identity::{LoginName, UserRecord};
use crate::store::counter::{NOBODY, UserCounter, without};
use crate::store::login::{Login, decode_login, login_pk};
use crate::store::update::{Update, Written};
use crate::store::{LoginKind, StoreError, key, number, text, user_pk};

/// How often a change is tried if the user changes between the read and the write.
const MAX_TRIES: usize = 5;

/// What to change of a user. `None` leaves a member as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The new username.
    pub username: Option<String>,
    /// The new e-mail address. Empty for none.
    pub email: Option<String>,
    /// The contract, the member and the new value of each changed attribute. A null removes the attribute.
    pub attributes: Vec<(String, String, Value)>,
}

/// The outcome of a change of a user.
#[derive(Clone)]
#[must_use]
pub enum ChangeOutcome {
    /// The changed user.
    Changed(Box<UserRecord>),
    /// Nothing was to be changed.
    Unchanged,
    /// The names of the user were changed after the user was read, or the user was deleted. Nothing is
    /// changed.
    ChangedMeanwhile,
    /// Nothing is changed: this name is a login name of the user with this id.
    Taken(LoginName, u64),
}

/// The stored login names that a change concerns, by the part of the key after `LOGIN#`.
type Stored = BTreeMap<String, Login>;

impl UserChange {
    /// Returns the user with this change.
    fn of(&self, user: &UserRecord) -> UserRecord {
        let mut changed = user.clone();
        if let Some(username) = &self.username {
            changed.username.clone_from(username);
            // A further username that becomes the username is removed from the further usernames.
            let name = LoginName::new(username);
            changed.other_usernames.retain(|other| LoginName::new(other) != name);
        }
        if let Some(email) = &self.email {
            changed.email.clone_from(email);
        }
        for (contract, member, value) in &self.attributes {
            let mut members = match changed.attributes.remove(contract) {
                Some(Value::Object(members)) => members,
                Some(_) | None => Map::new(),
            };
            if value.is_null() {
                members.remove(member);
            } else {
                members.insert(member.clone(), value.clone());
            }
            if !members.is_empty() {
                changed.attributes.insert(contract.clone(), Value::Object(members));
            }
        }
        changed
    }
}

impl Operator {
    /// Changes a user's username, e-mail address and attributes, in one transaction. The names that the user
    /// no longer has are free for other users. The user's sessions and tokens stay valid. `read` is the user
    /// as the operator knows it: if the names are no longer these, nothing is changed.
    ///
    /// # Errors
    /// If a name is malformed, if the table cannot be reached, or if the user changes during every try.
    pub async fn change_user(
        &self,
        read: &UserRecord,
        change: &UserChange,
        now: Timestamp,
    ) -> Result<ChangeOutcome, CreateUserError> {
        for _ in 0..MAX_TRIES {
            let user = match self.user(read.id).await? {
                Some(user) if has_names_of(&user, read) => user,
                Some(_) | None => return Ok(ChangeOutcome::ChangedMeanwhile),
            };
            let mut changed = change.of(&user);
            if has_names_of(&changed, &user) && changed.attributes == user.attributes {
                return Ok(ChangeOutcome::Unchanged);
            }
            changed.updated_at = now;
            // An earlier version may have accepted names that are malformed today.
            let former = login_names(&user).unwrap_or_default();
            let names = login_names(&changed)?;
            let stored = self.stored_names(former.iter().chain(&names).map(|(name, _)| name)).await?;
            let is_former = |name: &LoginName| former.iter().any(|(known, _)| known == name);
            for name in names.iter().map(|(name, _)| name).filter(|name| !is_former(name)) {
                if let Some(login) = holder(&stored, name)
                    && login.user_id != user.id
                {
                    return Ok(ChangeOutcome::Taken(name.clone(), login.user_id));
                }
            }
            let mut writes = self.name_writes(&changed, &former, &names, &stored)?;
            writes.push(self.user_write(&user, &changed, counters(&former, &names))?);
            if self.transact(writes).await? == Written::Done {
                return Ok(ChangeOutcome::Changed(Box::new(changed)));
            }
        }
        Err(StoreError::unavailable(format!("user {} is changed again and again", read.id)).into())
    }

    /// Reads these login names, in every form in which they may be stored.
    async fn stored_names(&self, names: impl Iterator<Item = &LoginName>) -> Result<Stored, StoreError> {
        let keys: BTreeSet<String> = names.flat_map(forms).map(login_pk).collect();
        let items = self.items(keys.into_iter().map(|pk| key(pk, "LOGIN")).collect()).await?;
        let mut stored = Stored::new();
        for item in items {
            let pk = item.get("pk").and_then(|pk| pk.as_s().ok()?.strip_prefix("LOGIN#"));
            let form = pk.ok_or_else(|| StoreError::unreadable("login name"))?.to_owned();
            stored.insert(form, decode_login(item)?);
        }
        Ok(stored)
    }

    /// Returns the writes that free the former names and put the new ones. A name whose item is another
    /// user's stays as it is: no command of ours leaves one.
    fn name_writes(
        &self,
        changed: &UserRecord,
        former: &[(LoginName, LoginKind)],
        names: &[(LoginName, LoginKind)],
        stored: &Stored,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::new();
        let freed = former.iter().filter(|(name, _)| names.iter().all(|(kept, _)| kept != name));
        for form in freed.flat_map(|(name, _)| forms(name)) {
            if stored.get(form).is_some_and(|login| login.user_id == changed.id) {
                let delete = Delete::builder()
                    .table_name(&self.store.table)
                    .set_key(Some(key(login_pk(form), "LOGIN")))
                    .condition_expression("user_id = :id")
                    .expression_attribute_values(":id", number(changed.id))
                    .build()?;
                writes.push(TransactWriteItem::builder().delete(delete).build());
            }
        }
        for (name, kind) in names {
            let held = forms(name).find_map(|form| Some((form, stored.get(form)?)));
            match held {
                None => {
                    let mut forms = forms(name);
                    if let Some(present) = forms.next() {
                        writes.push(self.put_new(login_item(present, *kind, changed.id))?);
                    }
                    for form in forms {
                        writes.push(self.check_absent(login_pk(form))?);
                    }
                }
                // The name keeps its known addresses.
                Some((form, login)) if login.user_id == changed.id && login.kind != *kind => {
                    let update = Update::of(key(login_pk(form), "LOGIN"))
                        .set("kind", text(kind.as_str()))
                        .when("user_id = :id")
                        .value(":id", number(changed.id));
                    writes.push(update.into_transaction(&self.store.table)?);
                }
                Some(_) => {}
            }
        }
        Ok(writes)
    }

    /// Returns the write of the user itself. It is refused if anything but a count of attempts was written
    /// to the user after the read.
    fn user_write(
        &self,
        read: &UserRecord,
        changed: &UserRecord,
        counters: [(UserCounter, Option<UserCounter>); 2],
    ) -> Result<TransactWriteItem, StoreError> {
        let attributes =
            serde_dynamo::to_attribute_value(&changed.attributes).map_err(StoreError::unstorable)?;
        let update = Update::of(key(user_pk(read.id), "USER"))
            .set("username", text(&changed.username))
            .set("email", text(&changed.email))
            .set("attributes", attributes)
            .set("updated_at", number(changed.updated_at.millis()))
            .when("username = :read_username AND email = :read_email")
            .when("epoch = :read_epoch AND updated_at = :read_updated_at")
            .value(":read_username", text(&read.username))
            .value(":read_email", text(&read.email))
            .value(":read_epoch", number(read.epoch))
            .value(":read_updated_at", number(read.updated_at.millis()));
        let others: Vec<String> = changed.other_usernames.iter().cloned().collect();
        let update = match others.is_empty() {
            true => update.remove("other_usernames"),
            false => update.set("other_usernames", AttributeValue::Ss(others)),
        };
        let update = counters.into_iter().fold(update, |update, (counter, from)| match from {
            None => without(update, counter),
            Some(from) if from == counter => update,
            Some(from) => taking(update, counter, from),
        });
        update.into_transaction(&self.store.table)
    }
}

/// Returns from which counter of the user the changed user's counters take their failures. A name that the
/// user keeps keeps its failures. A new name begins with none, because attackers may have caused those of the
/// former one.
fn counters(
    former: &[(LoginName, LoginKind)],
    names: &[(LoginName, LoginKind)],
) -> [(UserCounter, Option<UserCounter>); 2] {
    [UserCounter::Username, UserCounter::Email].map(|counter| {
        let is_counted = |kind: &LoginKind| *kind != LoginKind::OtherUsername && kind.counter() == counter;
        let name = names.iter().find(|(_, kind)| is_counted(kind)).map(|(name, _)| name);
        let before = name.and_then(|name| former.iter().find(|(known, _)| known == name));
        (counter, before.map(|(_, kind)| kind.counter()))
    })
}

/// Returns whether two records of a user have the same names, as they were typed.
fn has_names_of(user: &UserRecord, other: &UserRecord) -> bool {
    (&user.username, &user.email, &user.other_usernames)
        == (&other.username, &other.email, &other.other_usernames)
}

fn holder<'a>(stored: &'a Stored, name: &LoginName) -> Option<&'a Login> {
    forms(name).find_map(|form| stored.get(form))
}

/// Adds to an update of a user that one counter of the user takes the failures of the other.
fn taking(update: Update, counter: UserCounter, other: UserCounter) -> Update {
    let (to, from) = (counter.attributes(), other.attributes());
    update
        .copy(to.failures, format!("if_not_exists({}, :none)", from.failures))
        .copy(to.charged_at, format!("if_not_exists({}, :none)", from.charged_at))
        .copy(to.charged_by, format!("if_not_exists({}, :nobody)", from.charged_by))
        .value(":none", number(0))
        .value(":nobody", text(NOBODY))
}
