//! Prints mails as they are sent.

use std::sync::Arc;

use super::{Mailbox, SentMail};

/// Prints each mail from now on.
pub async fn print(mailbox: Arc<Mailbox>) {
    let mut sent = mailbox.follow();
    let mut printed = *sent.borrow_and_update();
    while sent.changed().await.is_ok() {
        let now = *sent.borrow_and_update();
        let mails = mailbox.read();
        let new = usize::try_from(now - printed).unwrap_or(usize::MAX).min(mails.len());
        mails[mails.len() - new..].iter().for_each(|mail| println!("{}", lines(mail)));
        printed = now;
    }
}

fn lines(mail: &SentMail) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("\n    {line}") };
    let text: String = mail.text.lines().map(line).collect();
    format!("Mail to {}: {}{text}\n", mail.to, mail.subject)
}
