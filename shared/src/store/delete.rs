//! Deleting users, which operators do and no function may.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem};

use super::create::source_key;
use super::{Store, StoreError, decode_login, key, login_names, login_pk, number, text, user_pk};
use crate::identity::User;

impl Store {
    /// Deletes a user with all login names, in one transaction or nothing, if the user is as it was read: no other
    /// epoch, no other names. `false` if not. The sessions are worth nothing from then on; see
    /// [`Store::delete_sessions`].
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete_user(&self, user: &User) -> Result<bool, StoreError> {
        let wrong =
            |error: aws_sdk_dynamodb::error::BuildError| StoreError::Rejected { cause: error.to_string() };
        let delete = || Delete::builder().table_name(&self.table);
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
        // A name that leads nowhere, or to somebody else, keeps nobody from being deleted, and is not touched.
        for (name, _) in login_names(user).unwrap_or_default() {
            for form in name.as_key().into_iter().chain(name.former_keys()) {
                let login = self.get(key(login_pk(form), "LOGIN")).await?.map(decode_login).transpose()?;
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
            .collect::<Result<Vec<_>, _>>()
            .map_err(wrong)?;
        self.transact(deletes).await
    }

    /// Deletes all sessions of a user, and says how many.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn delete_sessions(&self, user_id: u64) -> Result<usize, StoreError> {
        let keys = self.sessions_of(user_id).projection_expression("pk, sk");
        let mut pages = keys.into_paginator().items().send();
        let mut deleted = 0;
        while let Some(key) = pages.try_next().await? {
            self.client.delete_item().table_name(&self.table).set_key(Some(key)).send().await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}
