//! `postern user unlock`: resets the failures that were counted for a login name.

use std::fmt;

use clap::Args;
use postern::clock::now;
use postern::identity::LoginName;
use postern::store::operator::{Operator, UserRecord};
use serde_json::json;

use super::describe::{briefly, sign_in_names};
use super::send_reset::RESET_CONTRACTS;
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, count, plain};

/// How the output calls the known addresses of a user.
pub(super) const KNOWN_ADDRESSES: &str = "known addresses";

/// The login name to unlock.
#[derive(Args)]
#[command(after_help = "\
If a user has the name, all login names of that user are unlocked: username, e-mail address and id. So are the
addresses from which the user signed in lately, whose failures are counted on their own. The user can ask for mails
with a reset code again. A name that no user has is locked after failures like any other, and is unlocked like any
other.

Examples:
  postern user unlock johndoe
  postern user unlock johndoe@example.com
  postern user unlock no.such.user")]
pub struct Unlock {
    /// The login name, as it is typed at sign-in: username, e-mail address or id. Or a user, as id:N or source:ID.
    name: String,
}

/// A name, or the known addresses of a user, and the failures that were cleared.
pub(super) struct Unlocked {
    name: String,
    pub(super) failures: u32,
}

/// The login names and the known addresses of a user, after they were unlocked.
pub(super) struct UnlockedUser {
    pub(super) names: Vec<Unlocked>,
    pub(super) known_addresses: Unlocked,
}

impl UnlockedUser {
    /// Returns what had failures.
    pub(super) fn with_failures(&self) -> impl Iterator<Item = &Unlocked> {
        self.names.iter().chain([&self.known_addresses]).filter(|unlocked| unlocked.failures > 0)
    }
}

impl fmt::Display for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = plain(&self.name);
        match self.failures {
            0 => write!(f, "{name}: had no failures"),
            failures => write!(f, "{name}: unlocked, had {}", count(failures as usize, "failure")),
        }
    }
}

pub(super) async fn run(connection: &Connection, options: &Unlock) -> Result<Output, Failure> {
    let store = &connection.store;
    let named = UserArg { user: options.name.clone() };
    let user = match named.find_by_login_name(store).await {
        Ok(user) => Some(user),
        Err(failure) if failure.exit == Exit::NotFound && !named.has_prefix() => None,
        Err(failure) => return Err(failure),
    };
    let id = user.as_ref().map(|user| user.id);
    connection
        .audit
        .record("user unlock", id, async |_| {
            let (whose, unlocked, known) = match &user {
                Some(user) => {
                    let UnlockedUser { names, known_addresses } = unlock_all(store, user).await?;
                    (format!("login names of {}:", briefly(user)), names, Some(known_addresses))
                }
                None => {
                    let name = LoginName::new(&options.name);
                    ("a login name that no user has:".to_owned(), vec![unlock(store, &name).await?], None)
                }
            };
            let lines = unlocked.iter().chain(&known).map(ToString::to_string);
            let text = std::iter::once(whose).chain(lines).collect::<Vec<_>>().join("\n  ");
            let names: Vec<_> = unlocked
                .iter()
                .map(|unlocked| json!({"name": unlocked.name, "failures": unlocked.failures}))
                .collect();
            let known = known.map(|known| json!({"failures": known.failures}));
            Ok(Output::done(text, json!({"id": id, "unlocked": names, "known_addresses": known})))
        })
        .await
}

/// Unlocks every name of a user, and the known addresses. The user can then ask for mails with reset codes again.
pub(super) async fn unlock_all(store: &Operator, user: &UserRecord) -> Result<UnlockedUser, Failure> {
    let mut names = Vec::new();
    for (_, name) in sign_in_names(user) {
        names.push(unlock(store, &name).await?);
    }
    for contract in RESET_CONTRACTS {
        store.clear_mails(user.id, contract).await?;
    }
    let attempts = store.unlock_known_addresses(user.id, now()).await?;
    let failures = attempts.map_or(0, |attempts| attempts.failures);
    Ok(UnlockedUser { names, known_addresses: Unlocked { name: KNOWN_ADDRESSES.to_owned(), failures } })
}

/// Returns the failure of a command whose change is done, but whose user's names could not be unlocked.
pub(super) fn still_locked(done: &str, user: &UserRecord, cause: Failure) -> Failure {
    let message =
        format!("{done}, but the login names may still be locked (`postern user unlock id:{}`)", user.id);
    Failure::new(cause.exit, message).caused_by(cause)
}

async fn unlock(store: &Operator, name: &LoginName) -> Result<Unlocked, Failure> {
    let attempts = store.unlock_name(name, now()).await?;
    let failures = attempts.map_or(0, |attempts| attempts.failures);
    Ok(Unlocked { name: name.as_key().unwrap_or("(longer than any name)").to_owned(), failures })
}
