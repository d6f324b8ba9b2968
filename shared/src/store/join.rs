//! Joining what a second source knows of a user to the user that is there. Operators do that, and no function may.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use serde_json::{Map, Value};

use super::{LoginKind, Store, StoreError, UserRecord, key, login_names, login_pk, number, text, user_pk};
use crate::clock::Timestamp;
use crate::identity::LoginName;
use crate::identity::{Status, User};

/// How often a user is read anew who changes meanwhile.
const TRIES: usize = 5;

/// Whose password a joined user has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PasswordOf {
    /// The first source's: that of the user who is there.
    #[default]
    First,
    /// That of the source in which the user signed in last.
    Newest,
}

/// What a user takes from the second source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The user's id.
    pub id: u64,
    /// The user's status, which stays.
    pub status: Status,
    /// The username, as a further login name.
    pub username: OtherUsername,
    /// The id in the second source.
    pub source_id: bool,
    /// Attributes that the user lacked.
    pub attributes: bool,
    /// MFA, which was off.
    pub mfa: bool,
    /// The password.
    pub password: bool,
}

impl Joined {
    /// Whether the user takes nothing: the two were joined before.
    pub fn is_nothing(&self) -> bool {
        !(self.attributes || self.mfa || self.password || self.source_id)
            && self.username != OtherUsername::Added
    }
}

/// What becomes of the username that a joined user has in the second source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherUsername {
    /// It is a login name of the user already.
    Known,
    /// The user can sign in by it from now on.
    Added,
    /// It is another user's login name, and stays that.
    Taken {
        /// The other user's id.
        by: u64,
    },
}

impl Store {
    /// Joins another source's user to the user with this id, if both have one e-mail address. The user takes what was
    /// lacking: attributes, MFA where it is off, a source id, and the username as a further login name where it is nobody's.
    /// The status, the names and what is there stay. A new password or MFA ends all sessions. Writes nothing in a dry run.
    /// Of a row that is not active no password and no MFA is taken. Returns `None` if there is no such user, the address is
    /// another, or one of both is not activated: then its address is not verified.
    ///
    /// # Errors
    /// If the table cannot be reached, or the user is changed again and again meanwhile.
    pub async fn join_user(
        &self,
        id: u64,
        other: &UserRecord,
        passwords: PasswordOf,
        dry_run: bool,
        now: Timestamp,
    ) -> Result<Option<Joined>, StoreError> {
        for _ in 0..TRIES {
            let Some(user) = self.user(id).await? else { return Ok(None) };
            if user.email.is_empty() || LoginName::new(&user.email) != LoginName::new(&other.email) {
                return Ok(None);
            }
            // Nobody has shown that the address is theirs.
            if [user.status, other.status].contains(&Status::NotActivated) {
                return Ok(None);
            }
            let username = self.other_username(&user, other).await?;
            let (attributes, joined) = join(&user, other, passwords, username);
            if dry_run
                || joined.is_nothing()
                || self.write_join(&user, other, attributes, &joined, now).await?
            {
                return Ok(Some(joined));
            }
        }
        Err(StoreError::Unavailable { cause: format!("user {id} is changed again and again") })
    }

    /// Finds out whether the second source's username is free.
    async fn other_username(&self, user: &User, other: &UserRecord) -> Result<OtherUsername, StoreError> {
        let name = LoginName::new(&other.username);
        if login_names(user).unwrap_or_default().iter().any(|(known, _)| *known == name) {
            return Ok(OtherUsername::Known);
        }
        Ok(match self.login(&name).await? {
            None => OtherUsername::Added,
            Some(login) => OtherUsername::Taken { by: login.user_id },
        })
    }

