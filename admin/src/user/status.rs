//! Commands that change the status of a user.

use clap::Args;
use postern::clock::now;
use postern::identity::Status;
use postern::store::Written;
use serde_json::json;

use super::describe::{about, briefly, deleted_meanwhile};
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::output::{Exit, Failure, Output, status_name};

/// The user to disable.
#[derive(Args)]
#[command(after_help = "\
`postern user enable` reverts it. A user who is not activated cannot sign in anyway, and is not disabled: `enable`
would activate the user.

Examples:
  postern user disable johndoe
  postern user disable mallory@example.com --block")]
pub struct Disable {
    #[command(flatten)]
    user: UserArg,
    /// Mark the user as blocked. A client gets the same answer as for a disabled user; operators see the
    /// difference.
    #[arg(long)]
    block: bool,
}

pub(super) async fn activate(connection: &Connection, user: &UserArg) -> Result<Output, Failure> {
    let store = &connection.store;
    let user = user.find(store).await?;
    let refused = |message: String| Failure::new(Exit::Refused, format!("{} {message}", briefly(&user)));
    match user.status {
        Status::NotActivated => {}
        Status::Active => return Err(refused("is active already".to_owned())),
        Status::Disabled | Status::Blocked => {
            let message =
                format!("is {}; `postern user enable id:{}` is for that", status_name(user.status), user.id);
            return Err(refused(message));
        }
    }
    connection
        .audit
        .record("user activate", Some(user.id), async |_| {
            if store.activate(user.id, now()).await? == Written::Refused {
                return Err(refused("was changed meanwhile; try again".to_owned()));
            }
            Ok(Output::done(
                format!("activated {}", briefly(&user)),
                about(&user, json!({"status": Status::Active})),
            ))
        })
        .await
}

pub(super) async fn disable(connection: &Connection, options: &Disable) -> Result<Output, Failure> {
    let store = &connection.store;
    let user = options.user.find(store).await?;
    // The item has one status. If it became `disabled`, nobody would know later that the user was never activated.
    if user.status == Status::NotActivated {
        let message = format!(
            "{} is not activated, and cannot sign in before `postern user activate id:{id}`; to keep the user out for \
             good, `postern user delete id:{id}`",
            briefly(&user),
            id = user.id
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    let status = if options.block { Status::Blocked } else { Status::Disabled };
    connection
        .audit
        .record("user disable", Some(user.id), async |_| {
            if store.set_status(user.id, status, now()).await? == Written::Refused {
                return Err(deleted_meanwhile());
            }
            let text =
                format!("{} is now {}, and all sessions are ended", briefly(&user), status_name(status));
            Ok(Output::done(text, about(&user, json!({"status": status}))))
        })
        .await
}

pub(super) async fn enable(connection: &Connection, user: &UserArg) -> Result<Output, Failure> {
    let store = &connection.store;
    let user = user.find(store).await?;
    let refused = |message: String| Failure::new(Exit::Refused, format!("{} {message}", briefly(&user)));
    match user.status {
        Status::Disabled | Status::Blocked => {}
        Status::Active => return Err(refused("is active already".to_owned())),
        Status::NotActivated => {
            let message = format!("is not activated; `postern user activate id:{}` is for that", user.id);
            return Err(refused(message));
        }
    }
    connection
        .audit
        .record("user enable", Some(user.id), async |_| {
            if store.set_status(user.id, Status::Active, now()).await? == Written::Refused {
                return Err(deleted_meanwhile());
            }
            let text = format!("enabled {}, who was {}", briefly(&user), status_name(user.status));
            Ok(Output::done(text, about(&user, json!({"status": Status::Active}))))
        })
        .await
}
