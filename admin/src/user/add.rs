//! `postern user add`.

use clap::Args;
use postern::clock::now;
use postern::identity::{LoginName, Status};
use postern::store::operator::{CreateUserError, MAX_ID, Operator, UserRecord, login_names};
use serde_json::json;

use super::describe::{about, briefly};
use super::names::{check_username, failure, is_taken};
use super::unlock;
use crate::ask::new_password_hash;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, status_name};

/// The user to create.
#[derive(Args)]
#[command(after_help = "\
Without --password-stdin or --no-password, the command asks for the password. It is never an argument, which
other users of this machine can see.

Examples:
  postern user add ann --email ann@example.com
  postern user add ann --must-change-password
  pwgen -s 20 1 | tee /dev/tty | postern user add ann --password-stdin
  postern user add 'Ann B.' --id 4711 --no-password --not-activated")]
pub struct Add {
    /// The username. It is no number, except the user's own --id.
    username: String,
    /// The e-mail address.
    #[arg(long)]
    email: Option<String>,
    /// The id [default: the next free one].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=MAX_ID))]
    id: Option<u64>,
    /// The user has to change the password before signing in.
    #[arg(long)]
    must_change_password: bool,
    /// The user cannot sign in until `postern user activate`.
    #[arg(long)]
    not_activated: bool,
    /// The password is the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
    /// The user has no password, and cannot sign in by one.
    #[arg(long, conflicts_with_all = ["password_stdin", "must_change_password"])]
    no_password: bool,
}

pub(super) async fn run(connection: &Connection, options: Add) -> Result<Output, Failure> {
    let store = &connection.store;
    let at = now();
    let mut user = UserRecord {
        id: options.id.unwrap_or(0),
        email: options.email.unwrap_or_default(),
        status: if options.not_activated { Status::NotActivated } else { Status::Active },
        must_change_password: options.must_change_password,
        ..UserRecord::without_earlier_tokens(options.username, at, at)
    };
    check_username(&user.username, user.id)?;
    // Conflicts are reported before the operator types the password.
    login_names(&user).map_err(failure)?;
    if let Some(taken) = taken(store, &user).await? {
        return Err(Failure::new(Exit::Refused, taken));
    }
    if !options.no_password {
        let hash = new_password_hash(options.password_stdin, &[&user.username, &user.email])?;
        user.password_hash = Some(hash);
    }
    connection
        .audit
        .record("user add", options.id, async |details| {
            user.id = match store.create_user(user.clone()).await {
                Ok(id) => id,
                Err(CreateUserError::Taken) => {
                    let taken = taken(store, &user).await?;
                    let message = taken.unwrap_or_else(|| "another user just took it; try again".to_owned());
                    return Err(Failure::new(Exit::Refused, message));
                }
                Err(error) => return Err(failure(error)),
            };
            details.user_id = Some(user.id);
            // Failures that attackers caused before the user existed must not lock the user out.
            unlock::unlock_all(store, &user).await.map_err(|failure| {
                unlock::still_locked(&format!("created user {}", user.id), &user, failure)
            })?;
            let text = format!("created {}: {}", briefly(&user), status_name(user.status));
            Ok(Output::done(text, about(&user, json!({"status": user.status}))))
        })
        .await
}

/// Returns which name or id another user has, and which user that is.
async fn taken(store: &Operator, user: &UserRecord) -> Result<Option<String>, Failure> {
    if user.id > 0 && store.user(user.id).await?.is_some() {
        return Ok(Some(format!("the id {} is taken", user.id)));
    }
    for (what, typed) in [("username", &user.username), ("e-mail address", &user.email)] {
        if typed.is_empty() {
            continue;
        }
        if let Some(login) = store.login(&LoginName::new(typed)).await? {
            return Ok(Some(is_taken(what, typed, login.user_id)));
        }
    }
    Ok(None)
}
