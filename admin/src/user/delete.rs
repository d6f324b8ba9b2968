//! `postern user delete`.

use clap::Args;
use postern::store::Written;
use serde_json::json;

use super::describe::{about, briefly};
use super::user_arg::UserArg;
use crate::ask::confirm;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, count};

/// The user to delete.
#[derive(Args)]
#[command(after_help = "\
Other users can then take the login names. The id is not assigned again. Failures that were counted for the
names stay counted. `postern user disable` keeps everything, and can be reverted.

Examples:
  postern user delete johndoe
  postern user delete 4711 --yes")]
pub struct Delete {
    #[command(flatten)]
    user: UserArg,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(connection: &Connection, options: &Delete) -> Result<Output, Failure> {
    let store = &connection.store;
    let user = options.user.find(store).await?;
    let sure = options.yes || confirm(&format!("Delete {}? It cannot be reverted.", briefly(&user)))?;
    if !sure {
        return Err(Failure::new(Exit::Refused, "nothing was deleted"));
    }
    connection
        .audit
        .record("user delete", Some(user.id), async |_| {
            if store.delete_user(&user).await? == Written::Refused {
                let message =
                    format!("{} was changed meanwhile and is not deleted; try again", briefly(&user));
                return Err(Failure::new(Exit::Refused, message));
            }
            let sessions = store.delete_sessions(user.id).await.map_err(|error| {
                // The remaining sessions are useless without the user, and expire.
                let message = format!(
                    "{} is deleted, but not all sessions, which are useless and expire",
                    briefly(&user)
                );
                Failure::new(Exit::Partly, message).caused_by(Failure::from(error))
            })?;
            let text = format!("deleted {}, and {}", briefly(&user), count(sessions, "session"));
            Ok(Output::done(text, about(&user, json!({"deleted": true, "sessions": sessions}))))
        })
        .await
}
