//! A join: the data that a second source has of a user is added to the existing user.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use serde_json::{Map, Value};

use super::create::{login_item, source_item};
use super::user::ending_sessions;
use super::{Operator, login_names};
use crate::clock::Timestamp;
use crate::identity::{LoginName, Status, UserRecord};
use crate::store::login::login_pk;
use crate::store::update::{Update, Written};
use crate::store::{LoginKind, StoreError, key, number, text, user_pk};

/// How often a join is tried if the user changes between the read and the write.
const MAX_TRIES: usize = 5;

/// Which password a joined user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordOf {
    /// The password of the existing user.
    #[default]
    First,
    /// The password of the source in which the user signed in last.
    Newest,
}

/// What the existing user takes from the second source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The user's id.
    pub id: u64,
    /// The user's status, which does not change.
    pub status: Status,
    /// What happens to the second source's username.
    pub username: OtherUsername,
    /// Whether the user takes the id in the second source.
    pub source_id: bool,
    /// Whether the user takes attributes.
    pub attributes: bool,
    /// Whether the user takes MFA, which was off.
    pub mfa: bool,
    /// Whether the user takes the password.
    pub password: bool,
}

/// What happens to the username that a joined user has in the second source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherUsername {
    /// It is already a login name of the user.
    Known,
    /// It becomes a login name of the user.
    Added,
    /// It is another user's login name, and stays so.
    Taken {
        /// The other user's id.
        by: u64,
    },
}

impl Joined {
    /// Returns whether the user takes nothing, as when the two were joined before.
    pub fn is_nothing(&self) -> bool {
        !(self.attributes || self.mfa || self.password || self.source_id)
            && self.username != OtherUsername::Added
    }
}

impl Operator {
    /// Joins another source's user to the user with this id, if both have the same e-mail address. The user
    /// takes what is missing: attributes, MFA if it is off, a source id, and the username as a further login
    /// name if it is free. The user's status, names and other data do not change. A password that must be
    /// changed in its product must be changed here too. A new password or MFA ends all sessions. A user of the
    /// source who is not active gives no password and no MFA. A dry run writes nothing.
    ///
    /// Returns `None` if there is no such user, or if the addresses differ. Returns `None` too if one of the
    /// two users is not activated, since the address of such a user is not verified.
    ///
    /// # Errors
    /// If the table cannot be reached, or if the user changes during every try.
    pub async fn join_user(
        &self,
        id: u64,
        other: &UserRecord,
        passwords: PasswordOf,
        dry_run: bool,
        now: Timestamp,
    ) -> Result<Option<Joined>, StoreError> {
        for _ in 0..MAX_TRIES {
            let Some(user) = self.user(id).await? else { return Ok(None) };
            if user.email.is_empty() || LoginName::new(&user.email) != LoginName::new(&other.email) {
                return Ok(None);
            }
            if [user.status, other.status].contains(&Status::NotActivated) {
                return Ok(None);
            }
            let username = self.other_username(&user, other).await?;
            let (attributes, joined) = join(&user, other, passwords, username);
            if dry_run
                || joined.is_nothing()
                || self.write_join(&user, other, attributes, &joined, now).await? == Written::Done
            {
                return Ok(Some(joined));
            }
        }
        Err(StoreError::unavailable(format!("user {id} is changed again and again")))
    }

    /// Reads whether the second source's username is free.
    async fn other_username(
        &self,
        user: &UserRecord,
        other: &UserRecord,
    ) -> Result<OtherUsername, StoreError> {
        let name = LoginName::new(&other.username);
        if login_names(user).unwrap_or_default().iter().any(|(known, _)| *known == name) {
            return Ok(OtherUsername::Known);
        }
        Ok(match self.login(&name).await? {
            None => OtherUsername::Added,
            Some(login) => OtherUsername::Taken { by: login.user_id },
        })
    }

