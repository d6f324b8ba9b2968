//! `postern user set-password`.

use clap::Args;
use postern::clock::now;
use postern::identity::Status;
use postern::store::Written;
use serde_json::json;

use super::describe::{about, briefly, deleted_meanwhile};
use super::unlock;
use super::user_arg::UserArg;
use crate::ask::new_password_hash;
use crate::connect::Connection;
use crate::output::{Failure, Output, status_name};

/// The user whose password to set.
#[derive(Args)]
#[command(after_help = "\
Ends all sessions, tokens and reset codes, unlocks the user's login names, and forgets from which addresses the user
signed in. The user gets no mail. Without --password-stdin, the command asks for the password. `postern user
send-reset` lets the user choose one.

Examples:
  postern user set-password johndoe
  postern user set-password johndoe --must-change-password
  pwgen -s 20 1 | tee /dev/tty | postern user set-password johndoe --password-stdin")]
pub struct SetPassword {
    #[command(flatten)]
    user: UserArg,
    /// The user has to change the password before signing in. Without this option, the user does not have to,
    /// even if an earlier command required it.
    #[arg(long)]
    must_change_password: bool,
    /// The password is the first line of standard input.
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn run(connection: &Connection, options: &SetPassword) -> Result<Output, Failure> {
    let store = &connection.store;
    let user = options.user.find(store).await?;
    let hash = new_password_hash(options.password_stdin, &user.names())?;
    connection
        .audit
        .record("user set-password", Some(user.id), async |_| {
            if store.set_password(user.id, &hash, options.must_change_password, now()).await?
                == Written::Refused
            {
                return Err(deleted_meanwhile());
            }
            let unlocked = unlock::unlock_all(store, &user)
                .await
                .map_err(|failure| unlock::still_locked("the password is set", &user, failure))?;
            let mut text = format!("set the password of {}, ended all sessions", briefly(&user));
            for line in unlocked.with_failures() {
                text += &format!("\n{line}");
            }
            if user.status != Status::Active {
                text += &format!("\nnote: the user is {} and cannot sign in", status_name(user.status));
            }
            let more = json!({"status": user.status, "must_change_password": options.must_change_password});
            Ok(Output::done(text, about(&user, more)))
        })
        .await
}
