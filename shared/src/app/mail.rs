//! What the mailer does for a message of its queue: it makes a code, stores the code's digest, and finds out
//! to whom the mail goes. The mailer writes the mail and sends it.

use thiserror::Error;

use super::{App, log_failure};
use crate::identity::{Status, UserRecord};
use crate::mail::{MailAddress, MailKind, MailMessage};
use crate::password_reset::{CodeForm, CodeOwner, ResetCode};
use crate::random::random;
use crate::store::{MailLease, StoreError, StoredCode, Written};

/// What the mailer has to do for a message.
pub enum MailTask {
    /// A mail has to be sent, and then [`App::mail_is_done`] has to be called.
    Send {
        /// Where to.
        to: MailAddress,
        /// The username of the user who gets it.
        username: String,
        /// The new code, if the mail is about one.
        code: Option<ResetCode>,
    },
    /// Nobody gets a mail: the message is done.
    Nothing,
}

/// Why a message has to be delivered again.
#[derive(Debug, Error)]
pub enum NotDelivered {
    /// Another invocation works on it.
    #[error("another invocation works on this message")]
    Leased,
    /// The table cannot be reached, or holds a user that cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a mail is sent, as the log shows it.
enum Recipient {
    Found(MailAddress, Box<UserRecord>),
    None(&'static str),
}

impl App {
    /// Returns what has to be done for a message. If it asks for a code, the new one replaces the earlier one
    /// of the same owner and contract. If a message is delivered again, its new code keeps the tries of the one
    /// before. If the code of a later request is alive, there is nothing to do. If nobody can get the code, a digest that no code has takes its place: so an unknown name, and a user to whom no mail can be
    /// sent, behave as every user does.
    ///
    /// # Errors
    /// If another invocation works on the message, if the table cannot be reached, or if it holds a user that
    /// cannot be read.
    pub async fn mail_task(&self, message: &MailMessage, form: CodeForm) -> Result<MailTask, NotDelivered> {
        let now = self.now();
        let is_first = match self.store.lease_mail(&message.id, &hex::encode(random::<16>()), now).await? {
            MailLease::First => true,
            MailLease::Again => false,
            MailLease::Done => return Ok(MailTask::Nothing),
            MailLease::Held => return Err(NotDelivered::Leased),
        };
        self.keys.reload_if_old(now).await;
        let user = match &message.owner {
            CodeOwner::User(id) => self.store.user(*id).await?,
            CodeOwner::Name(_) => self.store.read_no_user().await.map(|()| None)?,
        };
        let epoch = user.as_ref().map_or(0, |user| user.epoch);
        let recipient = recipient(user, message.kind);
        let code = (message.kind == MailKind::ResetCode).then(|| ResetCode::random(form, &message.owner));
        if let Some(code) = &code {
            let stored = match &recipient {
                Recipient::Found(_, user) => {
                    let key = &self.keys.current().recovery;
                    StoredCode {
                        digest: key.digest_reset_code(&message.contract, &message.owner, code),
                        epoch,
                        sent_to: key.digest_mailbox(&user.email),
                    }
                }
                Recipient::None(_) => {
                    let [digest, sent_to] = [hex::encode(random::<32>()), hex::encode(random::<32>())];
                    StoredCode { digest, epoch, sent_to }
                }
            };
            let expires_at = now.plus(form.lifetime());
            let written = match is_first {
                true => self.store.put_reset_code(message, &stored, expires_at, now).await,
                false => self.store.put_reset_code_again(message, &stored, expires_at, now).await,
            };
            if written? == Written::Refused {
                self.mail_is_done(message, "superseded").await;
                return Ok(MailTask::Nothing);
            }
        }
        match recipient {
            Recipient::Found(to, user) => Ok(MailTask::Send { to, username: user.username, code }),
            Recipient::None(reason) => {
                self.mail_is_done(message, reason).await;
                Ok(MailTask::Nothing)
            }
        }
    }

    /// Records that a message is done, and logs the outcome. If the record fails, SQS may deliver the message
    /// once more, and then the user gets a second mail.
    pub async fn mail_is_done(&self, message: &MailMessage, outcome: &str) {
        let recorded = self.store.record_mail(&message.id, self.now()).await;
        log_failure(recorded, "a message of the mailer may be delivered twice");
        let user_id = match &message.owner {
            CodeOwner::User(id) => Some(id),
            CodeOwner::Name(_) => None,
        };
        let (contract, kind) = (message.contract.as_str(), message.kind.as_str());
        tracing::info!(contract, kind, user_id, outcome, "mail");
    }
}

/// Returns who gets a mail of this kind, or why nobody does. A user who may not sign in gets no code.
fn recipient(user: Option<UserRecord>, kind: MailKind) -> Recipient {
    let Some(user) = user else { return Recipient::None("unknown_user") };
    if kind == MailKind::ResetCode && user.status != Status::Active {
        return Recipient::None("not_active");
    }
    match MailAddress::parse(&user.email) {
        Some(address) => Recipient::Found(address, Box::new(user)),
        None => Recipient::None("no_email_address"),
    }
}
