//! Mail by SMTP.

use std::time::Duration;

use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use postern::environment::ConfigError;
use postern::mail::{Mail, MailAddress, SendError};
use postern::random::random;
use tokio::time::timeout;
use url::Url;

/// How long the server may take for one mail, the connection included.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends mail by an SMTP server.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Makes a client of the server with this URL. The URL may hold a password, so no error shows it.
    ///
    /// # Errors
    /// If the URL is malformed, or if its server is not on this machine and TLS is not required.
    pub(super) fn new(url: &str, from: MailAddress) -> Result<Self, ConfigError> {
        let wrong = |problem: &str| ConfigError::new("MAIL_SMTP_URL", problem);
        let parsed = Url::parse(url).ok();
        if !parsed.is_some_and(|url| is_encrypted(&url) || is_this_machine(&url)) {
            return Err(wrong(
                "must be smtps://user:password@host, or smtp://user:password@host?tls=required",
            ));
        }
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| wrong("is no URL of an SMTP server"))?;
        let transport = builder.timeout(Some(SEND_TIMEOUT)).build();
        let from = mailbox(&from).map_err(|_| ConfigError::new("MAIL_FROM", "is no address for SMTP"))?;
        Ok(Self { transport, from })
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// If the server refuses it, or does not answer in time. It may have been sent if there was no answer.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = self.message(mail)?;
        match timeout(SEND_TIMEOUT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(SendError::new("the SMTP server does not answer in time")),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, SendError> {
        let unwritable = || SendError::new("SMTP: the mail cannot be written");
        let id = format!("<{}@{}>", hex::encode(random::<16>()), self.from.email.domain());
        Message::builder()
            .message_id(Some(id))
            .from(self.from.clone())
            .to(mailbox(&mail.to).map_err(|_| unwritable())?)
            .subject(&mail.subject)
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| unwritable())
    }
}

/// Returns whether a connection to this server is encrypted, or fails.
fn is_encrypted(url: &Url) -> bool {
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    url.scheme() == "smtps" || tls.is_some_and(|(_, value)| value == "required")
}

fn is_this_machine(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
}

fn mailbox(address: &MailAddress) -> Result<Mailbox, lettre::address::AddressError> {
    Ok(Mailbox::new(None, address.as_str().parse::<Address>()?))
}

/// Returns the reply code alone. The text of a reply may hold the recipient's address.
fn refused(error: &Error) -> SendError {
    SendError::new(match error.status() {
        Some(code) => format!("the SMTP server refuses the mail: {code}"),
        None if error.is_tls() => "no TLS connection to the SMTP server".to_owned(),
        None => "the SMTP server does not answer".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_elsewhere_is_used_only_with_tls() {
        let made = |url: &str| Smtp::new(url, MailAddress::parse("no-reply@example.com").unwrap());
        for good in [
            "smtps://user:secret@mail.example.com",
            "smtp://user:secret@mail.example.com:587?tls=required",
            "smtp://127.0.0.1:1025",
            "smtp://localhost:1025",
        ] {
            assert!(made(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "mail.example.com",
            "smtp://user:secret@mail.example.com",
            "smtp://user:secret@mail.example.com?tls=opportunistic",
            "smtp://user:secret@mail.example.com?tls=none",
            "smtp://127.0.0.1:secret@mail.example.com",
            "smtp://localhost.example.com",
            "https://user:secret@127.0.0.1",
        ] {
            let error = made(bad).err().unwrap_or_else(|| panic!("{bad} is used"));
            assert_eq!(error.variable, "MAIL_SMTP_URL");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
