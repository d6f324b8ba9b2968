//! `postern user unlock`: what was counted against a login name is forgotten.

use std::fmt;

use clap::Args;
use postern::clock::now;
use postern::identity::LoginName;
use postern::identity::User;
use postern::store::Store;
use serde_json::json;

use super::{Who, briefly, count, typed_names};
use crate::output::{Exit, Failure, Output, plain};

/// Which name.
#[derive(Args)]
#[command(after_help = "\
Of a user, all login names are unlocked: username, e-mail address and id. A name that is nobody's is locked after
failures like any other, and is unlocked like any other.

Examples:
  postern user unlock johndoe
  postern user unlock johndoe@example.com
  postern user unlock no.such.user")]
pub struct Unlock {
    /// The login name as it is typed at sign-in: username, e-mail address or id.
    name: String,
}

/// A name, and what had been counted against it.
pub(super) struct Opened {
    name: String,
    pub(super) failures: u32,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = plain(&self.name);
        match self.failures {
            0 => write!(f, "{name}: had no failures"),
            failures => write!(f, "{name}: unlocked, had {}", count(failures as usize, "failure")),
        }
    }
}

pub(super) async fn run(store: &Store, options: &Unlock) -> Result<Output, Failure> {
    let user = match (Who { user: options.name.clone() }).find(store).await {
        Ok(user) => Some(user),
        Err(failure) if failure.exit == Exit::NotFound => None,
        Err(failure) => return Err(failure),
    };
    let (whose, opened) = match &user {
        Some(user) => (format!("login names of {}:", briefly(user)), open_all(store, user).await?),
        None => {
            let name = LoginName::new(&options.name);
            ("a login name of nobody's:".to_owned(), vec![open(store, &name).await?])
        }
    };
    let lines = opened.iter().map(ToString::to_string);
    let text = std::iter::once(whose).chain(lines).collect::<Vec<_>>().join("\n  ");
    let names: Vec<_> =
        opened.iter().map(|opened| json!({"name": opened.name, "failures": opened.failures})).collect();
    Ok(Output::done(text, json!({"id": user.map(|user| user.id), "unlocked": names})))
}

/// Opens every name of a user.
pub(super) async fn open_all(store: &Store, user: &User) -> Result<Vec<Opened>, Failure> {
    let mut opened = Vec::new();
    for (_, name) in typed_names(user) {
        opened.push(open(store, &name).await?);
    }
    Ok(opened)
}

/// What to say where opening them failed after something else was done.
pub(super) fn still_locked(user: &User, failure: &Failure) -> String {
    format!("the login names may still be locked (`postern user unlock {}`): {}", user.id, failure.message)
}

async fn open(store: &Store, name: &LoginName) -> Result<Opened, Failure> {
    let attempts = store.unlock_name(name, now()).await?;
    let failures = attempts.map_or(0, |attempts| attempts.failures);
    Ok(Opened { name: name.as_key().unwrap_or("(longer than any name)").to_owned(), failures })
}
