//! `postern user send-reset`.

use clap::{Args, ValueEnum};
use postern::clock::now;
use postern::identity::Status;
use postern::mail::{MailKind, MailMessage};
use postern::password_reset::CodeOwner;
use postern::store::operator::UserRecord;
use serde_json::json;

use super::describe::{about, briefly};
use super::user_arg::UserArg;
use crate::connect::Connection;
use crate::mail::MailQueue;
use crate::output::{Exit, Failure, Output, status_name};
use crate::target::Target;

/// The user who gets the mail.
#[derive(Args)]
#[command(after_help = "\
The password stays until the user has chosen another one. The user needs an e-mail address, and the stack a sender of
mails (MailFrom). The mail does not count for the limit of the mails that the user asks for. If another mail was sent
for the same contract, its code is no longer valid.

Examples:
  postern user send-reset johndoe
  postern user send-reset johndoe --contract session
  postern --local user send-reset johndoe          on `cargo run`, whose page shows the mail")]
pub struct SendReset {
    #[command(flatten)]
    user: UserArg,
    /// The contract whose client the user has. It decides what the mail holds.
    #[arg(long, value_enum, default_value_t = Contract::Account)]
    contract: Contract,
}

/// A contract that resets passwords.
#[derive(Clone, Copy, ValueEnum)]
enum Contract {
    /// A link, valid for 24 hours.
    Account,
    /// Six digits, valid for 15 minutes.
    Session,
}

/// The names of these contracts.
pub(super) const RESET_CONTRACTS: [&str; 2] = [Contract::Account.name(), Contract::Session.name()];

impl Contract {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Session => "session",
        }
    }

    const fn content(self) -> &'static str {
        match self {
            Self::Account => "a link that is valid for 24 hours",
            Self::Session => "six digits that are valid for 15 minutes",
        }
    }
}

pub(super) async fn run(
    connection: &Connection,
    target: &Target,
    options: &SendReset,
) -> Result<Output, Failure> {
    let user = options.user.find(&connection.store).await?;
    refuse_without_mail(&user)?;
    let queue = MailQueue::find(target, connection).await?;
    let contract = options.contract;
    connection
        .audit
        .record("user send-reset", Some(user.id), async |_| {
            let owner = CodeOwner::User(user.id);
            queue.send(&MailMessage::new(contract.name(), MailKind::ResetCode, owner, now())).await?;
            let text = format!("the mailer sends {} to {}", contract.content(), briefly(&user));
            Ok(Output::done(text, about(&user, json!({"contract": contract.name()}))))
        })
        .await
}

/// Refuses a user to whom the mailer would send nothing.
fn refuse_without_mail(user: &UserRecord) -> Result<(), Failure> {
    let id = user.id;
    let why = match user.status {
        Status::Active if !user.email.is_empty() => return Ok(()),
        Status::Active => {
            format!("has no e-mail address; `postern user change id:{id} --email ADDRESS` sets one")
        }
        Status::NotActivated => format!("is not activated; first `postern user activate id:{id}`"),
        Status::Disabled | Status::Blocked => {
            format!("is {}; first `postern user enable id:{id}`", status_name(user.status))
        }
    };
    Err(Failure::new(Exit::Refused, format!("{} {why}", briefly(user))))
}
