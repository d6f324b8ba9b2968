//! The queue of the mailer. The operator puts messages on it as the functions do.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{DisplayErrorContext, ProvideErrorMetadata};
use postern::environment::Environment;
use postern::local_endpoint::{self, LocalService};
use postern::mail::MailMessage;

use crate::connect::Connection;
use crate::output::{Exit, Failure};
use crate::sdk::{self, service_config};
use crate::target::Target;

/// The queue of the mailer.
pub struct MailQueue {
    client: Client,
    url: String,
}

impl MailQueue {
    /// Finds the queue of a deployment: that of the stack, that of `cargo run`, or the one of `MAIL_QUEUE_URL`.
    ///
    /// # Errors
    /// If the deployment sends no mail, or if nothing names the queue.
    pub async fn find(target: &Target, connection: &Connection) -> Result<Self, Failure> {
        let env = Environment::of_process();
        if target.local {
            let found = local_endpoint::read(&env, LocalService::MailQueue);
            let (url, _) = found.ok_or_else(|| {
                Failure::new(
                    Exit::NotFound,
                    "there is no `cargo run` with a mailer on this machine: start it first",
                )
            })?;
            return Ok(Self::at(&sdk::config(target, true).await?, Some(url.clone()), url));
        }
        let url = match &connection.stack {
            Some(stack) => stack.mail_queue().await?.ok_or_else(|| {
                let message = format!(
                    "the stack {} sends no mail: deploy it with the parameter MailFrom, the address of the sender",
                    stack.name
                );
                Failure::new(Exit::Refused, message)
            })?,
            None => env.optional("MAIL_QUEUE_URL").map(str::to_owned).ok_or_else(|| {
                Failure::usage(
                    "which queue? Name the stack with --stack or POSTERN_STACK, or the queue of the mailer with \
                     MAIL_QUEUE_URL",
                )
            })?,
        };
        let (aws, endpoint) = service_config(target, "AWS_ENDPOINT_URL_SQS").await?;
        Ok(Self::at(&aws, endpoint, url))
    }

    fn at(aws: &aws_config::SdkConfig, endpoint: Option<String>, url: String) -> Self {
        let mut config = aws_sdk_sqs::config::Builder::from(aws);
        config.set_endpoint_url(endpoint);
        Self { client: Client::from_conf(config.build()), url }
    }

    /// Puts a message on the queue.
    ///
    /// # Errors
    /// If SQS refuses it, or cannot be reached.
    pub async fn send(&self, message: &MailMessage) -> Result<(), Failure> {
        let url = &self.url;
        let body = serde_json::to_string(message)
            .map_err(|error| Failure::new(Exit::Failed, "the message cannot be written").caused_by(error))?;
        let sent = self.client.send_message().queue_url(url).message_body(body).send().await;
        let Err(error) = sent else { return Ok(()) };
        let message = error.message().unwrap_or("no message");
        Err(match error.code() {
            Some(code) if code.starts_with("AccessDenied") => Failure::new(
                Exit::Failed,
                format!(
                    "there is no permission to send mail: allow sqs:SendMessage on {url}. SQS says: {message}"
                ),
            ),
            Some(code) => {
                Failure::new(Exit::Failed, format!("the queue {url} takes no message: {code}: {message}"))
            }
            None => Failure::unavailable(&format!("SQS cannot be reached: {}", DisplayErrorContext(&error))),
        })
    }
}
