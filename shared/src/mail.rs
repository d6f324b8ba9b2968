//! What a function asks the mailer to send, and mail itself. Functions put messages on a queue of SQS. They
//! have no right to send mail, and a message holds no address and no code.

mod address;
mod ses;
mod smtp_url;

use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_sqs::operation::send_message::{
    SendMessage, SendMessageError, SendMessageInput, SendMessageOutput,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::address::MailAddress;
pub use self::ses::Ses;
pub use self::smtp_url::smtp_url;
use crate::aws::{Aws, CallError, Operation, Service};
use crate::clock::Timestamp;
use crate::config::endpoint;
use crate::environment::{ConfigError, Environment, is_http_url};
use crate::password_reset::CodeOwner;
use crate::random::random;

/// A message to the mailer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailMessage {
    /// Random for each message. The mailer sends one mail for it, however often the message arrives.
    pub id: String,
    /// The name of the contract, which decides on the text.
    pub contract: String,
    /// What the mail is about.
    pub kind: MailKind,
    /// Who gets it.
    pub owner: CodeOwner,
    /// When it was asked for. The code of an older request does not replace that of a later one.
    pub asked_at: Timestamp,
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// A new code with which the user can reset the password.
    ResetCode,
    /// The password was reset.
    PasswordChanged,
}

/// A mail, ready to be sent. It has no `Debug`, because it may hold a code.
pub struct Mail {
    /// Who gets it.
    pub to: MailAddress,
    /// The subject, in one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// A mail was not sent, or nobody knows whether it was. The error never contains an address or a code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SendError(String);

/// The queue of the mailer, `MAIL_QUEUE_URL`.
#[derive(Clone)]
pub struct MailQueue {
    sqs: Service,
    url: String,
}

/// A message could not be put on the queue.
#[derive(Debug, Error)]
#[error("the queue of the mailer does not take a message")]
pub struct QueueError(#[source] Box<CallError<SendMessage>>);

impl Operation for SendMessage {
    type Input = SendMessageInput;
    type Output = SendMessageOutput;
    type Error = SendMessageError;

    fn new() -> Self {
        Self::new()
    }
}

impl MailMessage {
    /// Makes a message with a random id.
    pub fn new(contract: &str, kind: MailKind, owner: CodeOwner, asked_at: Timestamp) -> Self {
        Self { id: hex::encode(random::<16>()), contract: contract.to_owned(), kind, owner, asked_at }
    }

    /// Reads a message from the queue. Returns `None` if no function wrote it: then its parts may not fit
    /// into the keys of the table.
    pub fn read(body: &str) -> Option<Self> {
        let is_hex = |text: &str, bytes: usize| hex::decode(text).is_ok_and(|read| read.len() == bytes);
        let message: Self = serde_json::from_str(body).ok()?;
        let is_known = match &message.owner {
            CodeOwner::User(_) => true,
            CodeOwner::Name(digest) => is_hex(digest, 32),
        };
        (is_known && is_hex(&message.id, 16)).then_some(message)
    }
}

impl MailKind {
    /// Returns the name of the kind, as a message and a log line have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetCode => "reset_code",
            Self::PasswordChanged => "password_changed",
        }
    }
}

impl SendError {
    /// Makes an error of a text without an address and without a code.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl MailQueue {
    /// Reads the queue's URL. Returns `None` if there is none: then no mail is sent.
    ///
    /// # Errors
    /// If the URL is malformed.
    pub(crate) fn from_env(env: &Environment, aws: &Aws) -> Result<Option<Self>, ConfigError> {
        const VARIABLE: &str = "MAIL_QUEUE_URL";
        let Some(url) = env.optional(VARIABLE) else { return Ok(None) };
        if !is_http_url(url) {
            return Err(ConfigError::new(VARIABLE, "must be a URL that begins with http:// or https://"));
        }
        let endpoint = endpoint(env, "AWS_ENDPOINT_URL_SQS")?;
        Ok(Some(Self { sqs: aws.sqs(endpoint), url: url.to_owned() }))
    }

    /// Returns the same queue, called with these credentials.
    pub(crate) fn with_credentials(&self, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        Self { sqs: self.sqs.with_credentials(credentials), url: self.url.clone() }
    }

    /// Puts a message on the queue.
    ///
    /// # Errors
    /// If SQS refuses it, or does not answer in time.
    pub(crate) async fn send(&self, message: &MailMessage) -> Result<(), QueueError> {
        let failed = |error| QueueError(Box::new(error));
        let body = serde_json::to_string(message).map_err(SdkError::construction_failure).map_err(failed)?;
        let input = SendMessageInput::builder().queue_url(&self.url).message_body(body).build();
        let input = input.map_err(SdkError::construction_failure).map_err(failed)?;
        self.sqs.call::<SendMessage>(input).await.map_err(failed)?;
        Ok(())
    }
}
