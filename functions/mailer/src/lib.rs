//! The mailer: sends the mails that the other functions ask for. They put messages on a queue of SQS, and have
//! no right to send mail. A message holds no address and no code: the mailer reads the user and makes the code.
//!
//! | what | file |
//! |---|---|
//! | the event of SQS, and the reply to it | `queue_event.rs` |
//! | `MAIL_…` and the URLs in mails | `settings.rs` |
//! | the texts in `templates/`, and how they are filled in | `text.rs` |
//! | mail by SMTP. Mail by SES is in `shared/src/mail/` | `smtp.rs` |
//!
//! SQS may deliver a message twice, so each message is leased by its id. A message that fails is a failure of
//! its own in the reply. SQS delivers it again, and after five times puts it on the dead-letter queue.

mod queue_event;
mod settings;
mod smtp;
mod text;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use lambda_http::lambda_runtime::LambdaEvent;
use postern::App;
use postern::app::{MailTask, until_step};
use postern::clock::{Timestamp, now};
use postern::environment::Environment;
use postern::error::{Causes, StartError};
use postern::mail::{Mail, MailMessage, SendError, Ses, smtp_url};
use serde_json::value::RawValue;
use tokio::time::{sleep_until, timeout_at};

use self::queue_event::QueueEvent;
pub use self::queue_event::{BatchReply, NotAQueueEvent};
use self::settings::{Settings, TransportKind};
use self::smtp::Smtp;
use self::text::{Contract, Language};

/// How long one invocation may take if Lambda does not say when it ends.
const LONGEST_WORK: Duration = Duration::from_secs(20);
/// The part of Lambda's time-out that is kept for the reply.
const TIME_FOR_THE_REPLY: Duration = Duration::from_millis(500);
/// The step on which an event ends, whether mails are sent or not. Otherwise the messages behind it would wait
/// longer for a user than for an unknown name, and somebody who waits for a mail of their own could measure
/// that. A mail that takes longer ends on a later step.
const SES_STEP: Duration = Duration::from_millis(500);
/// The same for SMTP, which takes several round trips for a mail.
const SMTP_STEP: Duration = Duration::from_secs(2);

/// The mailer, ready to send.
pub struct Mailer {
    settings: Settings,
    transport: Transport,
    step: Duration,
}

/// How mail is sent.
enum Transport {
    Ses(Ses),
    Smtp(Smtp),
}

impl Mailer {
    /// Reads the settings, and the URL of the SMTP server if there is one.
    ///
    /// # Errors
    /// If a variable is missing or malformed, if the secret that it names cannot be read, or if TLS cannot be
    /// set up.
    pub async fn start(env: &Environment) -> Result<Self, StartError> {
        let settings = Settings::from_env(env)?;
        let from = settings::from(env)?;
        let (transport, step) = match settings.transport {
            TransportKind::Ses => (Transport::Ses(Ses::from_env(env, from)?), SES_STEP),
            TransportKind::Smtp => (Transport::Smtp(Smtp::new(&smtp_url(env).await?, from)?), SMTP_STEP),
        };
        Ok(Self { settings, transport, step })
    }

    /// Returns the same mailer, whose events do not wait for a step: for a machine on which nobody measures
    /// the queue.
    #[must_use]
    pub fn without_steps(self) -> Self {
        Self { step: Duration::ZERO, ..self }
    }

    async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        match &self.transport {
            Transport::Ses(ses) => ses.send(mail).await,
            Transport::Smtp(smtp) => smtp.send(mail).await,
        }
    }

    /// Does what a message asks for, until the deadline. Returns why it has to be delivered again if it fails.
    async fn deliver(&self, app: &App, body: &str, deadline: Instant) -> Result<(), String> {
        let message = MailMessage::read(body);
        let known = message.and_then(|message| Some((Contract::of(&message.contract)?, message)));
        let (contract, message) = known.ok_or("it is no message of Postern")?;
        let done = timeout_at(deadline.into(), self.do_task(app, contract, &message)).await;
        done.unwrap_or_else(|_| Err("no time is left".to_owned()))
    }

    async fn do_task(&self, app: &App, contract: Contract, message: &MailMessage) -> Result<(), String> {
        let order = app.mail_task(message, contract.code_form()).await;
        match order.map_err(|error| Causes(&error).to_string())? {
            MailTask::Nothing => {}
            MailTask::Send { to, username, code } => {
                let mail = text::write(&self.settings, contract, message.kind, to, &username, code.as_ref());
                self.send(&mail).await.map_err(|error| error.to_string())?;
                app.mail_is_done(message, "sent").await;
            }
        }
        Ok(())
    }
}

/// Handles an event of SQS: all of its messages at once. Of two codes for one user, that of the later request
/// is valid, whichever message comes first. The event ends on a step.
///
/// # Errors
/// If the event is not one of SQS. Then SQS delivers all of its messages again.
pub async fn handle(
    app: &App,
    mailer: &Mailer,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<BatchReply, NotAQueueEvent> {
    let began = Instant::now();
    let deadline = began + time_left(event.context.deadline);
    let records = QueueEvent::read(event.payload.get())?.records;
    let outcomes = join_all(records.iter().map(|record| mailer.deliver(app, &record.body, deadline))).await;
    let mut failed = Vec::new();
    for (record, outcome) in records.into_iter().zip(outcomes) {
        if let Err(cause) = outcome {
            tracing::error!(message_id = record.message_id, cause, "a message of the queue failed");
            failed.push(record.message_id);
        }
    }
    let step = Instant::now() + until_step(began.elapsed(), mailer.step);
    sleep_until(step.min(deadline).into()).await;
    Ok(BatchReply::of(failed))
}

/// Returns how long the work may take. `deadline` is the time at which Lambda ends the function, in
/// milliseconds since the epoch, or 0 if it is not known.
fn time_left(deadline: u64) -> Duration {
    if deadline == 0 {
        return LONGEST_WORK;
    }
    Timestamp::from_millis(deadline).since(now()).saturating_sub(TIME_FOR_THE_REPLY)
}
