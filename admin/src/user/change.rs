//! `postern user change`: the username, the e-mail address and the attributes of a user.

use clap::Args;
use postern::clock::now;
use postern::identity::LoginName;
use postern::store::operator::{ChangeOutcome, UserChange, UserRecord};
use serde_json::{Value, json};

use super::describe::{about, briefly};
use super::names::{check_username, failure, is_taken};
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::import::attributes;
use crate::output::{Exit, Failure, Output, plain};

/// The user to change, and what to change.
#[derive(Args)]
#[command(after_help = "\
All changes are made together or not at all. Other users can take the old names at once. A new name begins
unlocked, and a name that the user keeps keeps its failures.

Sessions and tokens stay valid, since they name the user by the id. A JWT of mfa that was issued before shows
the old username and role until it expires. `postern user sessions USER --end` ends all sessions and tokens.

An attribute is CONTRACT.MEMBER, and its value is written as in a CSV for `postern import`
(docs/import-format.md).

Examples:
  postern user change johndoe --username john.doe
  postern user change 4711 --email john@example.com
  postern user change johndoe --attribute sso.role=moderator --attribute 'sso.tags=3 5'
  postern user change johndoe --no-email --remove-attribute mfa.bio")]
#[group(id = "changes", required = true, multiple = true, args = ["username", "email", "no_email", "attributes", "removed"])]
pub struct Change {
    #[command(flatten)]
    user: UserArg,
    /// The new username. If it differs only in upper and lower case, the login name stays the same.
    #[arg(long)]
    username: Option<String>,
    /// The new e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// Remove the e-mail address. The user cannot sign in at email then.
    #[arg(long, conflicts_with = "email")]
    no_email: bool,
    /// Set an attribute, for example email.first_name=Ann.
    #[arg(long = "attribute", value_name = "CONTRACT.MEMBER=VALUE")]
    attributes: Vec<String>,
    /// Remove an attribute.
    #[arg(long = "remove-attribute", value_name = "CONTRACT.MEMBER")]
    removed: Vec<String>,
}

pub(super) async fn run(connection: &Connection, options: &Change) -> Result<Output, Failure> {
    let store = &connection.store;
    let change = options.change()?;
    let user = options.user.find(store).await?;
    if let Some(username) = &change.username
        && LoginName::new(username) != LoginName::new(&user.username)
    {
        check_username(username, user.id)?;
    }
    connection
        .audit
        .record("user change", Some(user.id), async |_| {
            match store.change_user(&user, &change, now()).await.map_err(failure)? {
                ChangeOutcome::Changed(changed) => {
                    let what = differences(&user, &changed);
                    let text = format!("changed {}: {}", briefly(&changed), plain(&what.join(", ")));
                    Ok(Output::done(
                        text,
                        about(&changed, json!({"changed": what, "attributes": changed.attributes})),
                    ))
                }
                ChangeOutcome::Unchanged => {
                    Err(Failure::new(Exit::Refused, format!("{} is so already", briefly(&user))))
                }
                ChangeOutcome::ChangedMeanwhile => {
                    let message =
                        format!("{} was changed meanwhile and is not changed; try again", briefly(&user));
                    Err(Failure::new(Exit::Refused, message))
                }
                ChangeOutcome::Taken(name, by) => {
                    let is_username =
                        change.username.is_some_and(|username| LoginName::new(&username) == name);
                    let field = if is_username { "username" } else { "e-mail address" };
                    Err(Failure::new(Exit::Refused, is_taken(field, name.as_key().unwrap_or_default(), by)))
                }
            }
        })
        .await
}

impl Change {
    /// Reads the options.
    fn change(&self) -> Result<UserChange, Failure> {
        let mut changed = Vec::new();
        for attribute in &self.attributes {
            let Some((column, value)) = attribute.split_once('=') else {
                let message = format!("--attribute {} has no value: CONTRACT.MEMBER=VALUE", plain(attribute));
                return Err(Failure::usage(message));
            };
            let value =
                attributes::of_text(column, value).map_err(|reason| Failure::usage(reason.to_string()))?;
            changed.push((column, value.ok_or_else(|| unknown(column))?));
        }
        for column in &self.removed {
            changed.push((column, Value::Null));
        }
        let mut attributes = Vec::new();
        for (column, value) in changed {
            let (contract, member) = column.split_once('.').ok_or_else(|| unknown(column))?;
            let attribute = (contract.to_owned(), member.to_owned(), value);
            if attributes.iter().any(|(c, m, _)| (c, m) == (&attribute.0, &attribute.1)) {
                return Err(Failure::usage(format!("the attribute {} is named twice", plain(column))));
            }
            attributes.push(attribute);
        }
        if self.email.as_deref().is_some_and(|email| email.trim().is_empty()) {
            return Err(Failure::usage("the e-mail address is empty; --no-email removes it"));
        }
        let email = self.email.clone().or_else(|| self.no_email.then(String::new));
        Ok(UserChange { username: self.username.clone(), email, attributes })
    }
}

fn unknown(column: &str) -> Failure {
    let known = attributes::columns().collect::<Vec<_>>().join(", ");
    Failure::usage(format!("there is no attribute {}; there are {known}", plain(column)))
}

/// Names what differs between two records of a user. An attribute's value is not shown.
fn differences(before: &UserRecord, after: &UserRecord) -> Vec<String> {
    let mut what = Vec::new();
    if before.username != after.username {
        what.push("username".to_owned());
    }
    if before.email != after.email {
        what.push("email".to_owned());
    }
    let contracts: std::collections::BTreeSet<&String> =
        before.attributes.keys().chain(after.attributes.keys()).collect();
    for contract in contracts {
        let of = |user: &UserRecord, member: &str| {
            user.attributes.get(contract).and_then(|of| of.get(member)).cloned()
        };
        let members =
            [before, after].into_iter().filter_map(|user| user.attributes.get(contract)?.as_object());
        let members: std::collections::BTreeSet<&String> =
            members.flat_map(|members| members.keys()).collect();
        what.extend(
            members
                .into_iter()
                .filter(|member| of(before, member) != of(after, member))
                .map(|member| format!("{contract}.{member}")),
        );
    }
    what
}
