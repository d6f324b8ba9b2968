//! The deletion of one user.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};

use super::create::source_key;
use super::{Operator, login_names};
use crate::identity::UserRecord;
use crate::store::login::{decode_login, login_pk};
use crate::store::update::Written;
use crate::store::{StoreError, key, number, text, user_pk};

impl Operator {
    /// Deletes a user with all login names, in one transaction. The write is refused if the epoch or a name
    /// has changed since the user was read. The user's sessions stay in the table and are invalid: see
    /// [`Operator::delete_sessions`].
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn delete_user(&self, user: &UserRecord) -> Result<Written, StoreError> {
        let delete = || Delete::builder().table_name(&self.store.table);
        let mut condition = "epoch = :epoch AND username = :username AND email = :email".to_owned();
        let mut values = HashMap::new();
        let others = user.other_usernames.iter().cloned().collect::<Vec<_>>();
        for (attribute, value) in [
            ("other_usernames", Some(others).filter(|others| !others.is_empty()).map(AttributeValue::Ss)),
            ("source_id", user.source_id.as_deref().map(text)),
        ] {
            condition += &match value {
                None => format!(" AND attribute_not_exists({attribute})"),
                Some(value) => {
                    values.insert(format!(":{attribute}"), value);
                    format!(" AND {attribute} = :{attribute}")
                }
            };
        }
        let the_user = delete()
            .set_key(Some(key(user_pk(user.id), "USER")))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":epoch", number(user.epoch))
            .expression_attribute_values(":username", text(&user.username))
            .expression_attribute_values(":email", text(&user.email));
        let mut deletes = vec![the_user];
        // A name that does not exist, or that is another user's, stays as it is and does not prevent the
        // deletion.
        for (name, _) in login_names(user).unwrap_or_default() {
            for form in name.as_key().into_iter().chain(name.former_keys()) {
                let item = self.store.get(key(login_pk(form), "LOGIN")).await?;
                let login = item.map(decode_login).transpose()?;
                if login.is_some_and(|login| login.user_id == user.id) {
                    let name = delete()
                        .set_key(Some(key(login_pk(form), "LOGIN")))
                        .condition_expression("user_id = :id")
                        .expression_attribute_values(":id", number(user.id));
                    deletes.push(name);
                }
            }
        }
        if let Some(source_id) = &user.source_id {
            deletes.push(delete().set_key(Some(source_key(source_id, user.id))));
        }
        let deletes = deletes
            .into_iter()
            .map(|delete| Ok(TransactWriteItem::builder().delete(delete.build()?).build()))
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.transact(deletes).await
    }
}