    /// Writes what was joined, on the condition that the user is as it was read and the username is free. `false` if not.
    async fn write_join(
        &self,
        user: &User,
        other: &UserRecord,
        attributes: Map<String, Value>,
        joined: &Joined,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut items = Vec::new();
        let unstorable = |_| StoreError::Rejected { cause: "the attributes cannot be stored".to_owned() };
        let attributes: AttributeValue = serde_dynamo::to_attribute_value(attributes).map_err(unstorable)?;
        let mut set = "attributes = :attributes,".to_owned();
        let mut values = vec![(":attributes", attributes)];
        if let Some(mfa) = other.mfa.as_ref().filter(|_| joined.mfa) {
            set += " mfa = :mfa,";
            values.push((":mfa", serde_dynamo::to_attribute_value(mfa).map_err(unstorable)?));
        }
        if let Some(hash) = other.password_hash.as_ref().filter(|_| joined.password) {
            set += " password_hash = :hash,";
            values.push((":hash", text(hash)));
        }
        // Which password is the newest is told by this, so that a second run takes nothing.
        if let Some(last) =
            other.last_sign_in.filter(|last| joined.password && Some(*last) > user.last_sign_in)
        {
            set += " last_sign_in = :last,";
            values.push((":last", number(last.millis())));
        }
        if joined.username == OtherUsername::Added {
            let mut usernames = user.other_usernames.clone();
            usernames.insert(other.username.clone());
            set += " other_usernames = :usernames,";
            values.push((":usernames", AttributeValue::Ss(usernames.into_iter().collect())));
            let name = LoginName::new(&other.username);
            if let Some(name) = name.as_key() {
                items.push(self.put_new(Self::login_item(name, LoginKind::OtherUsername, user))?);
            }
            for former in name.former_keys() {
                items.push(self.nothing_there(login_pk(former))?);
            }
        }
        if let Some(source_id) = other.source_id.as_ref().filter(|_| joined.source_id) {
            set += " source_id = :source,";
            values.push((":source", text(source_id)));
            items.push(self.put_new(Self::source_item(source_id, user.id))?);
        }
        let request = if joined.mfa || joined.password {
            self.ending_sessions(user.id, if joined.mfa { ", pending_mfa_secret" } else { "" }, &set, now)
        } else {
            self.client
                .update_item()
                .table_name(&self.table)
                .set_key(Some(key(user_pk(user.id), "USER")))
                .update_expression(format!("SET {set} updated_at = :now"))
                .expression_attribute_values(":now", number(now.millis()))
        };
        let request = values
            .into_iter()
            .fold(request, |request, (name, value)| request.expression_attribute_values(name, value));
        let request = request
            .condition_expression("epoch = :epoch AND updated_at = :updated")
            .expression_attribute_values(":epoch", number(user.epoch))
            .expression_attribute_values(":updated", number(user.updated_at.millis()));
        let unstorable = |error: BuildError| StoreError::Rejected { cause: error.to_string() };
        let update = Update::builder()
            .set_table_name(request.get_table_name().clone())
            .set_key(request.get_key().clone())
            .set_update_expression(request.get_update_expression().clone())
            .set_condition_expression(request.get_condition_expression().clone())
            .set_expression_attribute_values(request.get_expression_attribute_values().clone())
            .build()
            .map_err(unstorable)?;
        items.insert(0, TransactWriteItem::builder().update(update).build());
        self.transact(items).await
    }
}

/// The attributes of both, those of the user first; and what the user takes.
fn join(
    user: &User,
    other: &UserRecord,
    passwords: PasswordOf,
    username: OtherUsername,
) -> (Map<String, Value>, Joined) {
    let mut attributes = user.attributes.clone();
    for (contract, members) in &other.attributes {
        let Value::Object(members) = members else { continue };
        let there = attributes.entry(contract).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(there) = there else { continue };
        for (member, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            if there.get(member).is_none_or(Value::is_null) {
                there.insert(member.clone(), value.clone());
            }
        }
    }
    attributes.retain(|_, members| members.as_object().is_none_or(|members| !members.is_empty()));
    let newer = other.last_sign_in > user.last_sign_in;
    let password = other.status == Status::Active
        && other.password_hash.is_some()
        && other.password_hash != user.password_hash
        && (user.password_hash.is_none() || (passwords == PasswordOf::Newest && newer));
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
