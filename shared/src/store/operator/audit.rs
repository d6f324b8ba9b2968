//! The audit lines of operators: one item for each command that changes a deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::Operator;
use crate::clock::Timestamp;
use crate::random::random;
use crate::store::{Item, StoreError, key, number, text};

/// How long an audit line is kept.
const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// A change that an operator made, or tried to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorEvent {
    /// When the change began.
    pub at: Timestamp,
    /// The operator: the ARN of an AWS identity, an access key, or a user of the operator's machine.
    pub actor: String,
    /// The command, without its arguments.
    pub command: String,
    /// The user that was changed. `None` if the change is not of one user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<u64>,
    /// How the change ended.
    pub outcome: ChangeStage,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How many rows of an import had each outcome.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
}

/// The audit lines of a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorEvents {
    /// Those that can be read.
    pub events: Vec<OperatorEvent>,
    /// How many cannot be read.
    pub unreadable: usize,
}

/// How far a change came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeStage {
    /// It began. It may be in progress, or the command was ended from outside.
    Started,
    /// It is done.
    Done,
    /// It failed.
    Failed,
}

/// The key of a stored audit line.
pub struct EventKey(Item);

impl ChangeStage {
    /// Returns the value of the attribute `outcome`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Operator {
    /// Writes a new audit line, and returns its key.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn begin_event(&self, event: &OperatorEvent) -> Result<EventKey, StoreError> {
        let sk = format!("{}#{}", time(event.at), hex::encode(random::<8>()));
        let key = key(pk(event.at), &sk);
        self.put_event(&key, event, "attribute_not_exists(pk)").await?;
        Ok(EventKey(key))
    }

    /// Replaces an audit line when its change has ended. Does nothing if the line is not there any more.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn end_event(&self, key: &EventKey, event: &OperatorEvent) -> Result<(), StoreError> {
        self.put_event(&key.0, event, "attribute_exists(pk)").await
    }

    async fn put_event(&self, key: &Item, event: &OperatorEvent, condition: &str) -> Result<(), StoreError> {
        let mut item: Item = serde_dynamo::to_item(event).map_err(StoreError::unstorable)?;
        item.insert("expires_at".to_owned(), number(event.at.plus(KEPT).secs()));
        item.extend(key.clone());
        let put = self.client.put_item().table_name(&self.store.table).set_item(Some(item));
        match put.condition_expression(condition).send().await {
            Ok(_) => Ok(()),
            // A write that was sent twice finds its own line. The end of a change may find that TTL removed
            // the line.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the audit lines of changes that began in this time, in the order in which they began. `until`
    /// is not a part of it. Lines that cannot be read are only counted.
    ///
    /// # Errors
    /// If the table cannot be reached.
    pub async fn events(&self, from: Timestamp, until: Timestamp) -> Result<OperatorEvents, StoreError> {
        let mut found = OperatorEvents { events: Vec::new(), unreadable: 0 };
        let mut day = from;
        while day < until {
            let query = self
                .client
                .query()
                .table_name(&self.store.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :until")
                .expression_attribute_values(":pk", AttributeValue::S(pk(day)))
                .expression_attribute_values(":from", text(&time(from)))
                .expression_attribute_values(":until", text(&time(until)))
                .consistent_read(true);
            let mut items = query.into_paginator().items().send();
            while let Some(item) = items.try_next().await? {
                match serde_dynamo::from_item(item) {
                    Ok(event) => found.events.push(event),
                    Err(_) => found.unreadable += 1,
                }
            }
            day = Timestamp::from_millis((day.millis() / DAY_MILLIS + 1) * DAY_MILLIS);
        }
        Ok(found)
    }
}

/// Returns the partition key of the lines of a day (UTC).
fn pk(at: Timestamp) -> String {
    format!("OPERATOR#{}", time(at).split('T').next().unwrap_or_default())
}

fn time(at: Timestamp) -> String {
    at.iso8601().unwrap_or_else(|| "9999-12-31T23:59:59.999Z".to_owned())
}