    /// Writes a join. The write is refused if the user has changed since it was read, or the username is
    /// taken.
    async fn write_join(
        &self,
        user: &UserRecord,
        other: &UserRecord,
        attributes: Map<String, Value>,
        joined: &Joined,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let mut update = if joined.mfa || joined.password {
            ending_sessions(user.id, now)
        } else {
            Update::of(key(user_pk(user.id), "USER")).set("updated_at", number(now.millis()))
        };
        let attributes = serde_dynamo::to_attribute_value(attributes).map_err(StoreError::unstorable)?;
        update = update
            .set("attributes", attributes)
            .when("epoch = :read_epoch AND updated_at = :read_updated_at")
            .value(":read_epoch", number(user.epoch))
            .value(":read_updated_at", number(user.updated_at.millis()));
        if let Some(mfa) = other.mfa.as_ref().filter(|_| joined.mfa) {
            let mfa = serde_dynamo::to_attribute_value(mfa).map_err(StoreError::unstorable)?;
            update = update.set("mfa", mfa).remove("pending_mfa_secret").remove("pending_mfa_token");
        }
        if let Some(hash) = other.password_hash.as_ref().filter(|_| joined.password) {
            update = update.set("password_hash", text(hash));
            // Others may know such a password.
            if other.must_change_password {
                update = update.set("must_change_password", AttributeValue::Bool(true));
            }
        }
        // The time of the last sign-in shows which password is the newest. With it, a second run takes no
        // password.
        if let Some(last) =
            other.last_sign_in.filter(|last| joined.password && Some(*last) > user.last_sign_in)
        {
            update = update.set("last_sign_in", number(last.millis()));
        }
        let mut others: Vec<TransactWriteItem> = Vec::new();
        if joined.username == OtherUsername::Added {
            let mut usernames = user.other_usernames.clone();
            usernames.insert(other.username.clone());
            update = update.set("other_usernames", AttributeValue::Ss(usernames.into_iter().collect()));
            let name = LoginName::new(&other.username);
            if let Some(name) = name.as_key() {
                others.push(self.put_new(login_item(name, LoginKind::OtherUsername, user.id))?);
            }
            for former in name.former_keys() {
                others.push(self.check_absent(login_pk(former))?);
            }
        }
        if let Some(source_id) = other.source_id.as_ref().filter(|_| joined.source_id) {
            update = update.set("source_id", text(source_id));
            others.push(self.put_new(source_item(source_id, user.id))?);
        }
        let mut writes = vec![update.into_transaction(&self.store.table)?];
        writes.append(&mut others);
        self.transact(writes).await
    }
}

/// Returns the attributes of both users, where those of the existing user take precedence, and what the user
/// takes.
fn join(
    user: &UserRecord,
    other: &UserRecord,
    passwords: PasswordOf,
    username: OtherUsername,
) -> (Map<String, Value>, Joined) {
    let mut attributes = user.attributes.clone();
    for (contract, members) in &other.attributes {
        let Value::Object(members) = members else { continue };
        let present = attributes.entry(contract).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(present) = present else { continue };
        for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            if present.get(member).is_none_or(Value::is_null) {
                present.insert(member.clone(), value.clone());
            }
        }
    }
    attributes.retain(|_, members| members.as_object().is_none_or(|members| !members.is_empty()));
    let is_newer = other.last_sign_in > user.last_sign_in;
    let password = other.status == Status::Active
        && other.password_hash.is_some()
        && other.password_hash != user.password_hash
        && (user.password_hash.is_none() || (passwords == PasswordOf::Newest && is_newer));
    let joined = Joined {
        id: user.id,
        status: user.status,
        username,
        source_id: user.source_id.is_none() && other.source_id.is_some(),
        attributes: attributes != user.attributes,
        mfa: other.status == Status::Active && user.mfa.is_none() && other.mfa.is_some(),
        password,
    };
    (attributes, joined)
}
