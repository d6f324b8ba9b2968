//! `postern user`: users, one at a time, and a list of all.

mod add;
mod change;
mod delete;
mod describe;
mod end_all;
mod list;
mod mfa;
mod names;
mod send_reset;
mod sessions;
mod set_password;
mod show;
mod status;
mod unlock;
mod user_arg;

use clap::Subcommand;

pub(crate) use self::user_arg::UserArg;
use crate::connect::connect;
use crate::output::{Failure, Output};
use crate::target::Target;

/// The commands on users.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Create a user.
    Add(add::Add),
    /// Show everything about a user except secrets.
    #[command(after_help = show::EXAMPLES)]
    Show(UserArg),
    /// List users by name and state, one on each line, in the order of their ids.
    List(list::List),
    /// Change the username, the e-mail address or attributes of a user.
    Change(change::Change),
    /// Set a user's password, end all sessions, and unlock the login names.
    SetPassword(set_password::SetPassword),
    /// Send a user a mail with which to choose a new password.
    SendReset(send_reset::SendReset),
    /// Activate a user who is not activated yet.
    #[command(after_help = "Example:\n  postern user activate ann@b.example")]
    Activate(UserArg),
    /// Disable a user, and end all sessions.
    Disable(status::Disable),
    /// Enable a user who was disabled or blocked.
    #[command(after_help = "Example:\n  postern user enable johndoe")]
    Enable(UserArg),
    /// Unlock a login name after too many failures, whether or not a user has it.
    Unlock(unlock::Unlock),
    /// Delete a user with all login names and sessions.
    Delete(delete::Delete),
    /// Switch the second factor on or off.
    #[command(subcommand)]
    Mfa(mfa::MfaCommand),
    /// List a user's sessions, or end them. End the sessions of all users.
    Sessions(sessions::Sessions),
}

/// Runs a command.
///
/// # Errors
/// If the command fails, with the message for the operator.
pub async fn run(command: UserCommand, target: &Target, json: bool) -> Result<Output, Failure> {
    let connection = connect(target).await?;
    let store = &connection.store;
    match command {
        UserCommand::Add(options) => add::run(&connection, options).await,
        UserCommand::Show(user) => show::run(store, &user).await,
        UserCommand::List(options) => list::run(store, &options, json).await,
        UserCommand::Change(options) => change::run(&connection, &options).await,
        UserCommand::SetPassword(options) => set_password::run(&connection, &options).await,
        UserCommand::SendReset(options) => send_reset::run(&connection, target, &options).await,
        UserCommand::Activate(user) => status::activate(&connection, &user).await,
        UserCommand::Disable(options) => status::disable(&connection, &options).await,
        UserCommand::Enable(user) => status::enable(&connection, &user).await,
        UserCommand::Unlock(options) => unlock::run(&connection, &options).await,
        UserCommand::Delete(options) => delete::run(&connection, &options).await,
        UserCommand::Mfa(command) => mfa::run(command, target, &connection).await,
        UserCommand::Sessions(options) => sessions::run(&connection, &options).await,
    }
}
