//! The user that a command works on, as the operator names it.

use std::collections::BTreeSet;

use clap::Args;
use postern::identity::LoginName;
use postern::store::operator::{Operator, UserRecord};

use crate::output::{Exit, Failure, plain};

const BY_ID: &str = "id:";
const BY_SOURCE_ID: &str = "source:";

/// The user that a command works on.
#[derive(Args)]
pub struct UserArg {
    /// The username, the e-mail address or the id. id:N is the user with the id N and no other, and source:ID is the
    /// user who had this id in the product that the user was imported from. A text that may mean another user too is
    /// refused.
    #[arg(value_name = "USER")]
    pub user: String,
}

impl UserArg {
    /// Finds the user. Another user may have the id as a login name or as a source id, so a text that names
    /// several users finds none of them. A source id without `source:` finds no user either: a command that is
    /// given again after the user with this id was deleted must not change the user who has the source id.
    ///
    /// # Errors
    /// If there is no such user. If the text names several users, or one by the source id without `source:`. If
    /// the table cannot be reached.
    pub(crate) async fn find(&self, store: &Operator) -> Result<UserRecord, Failure> {
        self.find_among(store, !self.user.starts_with(BY_ID)).await
    }

    /// Finds the user whose login name the text is, or whom it names with `id:` or `source:`. A source id without
    /// `source:` is no login name, so it does not count.
    ///
    /// # Errors
    /// If there is no such user, the text names several users, or the table cannot be reached.
    pub(super) async fn find_by_login_name(&self, store: &Operator) -> Result<UserRecord, Failure> {
        self.find_among(store, self.user.starts_with(BY_SOURCE_ID)).await
    }

    async fn find_among(&self, store: &Operator, with_source_ids: bool) -> Result<UserRecord, Failure> {
        let text = self.user.as_str();
        let source_id = text.strip_prefix(BY_SOURCE_ID);
        let mut named = Vec::new();
        if !self.has_prefix()
            && let Some(login) = store.login(&LoginName::new(text)).await?
        {
            named.push(("a login name", login.user_id));
        }
        if let Some(id) = self.as_id()
            && store.user(id).await?.is_some()
        {
            named.push(("the id", id));
        }
        let has_other_than_source_id = !named.is_empty();
        if with_source_ids {
            let ids = store.users_of_source(source_id.unwrap_or(text)).await?;
            named.extend(ids.into_iter().map(|id| ("the source id", id)));
        }
        let ids: Vec<u64> = named.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>().into_iter().collect();
        match ids.as_slice() {
            [] => Err(Failure::new(Exit::NotFound, format!("there is no user {}", plain(text)))),
            [id] if has_other_than_source_id || source_id.is_some() => {
                let leads_nowhere = || {
                    let message = format!("{} leads to user {id}, who does not exist", plain(text));
                    Failure::new(Exit::NotFound, message)
                };
                store.user(*id).await?.ok_or_else(leads_nowhere)
            }
            [id] => {
                let text = plain(text);
                let message = format!(
                    "no user has the login name or the id {text}; it is the source id of user {id}; if you mean that \
                     user, name {BY_ID}{id}"
                );
                Err(Failure::new(Exit::Refused, message))
            }
            _ => {
                let ways: Vec<String> = named.iter().map(|(how, id)| format!("{how} of user {id}")).collect();
                let ids: Vec<String> = ids.iter().map(|id| format!("{BY_ID}{id}")).collect();
                let (ways, ids) = (ways.join(" and "), ids.join(" or "));
                let message = format!("{} is {ways}: name the user as {ids}", plain(text));
                Err(Failure::new(Exit::Refused, message))
            }
        }
    }

    /// Returns whether the text names the user by a prefix, as `id:N` and `source:ID` do.
    pub(super) fn has_prefix(&self) -> bool {
        [BY_ID, BY_SOURCE_ID].iter().any(|how| self.user.starts_with(how))
    }

    /// Returns the id that the text is, also if there is no such user.
    pub(crate) fn as_id(&self) -> Option<u64> {
        LoginName::new(self.user.strip_prefix(BY_ID).unwrap_or(&self.user)).as_id()
    }
}
