//! Mail by Amazon SES, version 2 of its API.

use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::{SendEmail, SendEmailError, SendEmailInput, SendEmailOutput};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};

use super::{Mail, MailAddress, SendError};
use crate::aws::{Aws, CallError, Operation, Service};
use crate::config::{endpoint, region};
use crate::environment::Environment;
use crate::error::StartError;

/// Sends mail by SES.
pub struct Ses {
    service: Service,
    from: MailAddress,
}

impl Operation for SendEmail {
    type Input = SendEmailInput;
    type Output = SendEmailOutput;
    type Error = SendEmailError;

    fn new() -> Self {
        Self::new()
    }
}

impl Ses {
    /// Makes a client of SES that sends from this address.
    ///
    /// # Errors
    /// If a variable is missing or malformed, or if TLS cannot be set up.
    pub fn from_env(env: &Environment, from: MailAddress) -> Result<Self, StartError> {
        let aws = Aws::in_region(env, region(env)?)?;
        Ok(Self { service: aws.ses(endpoint(env, "AWS_ENDPOINT_URL_SESV2")?), from })
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// If SES refuses it, or does not answer in time. It may have been sent if there was no answer.
    pub async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let input = self.input(mail).map_err(|_| SendError::new("SES: the mail cannot be written"))?;
        self.service.call::<SendEmail>(input).await.map(|_| ()).map_err(|error| refused(&error))
    }

    fn input(&self, mail: &Mail) -> Result<SendEmailInput, BuildError> {
        let content = |data: &str| Content::builder().data(data).charset("UTF-8").build();
        let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
        let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
        SendEmailInput::builder()
            .from_email_address(self.from.as_str())
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(EmailContent::builder().simple(message).build())
            .build()
    }
}

/// Returns the error code alone. SES's message may hold the recipient's address.
fn refused(error: &CallError<SendEmail>) -> SendError {
    match error.code() {
        Some(code) => SendError::new(format!("SES refuses the mail: {code}")),
        None if matches!(error, SdkError::TimeoutError(_)) => SendError::new("SES does not answer in time"),
        None => SendError::new("SES does not answer"),
    }
}
