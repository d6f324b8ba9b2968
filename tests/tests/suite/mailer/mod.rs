//! The mailer: which messages of its queue become mails, and what the mails say.

mod delivery;
mod recipients;
mod smtp;

use postern::mail::{MailKind, MailMessage};
use postern::password_reset::{CodeOwner, ResetCode};
use postern_local::mail::SentMail;
use postern_tests::deployment::Deployment;

use crate::support::raw;

/// The user johndoe.
const JOHNDOE: CodeOwner = CodeOwner::User(1);

/// Puts a message on the queue, as the routes do.
fn ask(deployment: &Deployment, contract: &str, kind: MailKind, owner: &CodeOwner) -> MailMessage {
    let message = MailMessage::new(contract, kind, owner.clone(), deployment.now());
    deployment.mail_services.queue.put(serde_json::to_string(&message).unwrap());
    message
}

/// The code in a mail: the last word of six digits, or what comes after the `=` of the link.
fn code(mail: &SentMail) -> String {
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
    let digits = mail.text.split_whitespace().rfind(is_code);
    let link = || mail.text.split_whitespace().find_map(|word| word.split_once("_code="));
    digits.map_or_else(|| link().expect("a code").1.to_owned(), str::to_owned)
}

/// Whether this is the code that is alive.
async fn is_alive(deployment: &Deployment, contract: &str, owner: &CodeOwner, code: &str) -> bool {
    let keys = deployment.app.keys().current();
    let digest = keys.recovery.digest_reset_code(contract, owner, &ResetCode::of(code));
    stored(deployment, contract, owner).await.is_some_and(|stored| stored == digest)
}

/// The digest that is stored for an owner, if there is one.
async fn stored(deployment: &Deployment, contract: &str, owner: &CodeOwner) -> Option<String> {
    let item = raw::item(deployment, &format!("RESET#{owner}"), contract).await?;
    Some(item["digest"].as_s().unwrap().clone())
}
