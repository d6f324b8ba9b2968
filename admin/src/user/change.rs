//! Commands that change one user in one write: the password and the status.

use clap::Args;
use postern::clock::now;
use postern::identity::Status;
use postern::store::Written;
use postern::store::operator::Operator;
use serde_json::json;

use super::describe::{about, briefly, deleted_meanwhile};
use super::unlock;
use super::user_arg::UserArg;
use crate::ask::new_password_hash;
use crate::output::{Exit, Failure, Output, status_name};

/// The user whose password to set.
#[derive(Args)]
#[command(after_help = "\
Ends all sessions and tokens, and unlocks the user's login names. Without --password-stdin, the command asks
for the password.

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

/// The user to disable.
#[derive(Args)]
#[command(after_help = "\
`postern user enable` reverts it.

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

pub(super) async fn set_password(store: &Operator, options: &SetPassword) -> Result<Output, Failure> {
    let user = options.user.find(store).await?;
    let hash = new_password_hash(options.password_stdin, &[&user.username, &user.email])?;
    if store.set_password(user.id, &hash, options.must_change_password, now()).await? == Written::Refused {
        return Err(deleted_meanwhile());
    }
    let unlocked = unlock::unlock_all(store, &user).await.map_err(|failure| {
        let message = format!("the password is set, but {}", unlock::still_locked(&user, &failure));
        Failure::new(failure.exit, message)
    })?;
    let mut text = format!("set the password of {}, ended all sessions", briefly(&user));
    for line in unlocked.iter().filter(|unlocked| unlocked.failures > 0) {
        text += &format!("\n{line}");
    }
    if user.status != Status::Active {
        text += &format!("\nnote: the user is {} and cannot sign in", status_name(user.status));
    }
    let more = json!({"status": user.status, "must_change_password": options.must_change_password});
    Ok(Output::done(text, about(&user, more)))
}

pub(super) async fn activate(store: &Operator, user: &UserArg) -> Result<Output, Failure> {
    let user = user.find(store).await?;
    let refused = |message: String| Failure::new(Exit::Refused, format!("{} {message}", briefly(&user)));
    match user.status {
        Status::NotActivated => {}
        Status::Active => return Err(refused("is active already".to_owned())),
        Status::Disabled | Status::Blocked => {
            let message =
                format!("is {}; `postern user enable {}` is for that", status_name(user.status), user.id);
            return Err(refused(message));
        }
    }
    if store.activate(user.id, now()).await? == Written::Refused {
        return Err(refused("was changed meanwhile; try again".to_owned()));
    }
    Ok(Output::done(format!("activated {}", briefly(&user)), about(&user, json!({"status": Status::Active}))))
}

pub(super) async fn disable(store: &Operator, options: &Disable) -> Result<Output, Failure> {
    let user = options.user.find(store).await?;
    let status = if options.block { Status::Blocked } else { Status::Disabled };
    if store.set_status(user.id, status, now()).await? == Written::Refused {
        return Err(deleted_meanwhile());
    }
    let text = format!("{} is now {}, and all sessions are ended", briefly(&user), status_name(status));
    Ok(Output::done(text, about(&user, json!({"status": status}))))
}

pub(super) async fn enable(store: &Operator, user: &UserArg) -> Result<Output, Failure> {
    let user = user.find(store).await?;
    let refused = |message: String| Failure::new(Exit::Refused, format!("{} {message}", briefly(&user)));
    match user.status {
        Status::Disabled | Status::Blocked => {}
        Status::Active => return Err(refused("is active already".to_owned())),
        Status::NotActivated => {
            let message = format!("is not activated; `postern user activate {}` is for that", user.id);
            return Err(refused(message));
        }
    }
    if store.set_status(user.id, Status::Active, now()).await? == Written::Refused {
        return Err(deleted_meanwhile());
    }
    let text = format!("enabled {}, who was {}", briefly(&user), status_name(user.status));
    Ok(Output::done(text, about(&user, json!({"status": Status::Active}))))
}
