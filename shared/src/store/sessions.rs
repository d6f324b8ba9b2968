//! Sessions: one item each, replaced in place by one conditional write, so that of any number who refresh at once
//! one rotates.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::error::{condition_failed, is_condition};
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::session::{GRACE, Generation, NewSession, RefreshPolicy, Session, SessionToken, is_id, sha256};

/// What became of a session whose token was presented to be refreshed.
pub(crate) enum Rotation {
    /// Its secret is replaced.
    Rotated(Session),
    /// It is as it was.
    Refused(Session),
    /// There is none.
    Unknown,
}

/// What became of a late answer that was to be recorded.
pub(crate) enum LateAnswerWrite {
    /// It is recorded.
    Recorded,
    /// The session has changed meanwhile: this is how it is now.
    Overtaken(Box<Session>),
    /// The session has ended meanwhile.
    Gone,
}

impl Store {
    /// Puts a new session. One of the same family stays as it is.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn put_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let mut item = session_key(session.token.user_id, &session.token.session_id());
        item.insert("kind".to_owned(), text(session.kind));
        item.insert("current_hash".to_owned(), text(&sha256(&session.token.secret)));
        item.insert("epoch".to_owned(), number(session.epoch));
        item.insert("created_at".to_owned(), number(session.created_at.millis()));
        item.insert("rotated_at".to_owned(), number(session.rotated_at.millis()));
        // Both in seconds: DynamoDB's TTL reads the first, and they are compared with one moment.
        item.insert("expires_at".to_owned(), number(session.expires_at.secs()));
        item.insert("ends_at".to_owned(), number(session.ends_at.secs()));
        if let Some(device) = &session.device {
            item.insert("device".to_owned(), text(device));
        }
        // Sent again after its answer got lost, it must not undo a rotation that came in between.
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            // The family is random: what is there is ours.
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces a session's secret by that of `next`, if the presented one is the present one and not younger than
    /// the grace, and the session is of this kind and not over.
    pub(crate) async fn rotate_session(
        &self,
        presented: &SessionToken,
        next: &SessionToken,
        nonce: &str,
        policy: &RefreshPolicy,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(session_key(presented.user_id, &presented.session_id())))
            .update_expression(
                "SET previous_hash = current_hash, current_hash = :next, derived_with = :nonce, \
                 rotated_at = :now, expires_at = :expires ADD rotations :one REMOVE presented",
            )
            .condition_expression(
                "kind = :kind AND current_hash = :presented AND rotated_at <= :grace \
                 AND expires_at > :second AND ends_at > :second",
            )
            .expression_attribute_values(":next", text(&sha256(&next.secret)))
            .expression_attribute_values(":nonce", text(nonce))
            .expression_attribute_values(":now", number(now.millis()))
            .expression_attribute_values(":expires", number(now.plus(policy.idle).secs()))
            .expression_attribute_values(":one", number(1_u64))
            .expression_attribute_values(":kind", text(policy.kind))
            .expression_attribute_values(":presented", text(&sha256(&presented.secret)))
            .expression_attribute_values(":grace", number(now.minus(GRACE).millis()))
            .expression_attribute_values(":second", number(now.secs()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match outcome {
            Ok(output) => decode_session(output.attributes.unwrap_or_default()).map(Rotation::Rotated),
            refused => match condition_failed(refused)? {
                Some(old) if !old.is_empty() => decode_session(old).map(Rotation::Refused),
                _ => Ok(Rotation::Unknown),
            },
        }
    }

    /// Records that the present secret was presented while it was kept. Its predecessor gets no late answer from then
    /// on. Does nothing where the session has moved on.
    pub(crate) async fn record_presentation(&self, presented: &SessionToken) -> Result<(), StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(session_key(presented.user_id, &presented.session_id())))
            .update_expression("SET presented = :true")
            .condition_expression("current_hash = :presented")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":presented", text(&sha256(&presented.secret)))
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Records a late answer, if the session is of this generation still, its secret was not presented, and no late
    /// answer was recorded for this generation.
    pub(crate) async fn record_late_answer(
        &self,
        presented: &SessionToken,
        generation: Generation<'_>,
        now: Timestamp,
    ) -> Result<LateAnswerWrite, StoreError> {
        let late_answer = HashMap::from([
            ("rotations".to_owned(), number(generation.rotations)),
            ("at".to_owned(), number(now.millis())),
        ]);
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(session_key(presented.user_id, &presented.session_id())))
            .update_expression("SET late_answer = :late")
            .condition_expression(
                "current_hash = :current AND previous_hash = :presented AND attribute_not_exists(presented) \
                 AND (attribute_not_exists(late_answer) OR late_answer.rotations < :rotations)",
            )
            .expression_attribute_values(":late", AttributeValue::M(late_answer))
            .expression_attribute_values(":current", text(generation.current_hash))
            .expression_attribute_values(":presented", text(&sha256(&presented.secret)))
            .expression_attribute_values(":rotations", number(generation.rotations))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match outcome {
            Ok(_) => Ok(LateAnswerWrite::Recorded),
            refused => match condition_failed(refused)? {
                Some(old) if !old.is_empty() => {
                    decode_session(old).map(|now| LateAnswerWrite::Overtaken(Box::new(now)))
                }
                _ => Ok(LateAnswerWrite::Gone),
            },
        }
    }

    /// Uses a session whose secret stays: it is idle again from now on. The session, or `None` where there is none of
    /// this kind with this secret, or it is over.
    pub(crate) async fn touch_session(
        &self,
        presented: &SessionToken,
        kind: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let outcome = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(session_key(presented.user_id, &presented.session_id())))
            .update_expression("SET expires_at = :expires")
            .condition_expression(
                "kind = :kind AND current_hash = :presented AND expires_at > :second AND ends_at > :second",
            )
            .expression_attribute_values(":expires", number(expires_at.secs()))
            .expression_attribute_values(":kind", text(kind))
            .expression_attribute_values(":presented", text(&sha256(&presented.secret)))
            .expression_attribute_values(":second", number(now.secs()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match outcome {
            Ok(output) => decode_session(output.attributes.unwrap_or_default()).map(Some),
            refused => condition_failed(refused).map(|_| None),
        }
    }

    /// Ends a session of this kind. The session as it was, if there was one.
    pub(crate) async fn end_session(
        &self,
        user_id: u64,
        id: &str,
        kind: &str,
    ) -> Result<Option<Session>, StoreError> {
        self.end_session_if(user_id, id, vec![("kind", text(kind))]).await
    }

    /// Ends the session of this token, if it is the present one, and of this epoch.
    pub(crate) async fn end_session_exactly(
        &self,
        presented: &SessionToken,
        kind: &str,
        epoch: u64,
    ) -> Result<Option<Session>, StoreError> {
        let secret = text(&sha256(&presented.secret));
        let members = vec![("kind", text(kind)), ("current_hash", secret), ("epoch", number(epoch))];
        self.end_session_if(presented.user_id, &presented.session_id(), members).await
    }

    /// Ends a session that has these members.
    async fn end_session_if(
        &self,
        user_id: u64,
        id: &str,
        members: Vec<(&str, AttributeValue)>,
    ) -> Result<Option<Session>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        let conditions: Vec<String> = members.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let delete = members.into_iter().fold(self.client.delete_item(), |delete, (name, value)| {
            delete.expression_attribute_values(format!(":{name}"), value)
        });
        let outcome = delete
            .table_name(&self.table)
            .set_key(Some(session_key(user_id, id)))
            .condition_expression(conditions.join(" AND "))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match outcome {
            Ok(output) => decode_session(output.attributes.unwrap_or_default()).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a family: one of its tokens was used twice.
    pub(crate) async fn end_family(&self, presented: &SessionToken) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table);
        delete.set_key(Some(session_key(presented.user_id, &presented.session_id()))).send().await?;
        Ok(())
    }

    /// One session, over or not.
    pub(crate) async fn session(&self, user_id: u64, id: &str) -> Result<Option<Session>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        self.get(session_key(user_id, id)).await?.map(decode_session).transpose()
    }

    /// A user's sessions, those that are over included until they are collected. See [`Session::is_alive`].
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sessions(&self, user_id: u64) -> Result<Vec<Session>, StoreError> {
        let mut pages = self.sessions_of(user_id).into_paginator().items().send();
        let mut sessions = Vec::new();
        while let Some(item) = pages.try_next().await? {
            sessions.push(decode_session(item)?);
        }
        Ok(sessions)
    }

    /// Asks for the items of a user's sessions.
    pub(super) fn sessions_of(&self, user_id: u64) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(sessions_pk(user_id)))
            .consistent_read(true)
    }
}

/// A session's item.
pub(crate) fn decode_session(item: Item) -> Result<Session, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError::Unreadable { what: "session".to_owned() })
}

fn sessions_pk(user_id: u64) -> String {
    format!("SESSIONS#{user_id}")
}

fn session_key(user_id: u64, id: &str) -> Item {
    key(sessions_pk(user_id), id)
}
