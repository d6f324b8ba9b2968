//! Users in the output of commands, and the names that they sign in by.

use postern::identity::LoginName;
use postern::store::operator::UserRecord;
use serde_json::{Value, json};

use crate::output::{Exit, Failure, plain};

/// Returns the failure of a command whose user was deleted between the read and the write.
pub(super) fn deleted_meanwhile() -> Failure {
    Failure::new(Exit::NotFound, "the user was deleted meanwhile")
}

/// Names a user in a sentence: by id, username and e-mail address.
pub(super) fn briefly(user: &UserRecord) -> String {
    let email = if user.email.is_empty() { String::new() } else { format!(", {}", plain(&user.email)) };
    format!("user {} ({}{email})", user.id, plain(&user.username))
}

/// Returns the id and the names of a user, which are the first members of every answer about one user.
fn identity(user: &UserRecord) -> Value {
    let email = Some(&user.email).filter(|email| !email.is_empty());
    json!({"id": user.id, "username": user.username, "email": email})
}

/// Returns the JSON answer about one user, with these members after its id and names.
pub(super) fn about(user: &UserRecord, more: Value) -> Value {
    let mut answer = identity(user);
    if let (Some(answer), Value::Object(more)) = (answer.as_object_mut(), more) {
        answer.extend(more);
    }
    answer
}

/// Returns the names that this user can sign in by, each with its kind. Attempts are counted for each name.
pub(super) fn sign_in_names(user: &UserRecord) -> Vec<(&'static str, LoginName)> {
    let mut names = vec![("username", LoginName::new(&user.username))];
    let email = LoginName::new(&user.email);
    if !user.email.is_empty() && names.iter().all(|(_, name)| *name != email) {
        names.push(("e-mail", email));
    }
    // Attempts by the usernames of other products are counted under the username.
    names.push(("id", LoginName::new(&user.id.to_string())));
    names
}
