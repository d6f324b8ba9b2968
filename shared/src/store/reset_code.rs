//! The codes that reset a forgotten password: one item for each owner and contract. A new code replaces the
//! item.

use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::Deserialize;

use super::update::{Update, Updated, Written};
use super::{Item, Store, StoreError, key, number, text};
use crate::clock::Timestamp;
use crate::mail::MailMessage;
use crate::password_reset::{CodeOwner, MAX_TRIES};

/// A code as the table stores it.
#[derive(Clone, Deserialize)]
pub struct StoredCode {
    /// [`RecoveryKey::digest_reset_code`](crate::second_factor::RecoveryKey::digest_reset_code) of the code.
    pub digest: String,
    /// The user's epoch when the code was made. A code does not outlive it.
    pub epoch: u64,
    /// [`RecoveryKey::digest_mailbox`](crate::second_factor::RecoveryKey::digest_mailbox) of the e-mail address
    /// that it was sent to. A code is not valid for a user whose address was changed since.
    pub sent_to: String,
}

/// Whether a code may be tried.
#[must_use]
pub(crate) enum CodeTry {
    /// It may be tried. The try is counted.
    Admitted(StoredCode),
    /// It is another code than the one that was asked for. No try is counted.
    Other,
    /// It was tried too often.
    UsedUp,
    /// There is no code, or it has expired.
    NoCode,
}

impl Store {
    /// Puts the code of a message in place of the earlier one of the same owner and contract. Is refused if the
    /// code of a later request is alive.
    pub(crate) async fn put_reset_code(
        &self,
        message: &MailMessage,
        code: &StoredCode,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        // The write may be sent again after its reply was lost. Then it meets its own code, whose tries must stay.
        let put = PutItemInput::builder()
            .table_name(&self.table)
            .set_item(Some(reset_code_item(message, code, expires_at)))
            .condition_expression(
                "attribute_not_exists(pk) OR expires_at <= :now OR asked_at <= :asked_at AND digest <> :digest",
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_values(":now", number(now.secs()))
            .expression_attribute_values(":asked_at", number(message.asked_at.millis()))
            .expression_attribute_values(":digest", text(&code.digest));
        match self.dynamodb.put_item(put).await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let there = refused.item.as_ref().and_then(|item| item.get("digest"));
                    Ok(if there == Some(&text(&code.digest)) { Written::Done } else { Written::Refused })
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Puts the code of a message that is delivered again. While the code that the message had is alive, the new
    /// one keeps its tries and its expiry, so no delivery gives more guesses.
    pub(crate) async fn put_reset_code_again(
        &self,
        message: &MailMessage,
        code: &StoredCode,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let replace = Update::of(reset_code_key(&message.owner, &message.contract))
            .set("digest", text(&code.digest))
            .set("epoch", number(code.epoch))
            .set("sent_to", text(&code.sent_to))
            .when("message = :message AND expires_at > :now")
            .value(":message", text(&message.id))
            .value(":now", number(now.secs()));
        match self.update(replace).await?.written() {
            Written::Done => Ok(Written::Done),
            Written::Refused => self.put_reset_code(message, code, expires_at, now).await,
        }
    }

    /// Counts a try of the code of this owner and contract, and returns the code. If a digest is given, only
    /// the code with this digest is tried.
    pub(crate) async fn try_reset_code(
        &self,
        owner: &CodeOwner,
        contract: &str,
        digest: Option<&str>,
        now: Timestamp,
    ) -> Result<CodeTry, StoreError> {
        let mut update = Update::of(reset_code_key(owner, contract))
            .add("tries", number(1))
            .when("tries < :most AND expires_at > :now")
            .value(":most", number(MAX_TRIES))
            .value(":now", number(now.secs()))
            .returning(ReturnValue::AllNew)
            .returning_refused();
        if let Some(digest) = digest {
            update = update.when("digest = :digest").value(":digest", text(digest));
        }
        match self.update(update).await? {
            Updated::Done(item) => decode(item).map(|(code, _)| CodeTry::Admitted(code)),
            Updated::Refused(item) if item.is_empty() => Ok(CodeTry::NoCode),
            Updated::Refused(item) => {
                let (code, expires_at) = decode(item)?;
                Ok(match digest {
                    _ if expires_at <= now.secs() => CodeTry::NoCode,
                    Some(digest) if digest != code.digest => CodeTry::Other,
                    _ => CodeTry::UsedUp,
                })
            }
        }
    }

    /// Takes a try of the code with this digest back.
    pub(crate) async fn return_try(
        &self,
        owner: &CodeOwner,
        contract: &str,
        digest: &str,
    ) -> Result<(), StoreError> {
        let update = Update::of(reset_code_key(owner, contract))
            .add("tries", number(-1))
            .when("digest = :digest AND tries > :zero")
            .value(":digest", text(digest))
            .value(":zero", number(0));
        self.update(update).await.map(|_| ())
    }
}

/// Returns a code, and when it expires, in seconds.
fn decode(item: Item) -> Result<(StoredCode, u64), StoreError> {
    #[derive(Deserialize)]
    struct Stored {
        #[serde(flatten)]
        code: StoredCode,
        expires_at: u64,
    }
    let stored: Stored = serde_dynamo::from_item(item).map_err(|_| StoreError::unreadable("reset code"))?;
    Ok((stored.code, stored.expires_at))
}

fn reset_code_item(message: &MailMessage, code: &StoredCode, expires_at: Timestamp) -> Item {
    let mut item = reset_code_key(&message.owner, &message.contract);
    item.insert("digest".to_owned(), text(&code.digest));
    item.insert("epoch".to_owned(), number(code.epoch));
    item.insert("message".to_owned(), text(&message.id));
    item.insert("asked_at".to_owned(), number(message.asked_at.millis()));
    item.insert("sent_to".to_owned(), text(&code.sent_to));
    item.insert("tries".to_owned(), number(0));
    item.insert("expires_at".to_owned(), number(expires_at.secs()));
    item
}

fn reset_code_key(owner: &CodeOwner, contract: &str) -> Item {
    key(format!("RESET#{owner}"), contract)
}
