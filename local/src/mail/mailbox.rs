//! The mailbox: what the mailer has sent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

/// How many mails are kept.
const KEPT: usize = 100;

/// A mail as SES got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// The sender.
    pub from: String,
    /// The only recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

/// The latest mails.
#[derive(Default)]
pub struct Mailbox {
    mails: Mutex<VecDeque<SentMail>>,
    /// How many mails were ever sent.
    sent: watch::Sender<u64>,
}

impl SentMail {
    /// Reads a request of SES's operation SendEmail. Returns `None` if it has another form than the mailer's.
    pub(super) fn of_request(request: &Value) -> Option<Self> {
        let simple = &request["Content"]["Simple"];
        let text = |value: &Value| value["Data"].as_str().map(str::to_owned);
        let [to] = &request["Destination"]["ToAddresses"].as_array()?[..] else { return None };
        Some(Self {
            from: request["FromEmailAddress"].as_str()?.to_owned(),
            to: to.as_str()?.to_owned(),
            subject: text(&simple["Subject"])?,
            text: text(&simple["Body"]["Text"])?,
            html: text(&simple["Body"]["Html"])?,
        })
    }

    fn json(&self, number: u64) -> Value {
        let Self { from, to, subject, text, html } = self;
        json!({"number": number, "from": from, "to": to, "subject": subject, "text": text, "html": html})
    }
}

impl Mailbox {
    /// Adds a mail.
    pub(super) fn add(&self, mail: SentMail) {
        let mut mails = self.mails();
        if mails.len() == KEPT {
            mails.pop_front();
        }
        mails.push_back(mail);
        self.sent.send_modify(|sent| *sent += 1);
    }

    /// Returns the mails, the oldest first.
    pub fn read(&self) -> Vec<SentMail> {
        self.mails().iter().cloned().collect()
    }

    /// Returns the mails as JSON, the oldest first. The first mail that was ever sent has the number 1.
    pub fn json(&self) -> Value {
        let mails = self.mails();
        let before = *self.sent.borrow() - mails.len() as u64;
        mails.iter().zip(before + 1..).map(|(mail, number)| mail.json(number)).collect()
    }

    /// Takes the mails out, the oldest first.
    pub fn take(&self) -> Vec<SentMail> {
        self.mails().drain(..).collect()
    }

    /// Follows how many mails were ever sent.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.sent.subscribe()
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<SentMail>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_keeps_the_latest_mails_and_their_numbers() {
        let mailbox = Mailbox::default();
        for number in 1..=KEPT + 2 {
            let to = format!("{number}@example.com");
            let text = String::new;
            mailbox.add(SentMail { from: text(), to, subject: text(), text: text(), html: text() });
        }
        let mails = mailbox.json();
        assert_eq!(mails.as_array().map(Vec::len), Some(KEPT));
        assert_eq!((&mails[0]["number"], &mails[0]["to"]), (&json!(3), &json!("3@example.com")));
        assert_eq!(mailbox.take().len(), KEPT);
        assert_eq!(mailbox.json(), json!([]));
    }
}
