//! Sessions: one item each. A conditional write replaces the secret in place, so only one of several
//! refreshes at the same time rotates.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::delete_item::DeleteItemInput;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::error::is_condition;
use super::update::{Update, Updated};
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::session::{GRACE, Generation, NewSession, RefreshPolicy, Session, SessionToken, is_id};

/// The most pages of a query that are read. A page has 1 MB, which is more than a thousand sessions.
const MAX_PAGES: usize = 4;

/// The outcome of a rotation.
#[must_use]
pub(crate) enum Rotation {
    /// The secret is replaced. This is the session after the write.
    Rotated(Session),
    /// The condition refused the write. This is the session as it is.
    Refused(Session),
    /// There is no such session.
    Unknown,
}

/// The outcome of recording a late answer.
#[must_use]
pub(crate) enum LateAnswerWrite {
    /// The late answer is recorded.
    Recorded,
    /// The session has changed meanwhile. This is the session now.
    Overtaken(Box<Session>),
    /// The session has ended meanwhile.
    Gone,
}

impl Store {
    /// Puts a new session. A session of the same family stays as it is.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub(crate) async fn put_session(&self, session: &NewSession) -> Result<(), StoreError> {
        let mut item = session_key(session.token.user_id, &session.token.session_id());
        item.insert("kind".to_owned(), text(session.kind));
        item.insert("current_hash".to_owned(), text(session.token.secret.hash().as_str()));
        item.insert("epoch".to_owned(), number(session.epoch));
        item.insert("created_at".to_owned(), number(session.created_at.millis()));
        item.insert("rotated_at".to_owned(), number(session.rotated_at.millis()));
        // Both are in seconds: DynamoDB's TTL reads the first, and conditions compare one moment with both.
        item.insert("expires_at".to_owned(), number(session.expires_at.secs()));
        item.insert("ends_at".to_owned(), number(session.ends_at.secs()));
        if let Some(device) = &session.device {
            item.insert("device".to_owned(), text(device));
        }
        // If the write is sent again because the reply was lost, it must not undo a rotation that came in
        // between.
        let put = PutItemInput::builder().table_name(&self.table).set_item(Some(item));
        match self.dynamodb.put_item(put.condition_expression("attribute_not_exists(pk)")).await {
            Ok(_) => Ok(()),
            // The family is random, so the session that is there is this one.
            Err(error) if is_condition(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces a session's secret by that of `next`. The presented secret must be the current one, and not
    /// younger than the grace. The session must be of this kind, and must not have ended.
    pub(crate) async fn rotate_session(
        &self,
        presented: &SessionToken,
        next: &SessionToken,
        nonce: &str,
        policy: &RefreshPolicy,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let update = Update::of(session_key(presented.user_id, &presented.session_id()))
            .copy("previous_hash", "current_hash")
            .set("current_hash", text(next.secret.hash().as_str()))
            .set("derived_with", text(nonce))
            .set("rotated_at", number(now.millis()))
            .set("expires_at", number(now.plus(policy.idle).secs()))
            .add("rotations", number(1_u64))
            .remove("presented")
            .when(
                "kind = :kind AND current_hash = :presented AND rotated_at <= :grace \
                 AND expires_at > :second AND ends_at > :second",
            )
            .value(":kind", text(policy.kind))
            .value(":presented", text(presented.secret.hash().as_str()))
            .value(":grace", number(now.minus(GRACE).millis()))
            .value(":second", number(now.secs()))
            .returning(ReturnValue::AllNew)
            .returning_refused();
        match self.update(update).await? {
            Updated::Done(item) => decode_session(item).map(Rotation::Rotated),
            Updated::Refused(item) if item.is_empty() => Ok(Rotation::Unknown),
            Updated::Refused(item) => decode_session(item).map(Rotation::Refused),
        }
    }

    /// Records that a client presented the current secret while it was too young to rotate. After that, the
    /// previous secret gets no late answer. Does nothing if the session has rotated meanwhile.
    pub(crate) async fn record_presentation(&self, presented: &SessionToken) -> Result<(), StoreError> {
        let update = Update::of(session_key(presented.user_id, &presented.session_id()))
            .set("presented", AttributeValue::Bool(true))
            .when("current_hash = :current_hash")
            .value(":current_hash", text(presented.secret.hash().as_str()));
        self.update(update).await.map(|_| ())
    }

    /// Records a late answer. The session must still have this generation, its secret must not have been
    /// presented, and no late answer may be recorded for this generation.
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
        let update = Update::of(session_key(presented.user_id, &presented.session_id()))
            .set("late_answer", AttributeValue::M(late_answer))
            .when(
                "current_hash = :current AND previous_hash = :presented AND attribute_not_exists(presented) \
                 AND (attribute_not_exists(late_answer) OR late_answer.rotations < :rotations)",
            )
            .value(":current", text(generation.current_hash.as_str()))
            .value(":presented", text(presented.secret.hash().as_str()))
            .value(":rotations", number(generation.rotations))
            .returning_refused();
        match self.update(update).await? {
            Updated::Done(_) => Ok(LateAnswerWrite::Recorded),
            Updated::Refused(item) if item.is_empty() => Ok(LateAnswerWrite::Gone),
            Updated::Refused(item) => {
                decode_session(item).map(|session| LateAnswerWrite::Overtaken(Box::new(session)))
            }
        }
    }

    /// Uses a session whose secret stays the same. Its idle time begins again. Returns `None` if there is no
    /// session of this kind with this secret, or if it has ended.
    pub(crate) async fn touch_session(
        &self,
        presented: &SessionToken,
        kind: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let update = Update::of(session_key(presented.user_id, &presented.session_id()))
            .set("expires_at", number(expires_at.secs()))
            .set("last_used", number(now.millis()))
            .when("kind = :kind AND current_hash = :presented AND expires_at > :second AND ends_at > :second")
            .value(":kind", text(kind))
            .value(":presented", text(presented.secret.hash().as_str()))
            .value(":second", number(now.secs()))
            .returning(ReturnValue::AllNew);
        match self.update(update).await? {
            Updated::Done(item) => decode_session(item).map(Some),
            Updated::Refused(_) => Ok(None),
        }
    }

    /// Ends a session of this kind. Returns the session as it was, if there was one.
    pub(crate) async fn end_session(
        &self,
        user_id: u64,
        id: &str,
        kind: &str,
    ) -> Result<Option<Session>, StoreError> {
        self.end_session_if(user_id, id, vec![("kind", text(kind))]).await
    }

    /// Ends the session of this token, if the token is the current one and the session has this epoch.
    pub(crate) async fn end_session_exactly(
        &self,
        presented: &SessionToken,
        kind: &str,
        epoch: u64,
    ) -> Result<Option<Session>, StoreError> {
        let secret = text(presented.secret.hash().as_str());
        let attributes = vec![("kind", text(kind)), ("current_hash", secret), ("epoch", number(epoch))];
        self.end_session_if(presented.user_id, &presented.session_id(), attributes).await
    }

    /// Ends a session that has these attributes.
    async fn end_session_if(
        &self,
        user_id: u64,
        id: &str,
        attributes: Vec<(&str, AttributeValue)>,
    ) -> Result<Option<Session>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        let conditions: Vec<String> =
            attributes.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let delete = attributes.into_iter().fold(DeleteItemInput::builder(), |delete, (name, value)| {
            delete.expression_attribute_values(format!(":{name}"), value)
        });
        let delete = delete
            .table_name(&self.table)
            .set_key(Some(session_key(user_id, id)))
            .condition_expression(conditions.join(" AND "))
            .return_values(ReturnValue::AllOld);
        match self.dynamodb.delete_item(delete).await {
            Ok(output) => decode_session(output.attributes.unwrap_or_default()).map(Some),
            Err(error) if is_condition(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the session of a token that was used before.
    pub(crate) async fn end_family(&self, presented: &SessionToken) -> Result<(), StoreError> {
        self.delete_session(presented.user_id, &presented.session_id()).await
    }

    /// Ends a session, whatever its secret is. Does nothing if there is none.
    pub(crate) async fn delete_session(&self, user_id: u64, id: &str) -> Result<(), StoreError> {
        let key = session_key(user_id, id);
        let delete = DeleteItemInput::builder().table_name(&self.table).set_key(Some(key));
        self.dynamodb.delete_item(delete).await?;
        Ok(())
    }

    /// Returns a session, whether it has ended or not.
    pub(crate) async fn session(&self, user_id: u64, id: &str) -> Result<Option<Session>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        self.get(session_key(user_id, id)).await?.map(decode_session).transpose()
    }

    /// Returns a user's sessions of all kinds, in the order of their ids, whether they have ended or not. Of
    /// those that are on more than [`MAX_PAGES`] pages, returns the first.
    pub(crate) async fn list_sessions(&self, user_id: u64) -> Result<Vec<Session>, StoreError> {
        let mut sessions = Vec::new();
        let mut last = None;
        for _ in 0..MAX_PAGES {
            let query = QueryInput::builder()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(sessions_pk(user_id)))
                .consistent_read(true)
                .set_exclusive_start_key(last);
            let page = self.dynamodb.query(query).await?;
            for item in page.items.unwrap_or_default() {
                sessions.push(decode_session(item)?);
            }
            last = page.last_evaluated_key.filter(|key| !key.is_empty());
            if last.is_none() {
                return Ok(sessions);
            }
        }
        tracing::warn!(user_id, "a user has more sessions than are read");
        Ok(sessions)
    }
}

/// Decodes the item of a session.
pub(crate) fn decode_session(item: Item) -> Result<Session, StoreError> {
    serde_dynamo::from_item(item).map_err(|_| StoreError::unreadable("session"))
}

pub(super) fn sessions_pk(user_id: u64) -> String {
    format!("SESSIONS#{user_id}")
}

fn session_key(user_id: u64, id: &str) -> Item {
    key(sessions_pk(user_id), id)
}
