//! The check of a username, and the messages about names that a user cannot have.

use postern::identity::LoginName;
use postern::store::operator::CreateUserError;

use crate::output::{Exit, Failure, plain};

/// Refuses a username that may be the id of another user than this one. At mfa, the name would take precedence over the id.
pub(super) fn check_username(username: &str, own_id: u64) -> Result<(), Failure> {
    if LoginName::new(username).as_id().is_none_or(|id| id == own_id) {
        return Ok(());
    }
    let message =
        format!("the username {} may be another user's id; choose one with a letter", plain(username));
    Err(Failure::new(Exit::Refused, message))
}

/// Returns the message that a name is another user's.
pub(super) fn is_taken(what: &str, name: &str, by: u64) -> String {
    format!("the {what} {} is taken: it is a login name of user {by}", plain(name))
}

/// Returns the failure of a command that creates a user or gives one another name.
pub(super) fn failure(error: CreateUserError) -> Failure {
    match error {
        CreateUserError::Store(error) => error.into(),
        CreateUserError::Taken => Failure::new(Exit::Refused, error.to_string()),
        CreateUserError::BadUsername | CreateUserError::BadEmail => Failure::usage(error.to_string()),
    }
}
