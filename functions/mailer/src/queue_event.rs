//! The event of SQS, and the reply that says which messages failed.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The messages of one invocation.
#[derive(Deserialize)]
pub(super) struct QueueEvent {
    #[serde(rename = "Records")]
    pub(super) records: Vec<Record>,
}

/// A message of the queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) message_id: String,
    #[serde(default)]
    pub(super) body: String,
}

/// The reply: the messages that SQS has to deliver again (`ReportBatchItemFailures`).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchReply {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// The event is not one of SQS. The error shows nothing of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the event is none of SQS; nothing was done")]
pub struct NotAQueueEvent;

impl QueueEvent {
    /// Decodes an event. It is decoded here and not by the runtime: if the runtime cannot decode an event, it
    /// logs it.
    pub(super) fn read(event: &str) -> Result<Self, NotAQueueEvent> {
        serde_json::from_str(event).map_err(|_| NotAQueueEvent)
    }
}

impl BatchReply {
    pub(super) fn of(failed: Vec<String>) -> Self {
        let failures = failed.into_iter().map(|item_identifier| ItemFailure { item_identifier });
        Self { batch_item_failures: failures.collect() }
    }
}
