//! `postern user delete`.

use clap::Args;
use postern::store::Store;
use serde_json::json;

use super::{Who, about, briefly, count};
use crate::ask::confirm;
use crate::output::{Exit, Failure, Output};

/// Who is to be deleted.
#[derive(Args)]
#[command(after_help = "\
The login names are free for others from then on; the id is not given again. What was counted against the names
stays counted. `postern user disable` keeps everything, and can be taken back.

Examples:
  postern user delete johndoe
  postern user delete 4711 --yes")]
pub struct Delete {
    #[command(flatten)]
    who: Who,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(store: &Store, options: &Delete) -> Result<Output, Failure> {
    let user = options.who.find(store).await?;
    let sure = options.yes || confirm(&format!("Delete {}? It cannot be taken back.", briefly(&user)))?;
    if !sure {
        return Err(Failure::new(Exit::Refused, "nothing was deleted"));
    }
    if !store.delete_user(&user).await? {
        let message = format!("{} was changed meanwhile and is not deleted; look again", briefly(&user));
        return Err(Failure::new(Exit::Refused, message));
    }
    let sessions = store.delete_sessions(user.id).await.map_err(|error| {
        // Nobody can use them, and they expire by themselves.
        let failure = Failure::from(error);
        let message = format!(
            "{} is deleted, but not all sessions, which are useless and expire: {}",
            briefly(&user),
            failure.message
        );
        Failure::new(Exit::Partly, message)
    })?;
    let text = format!("deleted {}, and {}", briefly(&user), count(sessions, "session"));
    Ok(Output::done(text, about(&user, json!({"deleted": true, "sessions": sessions}))))
}
