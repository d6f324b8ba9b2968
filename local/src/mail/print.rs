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

/// Returns what is printed of a mail. A control character could change what the terminal shows, and anybody on this
/// machine can send a mail.
fn lines(mail: &SentMail) -> String {
    let shown = |text: &str| text.replace(char::is_control, "\u{fffd}");
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("\n    {}", shown(line)) };
    let text: String = mail.text.lines().map(line).collect();
    format!("Mail to {}: {}{text}\n", shown(&mail.to), shown(&mail.subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_not_printed() {
        let mail = SentMail {
            from: String::new(),
            to: "a\u{1b}[2J@example.com".to_owned(),
            subject: "one\r\ntwo\u{9b}31m".to_owned(),
            text: "first\r\n\r\nlast\u{1b}]0;title\u{7}\u{8}\n".to_owned(),
            html: String::new(),
        };
        assert_eq!(
            lines(&mail),
            "Mail to a\u{fffd}[2J@example.com: one\u{fffd}\u{fffd}two\u{fffd}31m\
             \n    first\n\n    last\u{fffd}]0;title\u{fffd}\u{fffd}\n"
        );
    }
}
