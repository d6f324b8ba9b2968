//! `postern attempts`: the audit trail. The events of the functions come from CloudWatch Logs or, of `cargo
//! run`, from a file; the changes of operators come from the table.

mod event;
mod filter;
mod source;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use postern::audit::Outcome;
use postern::clock::{Timestamp, now};
use postern::store::operator::ChangeStage;
use tokio::time::sleep;

use self::event::{HEADING, TrailEvent};
use self::filter::Filter;
use self::source::Source;
use crate::api::CONTRACTS;
use crate::connect::{Connection, connect};
use crate::output::{Exit, Failure, Output, Reader, count, print_message, write};
use crate::target::Target;
use crate::user::UserArg;

/// How often `--follow` looks for new events.
const POLL: Duration = Duration::from_secs(2);

/// The longest delay of an event in CloudWatch Logs with which `--follow` still shows it.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// The shortest period that is read at once.
const MIN_PART: Duration = Duration::from_secs(600);

/// The most periods into which the whole time is divided.
const MAX_PARTS: u32 = 50;

/// Which events to show.
#[derive(Args)]
#[command(after_help = "\
Events come in the order of their time, in UTC. The columns are time, contract, outcome, user id, address and
request id. docs/operating.md explains each outcome. Login names are never logged.

A line of the contract `operator` shows a command of `postern` that changes something: started, done or failed. If
a line stays `started`, its command was ended from outside.

CloudWatch Logs shows an event some seconds after it happened. With --local, the events are those of the last
`cargo run`.

Examples:
  postern attempts --stack postern --since 15m --follow
  postern attempts --stack postern --user johndoe --since 7d
  postern attempts --stack postern --outcome session_reused --since 24h --json
  postern attempts --operator --since 30d")]
pub struct AttemptsArgs {
    /// Only events of this user: username, e-mail address or id; or id:N, also of a user who was deleted; or
    /// source:ID, the id in the product that the user was imported from. Attempts by names that no user has
    /// belong to no user.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only events from this address.
    #[arg(long, value_name = "IP")]
    address: Option<std::net::IpAddr>,
    /// Only events of this outcome.
    #[arg(long, value_parser = PossibleValuesParser::new(outcomes()))]
    outcome: Option<String>,
    /// Only events of this contract.
    #[arg(long, value_parser = PossibleValuesParser::new(CONTRACTS))]
    contract: Option<String>,
    /// Only changes by operators.
    #[arg(long, conflicts_with_all = ["address", "contract"])]
    operator: bool,
    /// How far back to begin: a number with s, m, h or d.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    since: Duration,
    /// Go on, and show new events as they come.
    #[arg(long)]
    follow: bool,
}

/// Shows the events.
///
/// # Errors
/// If the user, the log groups or the table cannot be found or read.
pub async fn run(args: &AttemptsArgs, target: &Target, json: bool) -> Result<Output, Failure> {
    let connection = connect(target).await?;
    let filter = Filter {
        user_id: match &args.user {
            Some(user) => Some(user_id(user, &connection).await?),
            None => None,
        },
        address: args.address.map(|address| address.to_string()),
        outcome: args.outcome.clone(),
        contract: args.contract.clone(),
    };
    let mut sources = Vec::new();
    if !args.operator {
        sources.push(source::of_functions(&connection, target, args.contract.as_deref()).await?);
    }
    if args.address.is_none() && args.contract.is_none() {
        sources.push(Source::Table(Box::new(connection.store.clone())));
    }
    let start = now();
    let mut from = start.minus(args.since);
    let mut trail =
        Trail { filter, sources, json, printed: BTreeMap::new(), has_heading: false, unreadable: 0 };
    let mut unreadable = 0;
    let part = (args.since / MAX_PARTS).max(MIN_PART);
    while from < start {
        let until = from.plus(part).min(start);
        if trail.print(from, until).await? == Reader::Gone {
            return Ok(Output::nothing());
        }
        unreadable += trail.unreadable;
        from = until;
    }
    warn_of(unreadable);
    if args.follow {
        let mut known = 0;
        while trail.print(now().minus(MAX_DELAY), now().plus(POLL)).await? == Reader::Reads {
            if trail.unreadable > known {
                warn_of(trail.unreadable);
            }
            known = trail.unreadable;
            sleep(POLL).await;
        }
    }
    Ok(Output::nothing())
}

/// Finds the id of a user. The id also finds a user who was deleted.
async fn user_id(user: &str, connection: &Connection) -> Result<u64, Failure> {
    let named = UserArg { user: user.to_owned() };
    match named.find(&connection.store).await {
        Ok(user) => Ok(user.id),
        Err(failure) if failure.exit == Exit::NotFound => named.as_id().ok_or(failure),
        Err(failure) => Err(failure),
    }
}

/// The events while they are printed.
struct Trail {
    filter: Filter,
    sources: Vec<Source>,
    json: bool,
    /// The lines that were printed, by time, so that none is printed twice.
    printed: BTreeMap<(Timestamp, String), ()>,
    has_heading: bool,
    /// How many audit lines could not be read in the last period.
    unreadable: usize,
}

impl Trail {
    /// Prints the events of this period that were not printed yet.
    async fn print(&mut self, from: Timestamp, until: Timestamp) -> Result<Reader, Failure> {
        let mut events: Vec<TrailEvent> = Vec::new();
        self.unreadable = 0;
        for source in &self.sources {
            let (read, unreadable) = source.read(&self.filter, from, until).await?;
            events.extend(read);
            self.unreadable += unreadable;
        }
        events.retain(|event| event.matches(&self.filter));
        events.sort_by_key(|event| event.at);
        self.printed.retain(|(at, _), ()| *at >= from);
        for event in events {
            let line = event.line(self.json);
            if self.printed.insert((event.at, event.id), ()).is_some() {
                continue;
            }
            let mut text = String::new();
            if !self.json && !self.has_heading {
                text.push_str(HEADING);
                self.has_heading = true;
            }
            if write(format!("{text}{line}\n").as_bytes())? == Reader::Gone {
                return Ok(Reader::Gone);
            }
        }
        Ok(Reader::Reads)
    }
}

/// Warns of audit lines of operators that cannot be read, so that nobody takes the trail for complete.
fn warn_of(unreadable: usize) {
    if unreadable > 0 {
        print_message(&format!(
            "postern: not shown, since it cannot be read: {} in the table",
            count(unreadable, "audit line")
        ));
    }
}

fn outcomes() -> Vec<&'static str> {
    let stages = [ChangeStage::Started, ChangeStage::Done, ChangeStage::Failed].map(ChangeStage::as_str);
    Outcome::ALL.iter().map(|outcome| outcome.as_str()).chain(stages).collect()
}

/// Reads a duration such as `15m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a number with s, m, h or d, such as 15m, up to 400d".to_owned();
    let seconds = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(seconds).filter(|all| (1..=400 * 24 * 3600).contains(all));
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_has_a_unit_and_a_bound() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3600), ("400d", 400 * 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "h", "15", "0s", "-1h", "1.5h", "401d", "1w", "99999999999999999999d", "1ü"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
