//! Which messages the mailer has worked on. SQS may deliver a message twice, so the mailer leases each one.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;

use super::update::{Update, Updated};
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;

/// How long a lease holds. A message takes a few seconds, and SQS delivers one that failed after minutes.
const LEASE: Duration = Duration::from_secs(60);
/// How long a message is remembered: as long as the queue keeps it.
const KEPT: Duration = Duration::from_secs(4 * 24 * 3600);

/// Whether the mailer may work on a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum MailLease {
    /// It may, for [`LEASE`], and nobody has worked on it before.
    First,
    /// It may, for [`LEASE`]. An earlier delivery failed, or nobody knows how it ended.
    Again,
    /// Another invocation works on it, or ended while it did.
    Held,
    /// The message is done.
    Done,
}

impl Store {
    /// Leases the message with this id. `lease_id` is random for each delivery, so that a write that is sent
    /// again is recognised.
    pub(crate) async fn lease_mail(
        &self,
        id: &str,
        lease_id: &str,
        now: Timestamp,
    ) -> Result<MailLease, StoreError> {
        let update = Update::of(mail_key(id))
            .set("leased_at", number(now.millis()))
            .set("leased_by", text(lease_id))
            .set("expires_at", number(now.plus(KEPT).secs()))
            .add("leases", number(1))
            .when("attribute_not_exists(leased_at) OR attribute_not_exists(sent_at) AND leased_at <= :before")
            .value(":before", number(now.minus(LEASE).millis()))
            .returning(ReturnValue::AllNew)
            .returning_refused();
        let taken = |item: &Item| match item.get("leases") == Some(&number(1)) {
            true => MailLease::First,
            false => MailLease::Again,
        };
        Ok(match self.update(update).await? {
            Updated::Done(item) => taken(&item),
            Updated::Refused(item) if item.contains_key("sent_at") => MailLease::Done,
            Updated::Refused(item) if item.get("leased_by") == Some(&text(lease_id)) => taken(&item),
            Updated::Refused(_) => MailLease::Held,
        })
    }

    /// Records that the message with this id is done.
    pub(crate) async fn record_mail(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let update = Update::of(mail_key(id))
            .set("sent_at", number(now.millis()))
            .set("expires_at", number(now.plus(KEPT).secs()));
        self.update(update).await.map(|_| ())
    }
}

fn mail_key(id: &str) -> Item {
    key(format!("MAIL#{id}"), "MAIL")
}
