//! SQS and SES on this machine: the queue of the mailer, and the mailbox into which it sends.
//!
//! The functions call them by their real clients. What is on the queue is handed to the mailer as Lambda does
//! it, in events of SQS.

mod mailbox;
mod print;
mod queue;
mod ses;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Router, middleware};
use lambda_http::Context;
use lambda_http::lambda_runtime::LambdaEvent;
use postern::environment::Environment;
use serde_json::{Value, json};
use tokio::time::sleep;

pub use self::mailbox::{Mailbox, SentMail};
pub use self::print::print;
pub use self::queue::{Message, Queue};
pub use self::ses::Answer;
use self::ses::Ses;
use crate::dynamodb::{StartError, listen};
use crate::functions::Handler;
use crate::guard::refuse_web_pages;

/// How long a message that failed waits. A deployment waits longer.
const PAUSE_AFTER_A_FAILURE: Duration = Duration::from_secs(5);

/// The queue of the mailer, and SES with its mailbox, on one port of the loopback interface.
#[derive(Clone)]
pub struct MailServices {
    endpoint: String,
    /// The queue.
    pub queue: Arc<Queue>,
    /// The mails that were sent.
    pub mailbox: Arc<Mailbox>,
    ses: Arc<Ses>,
}

impl MailServices {
    /// Starts both on a free port.
    ///
    /// # Errors
    /// If no port can be used.
    pub async fn start() -> Result<Self, StartError> {
        let listener = listen(Ipv4Addr::LOCALHOST.into(), 0, "another port").await?;
        let address = listener.local_addr().map_err(|error| StartError(error.to_string()))?;
        let (queue, mailbox) = (Arc::<Queue>::default(), Arc::<Mailbox>::default());
        let ses = Arc::new(Ses::new(Arc::clone(&mailbox)));
        // SQS takes every operation at one path, and SES has a path for each.
        let router = Router::new()
            .route("/v2/email/outbound-emails", post(ses::send_email).with_state(Arc::clone(&ses)))
            .fallback_service(post(queue::send_message).with_state(Arc::clone(&queue)))
            .layer(middleware::from_fn(refuse_web_pages));
        // It ends with the process.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { endpoint: format!("http://{address}"), queue, mailbox, ses })
    }

    /// Returns the URL of both services.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Adds what the functions and the mailer need. A sender, a language or a page that is set stays.
    pub fn environment(&self, env: Environment) -> Environment {
        const DEFAULTS: [(&str, &str); 2] = [
            ("MAIL_FROM", "no-reply@example.com"),
            ("ACCOUNT_RESET_URL", "https://app.example.com/reset-password#validation_code={code}"),
        ];
        let env = DEFAULTS.into_iter().fold(env, |env, (name, value)| match env.optional(name) {
            Some(_) => env,
            None => env.with(name, value),
        });
        env.with("MAIL_QUEUE_URL", format!("{}/000000000000/mail", self.endpoint))
            .with("AWS_ENDPOINT_URL_SQS", &self.endpoint)
            .with("AWS_ENDPOINT_URL_SESV2", &self.endpoint)
    }

    /// Makes SES answer so from now on.
    pub fn answer(&self, answer: Answer) {
        self.ses.answer(answer);
    }

    /// Hands these messages to the mailer, in one event. Those that fail go back to the queue.
    pub async fn deliver(&self, mailer: &Handler, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let records: Vec<_> = messages.iter().map(Message::record).collect();
        let event = LambdaEvent::new(json!({"Records": records}), Context::default());
        let reply = mailer(event).await;
        let failures = reply.as_ref().ok().map(|reply| &reply["batchItemFailures"]);
        let has_failed = |message: &Message| match failures.and_then(Value::as_array) {
            Some(failures) => failures.iter().any(|failed| failed["itemIdentifier"] == message.id),
            None => true,
        };
        self.queue.put_back(messages.into_iter().filter(has_failed));
    }

    /// Hands every message to the mailer as soon as it is on the queue, and one that failed a little later.
    pub async fn run(&self, mailer: &Handler) {
        loop {
            self.queue.arrived().await;
            self.deliver(mailer, self.queue.take()).await;
            if !self.queue.is_empty() {
                sleep(PAUSE_AFTER_A_FAILURE).await;
            }
        }
    }
}
