//! `postern user list`: a line for each user as it is read, so that a million users need no more memory than
//! ten.

use std::io::{self, Write};
use std::ops::ControlFlow;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use postern::identity::Status;
use postern::store::operator::{Operator, UserRecord};
use serde_json::json;

use super::describe::about;
use crate::output::{Exit, Failure, Output, plain, status_name, write};

/// Which users to list.
#[derive(Args)]
#[command(after_help = "\
Reads the whole table, page by page, so a larger table costs more. The columns are id, status,
MFA, username and e-mail address.

Examples:
  postern user list --limit 10
  postern user list --status blocked
  postern user list --json | jq -r 'select(.mfa | not) | .username'")]
pub struct List {
    /// Only users of this status.
    #[arg(long, value_parser = PossibleValuesParser::new(["active", "not_activated", "disabled", "blocked"])
        .map(|status| match status.as_str() {
            "not_activated" => Status::NotActivated,
            "disabled" => Status::Disabled,
            "blocked" => Status::Blocked,
            _ => Status::Active,
        }))]
    status: Option<Status>,
    /// At most this many users.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

pub(super) async fn run(store: &Operator, options: &List, json: bool) -> Result<Output, Failure> {
    let mut left = options.limit.unwrap_or(u64::MAX);
    let mut unreadable = 0_u64;
    let mut failed = None;
    let visited = store.for_each_user(options.status, |user| {
        let read = match user {
            Ok(user) => write(format!("{}\n", line(&user, json)).as_bytes()),
            Err(error) => {
                unreadable += 1;
                let _ = writeln!(io::stderr(), "postern: {error}");
                Ok(true)
            }
        };
        left -= 1;
        let read = read.unwrap_or_else(|failure| {
            failed = Some(failure);
            false
        });
        if read && left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    visited.await?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    match unreadable {
        0 => Ok(Output::nothing()),
        _ => Err(Failure::new(Exit::Partly, format!("{unreadable} users cannot be read"))),
    }
}

fn line(user: &UserRecord, json: bool) -> String {
    let mfa = user.mfa.is_some();
    if json {
        return about(user, json!({"status": user.status, "mfa": mfa})).to_string();
    }
    let mfa = if mfa { "mfa" } else { "-" };
    let email = if user.email.is_empty() { "-".to_owned() } else { plain(&user.email) };
    format!(
        "{:>8}  {:<13}  {mfa:<3}  {:<24}  {email}",
        user.id,
        status_name(user.status),
        plain(&user.username)
    )
}
