//! `postern user`: users, one at a time, and a list of all.

mod add;
mod change;
mod delete;
mod list;
mod mfa;
mod sessions;
mod show;
mod unlock;

use clap::{Args, Subcommand};
use postern::identity::LoginName;
use postern::identity::{Status, User};
use postern::store::Store;
use serde_json::{Value, json};

use crate::connect::connect;
use crate::output::{Exit, Failure, Output, plain};
use crate::target::Target;

/// What to do with users.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Create a user.
    Add(add::Add),
    /// Show all about a user, but for secrets.
    #[command(after_help = show::EXAMPLES)]
    Show(Who),
    /// List the users, one a line, in no order.
    List(list::List),
    /// Set a user's password, end all sessions, and unlock the login names.
    SetPassword(change::SetPassword),
    /// Activate a user who was not activated yet.
    #[command(after_help = "Example:\n  postern user activate ann@b.example")]
    Activate(Who),
    /// Disable a user, and end all sessions.
    Disable(change::Disable),
    /// Enable a user who was disabled or blocked.
    #[command(after_help = "Example:\n  postern user enable johndoe")]
    Enable(Who),
    /// Unlock a login name that has failed too often, be it anybody's or not.
    Unlock(unlock::Unlock),
    /// Delete a user with all login names and sessions.
    Delete(delete::Delete),
    /// The second factor.
    #[command(subcommand)]
    Mfa(mfa::MfaCommand),
    /// List a user's sessions, or end them.
    Sessions(sessions::Sessions),
}

/// Which user.
#[derive(Args)]
pub struct Who {
    /// The username, e-mail address or id; or the id in the product that the user was imported from. They are looked up
    /// in this order.
    #[arg(value_name = "USER")]
    pub user: String,
}

/// Does it.
///
/// # Errors
/// With what to tell the operator.
pub async fn run(command: UserCommand, target: &Target, json: bool) -> Result<Output, Failure> {
    let connection = connect(target).await?;
    let store = &connection.store;
    match command {
        UserCommand::Add(options) => add::run(store, options).await,
        UserCommand::Show(who) => show::run(store, &who).await,
        UserCommand::List(options) => list::run(store, &options, json).await,
        UserCommand::SetPassword(options) => change::set_password(store, &options).await,
        UserCommand::Activate(who) => change::activate(store, &who).await,
        UserCommand::Disable(options) => change::disable(store, &options).await,
        UserCommand::Enable(who) => change::enable(store, &who).await,
        UserCommand::Unlock(options) => unlock::run(store, &options).await,
        UserCommand::Delete(options) => delete::run(store, &options).await,
        UserCommand::Mfa(command) => mfa::run(command, target, &connection).await,
        UserCommand::Sessions(options) => sessions::run(store, &options).await,
    }
}

impl Who {
    /// The user.
    async fn find(&self, store: &Store) -> Result<User, Failure> {
        let name = LoginName::new(&self.user);
        let login = store.login(&name).await?;
        let mut user = match login.as_ref().map(|login| login.user_id).or(name.as_id()) {
            Some(id) => store.user(id).await?,
            None => None,
        };
        if user.is_none() && login.is_none() {
            match store.users_of_source(&self.user).await?.as_slice() {
                [] => {}
                [id] => user = store.user(*id).await?,
                several => {
                    let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
                    let message = format!(
                        "the source id {} is that of several users: name one by the id, {}",
                        plain(&self.user),
                        ids.join(" or ")
                    );
                    return Err(Failure::new(Exit::NotFound, message));
                }
            }
        }
        match (user, login) {
            (Some(user), _) => Ok(user),
            (None, None) => {
                Err(Failure::new(Exit::NotFound, format!("there is no user {}", plain(&self.user))))
            }
            (None, Some(login)) => Err(Failure::new(
                Exit::NotFound,
                format!(
                    "the login name {} leads to user {}, who is not there",
                    plain(&self.user),
                    login.user_id
                ),
            )),
        }
    }
}

/// A user was there a moment ago, and the write found none.
fn gone() -> Failure {
    Failure::new(Exit::NotFound, "the user was deleted meanwhile")
}

/// The user in a few words.
fn briefly(user: &User) -> String {
    let email = if user.email.is_empty() { String::new() } else { format!(", {}", plain(&user.email)) };
    format!("user {} ({}{email})", user.id, plain(&user.username))
}

/// Who it is, in JSON: the beginning of every answer about one user.
fn identity(user: &User) -> Value {
    let email = Some(&user.email).filter(|email| !email.is_empty());
    json!({"id": user.id, "username": user.username, "email": email})
}

/// An answer about one user with more members.
fn about(user: &User, more: Value) -> Value {
    let mut answer = identity(user);
    if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
        answer.extend(more);
    }
    answer
}

/// The names under which somebody can try to be this user: each has a counter of its own.
fn typed_names(user: &User) -> Vec<(&'static str, LoginName)> {
    let mut names = vec![("username", LoginName::new(&user.username))];
    let email = LoginName::new(&user.email);
    if !user.email.is_empty() && names.iter().all(|(_, name)| *name != email) {
        names.push(("e-mail", email));
    }
    // Attempts by the usernames of other products count under the username.
    names.push(("id", LoginName::new(&user.id.to_string())));
    names
}

/// So many of these.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::NotActivated => "not_activated",
        Status::Disabled => "disabled",
        Status::Blocked => "blocked",
    }
}
