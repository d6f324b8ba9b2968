//! The user that a command works on, as the operator names it.

use clap::Args;
use postern::identity::LoginName;
use postern::store::operator::{Operator, UserRecord};

use crate::output::{Exit, Failure, plain};

/// The user that a command works on.
#[derive(Args)]
pub struct UserArg {
    /// The username, the e-mail address, the id, or the id in the product that the user was imported from.
    /// They are looked up in this order.
    #[arg(value_name = "USER")]
    pub user: String,
}

impl UserArg {
    /// Finds the user.
    ///
    /// # Errors
    /// If there is no such user, or several. If the table cannot be reached.
    pub(crate) async fn find(&self, store: &Operator) -> Result<UserRecord, Failure> {
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
                    "the login name {} leads to user {}, who does not exist",
                    plain(&self.user),
                    login.user_id
                ),
            )),
        }
    }
}
