//! `postern doctor`: checks a whole deployment, and shows what to do where something is wrong.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, ProvideCredentials, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use clap::Args;
use postern::clock::{Timestamp, now};

use crate::check::{Check, report};
use crate::connect::{Connection, connect};
use crate::keys;
use crate::output::{Failure, Output};
use crate::stack::Stack;
use crate::table;
use crate::target::Target;

/// The largest harmless difference between two clocks. A TOTP code lasts 30 s, and a token of another machine
/// may be issued up to a minute in the future.
const MAX_SKEW: Duration = Duration::from_secs(60);

/// The options of `postern doctor`, which always checks the table.
#[derive(Args)]
#[command(after_help = "\
Prints a line for each check: ok, warn or FAIL, and what to do. A check that cannot run because another one
FAILs has no line.

Examples:
  postern doctor --stack postern
  postern doctor --table postern-users --secret arn:aws:secretsmanager:…
  postern doctor --local
  postern doctor --json | jq '.[] | select(.level != \"ok\")'")]
pub struct DoctorOptions {
    /// The secret with the signing keys, if it is not that of the stack. Else SIGNING_KEYS_SECRET_ARN.
    #[arg(long, value_name = "ARN_OR_NAME")]
    secret: Option<String>,
}

/// Runs every check.
///
/// # Errors
/// Never. What is wrong is a line of the output.
pub async fn run(options: &DoctorOptions, target: &Target) -> Result<Output, Failure> {
    let mut checks = Vec::new();
    match connect(target).await {
        Err(failure) => checks.push(Check::fail("settings", failure.message)),
        Ok(connection) => {
            let found = credentials(&connection).await;
            let has_credentials = found.is_ok();
            checks.push(found.unwrap_or_else(|check| check));
            checks.extend(connection.stack.as_ref().map(Stack::check));
            if has_credentials {
                check_table(connection, &mut checks, options, target).await;
            }
        }
    }
    Ok(report(&checks))
}

async fn check_table(
    mut connection: Connection,
    checks: &mut Vec<Check>,
    options: &DoctorOptions,
    target: &Target,
) {
    let seen = DateSeen::default();
    let config = connection.dynamodb.config().to_builder().interceptor(seen.clone());
    connection.dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
    let table = table::check(&connection).await;
    let there = matches!(table, Ok(Some(_)));
    match table {
        Ok(Some(found)) => {
            checks.push(Check::ok("table", format!("{} answers", connection.table)));
            checks.extend(found);
        }
        Ok(None) => checks.push(Check::fail("table", table::missing(&connection))),
        Err(error) => {
            let message = format!("{error}; is the address right, and may these credentials use the table?");
            checks.push(Check::fail("table", message));
        }
    }
    checks.push(match keys::ring(options.secret.as_deref(), target, &connection).await {
        Ok(found) => {
            let peppers: Vec<_> = found.ring.peppers.ids().map(ToString::to_string).collect();
            let with = if peppers.is_empty() { "" } else { ", with the password peppers " };
            Check::ok("signing keys", format!("read from {}{with}{}", found.place, peppers.join(", ")))
        }
        Err(failure) => Check::fail("signing keys", failure.message),
    });
    checks.extend(seen.date().map(|theirs| clock(now(), theirs)));
    if there {
        checks.push(users(&connection).await);
    }
}

async fn credentials(connection: &Connection) -> Result<Check, Check> {
    let region = connection.aws.region().map_or("no region", |region| region.as_ref());
    let provider = connection.aws.credentials_provider();
    let provided = match &provider {
        Some(provider) => provider.provide_credentials().await.map_err(|error| error.to_string()),
        None => Err("there is nowhere to look for them".to_owned()),
    };
    match provided {
        Ok(_) => Ok(Check::ok("credentials", format!("found, for the region {region}"))),
        Err(error) => Err(Check::fail(
            "credentials",
            format!(
                "none found ({error}); `aws configure`, `aws sso login`, or AWS_ACCESS_KEY_ID and its secret"
            ),
        )),
    }
}

/// Compares this machine's clock with DynamoDB's.
fn clock(ours: Timestamp, theirs: Timestamp) -> Check {
    let (skew, word) =
        if ours >= theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    let message = format!("this machine is {} s {word} DynamoDB", skew.as_secs());
    match skew > MAX_SKEW {
        false => Check::ok("clock", message),
        true => Check::fail(
            "clock",
            format!(
                "{message}: times written from here are wrong, and AWS refuses at 5 minutes; set the clock by NTP"
            ),
        ),
    }
}

async fn users(connection: &Connection) -> Check {
    match connection.store.has_users().await {
        Ok(true) => Check::ok("users", "there is at least one"),
        Ok(false) => {
            Check::warn("users", "there is none, so nobody can sign in; `postern user add`, or an import")
        }
        Err(error) => Check::fail("users", error.to_string()),
    }
}

/// Records the `Date` of the last reply.
#[derive(Clone, Debug, Default)]
struct DateSeen(Arc<Mutex<Option<Timestamp>>>);

impl DateSeen {
    fn date(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateSeen {
    fn name(&self) -> &'static str {
        "the date of a reply"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        let millis = date.and_then(|date| u64::try_from(date.to_millis().ok()?).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = millis.map(Timestamp::from_millis);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Exit;

    #[test]
    fn clock_may_differ_by_a_minute() {
        let theirs = Timestamp::from_millis(1_800_000_000_000);
        let minute = Duration::from_secs(60);
        let moment = Duration::from_millis(1);
        let exit = |ours| report(&[clock(ours, theirs)]).exit;
        for ours in [theirs, theirs.plus(minute), theirs.minus(minute)] {
            assert_eq!(exit(ours), Exit::Done, "{ours:?}");
        }
        for ours in [theirs.plus(minute + moment), theirs.minus(minute + moment)] {
            assert_eq!(exit(ours), Exit::Failed, "{ours:?}");
        }
    }
}
