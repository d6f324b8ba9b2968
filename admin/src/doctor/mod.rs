//! `postern doctor`: checks a whole deployment, and shows what to do where something is wrong.

mod api;
mod clock;
mod key_set;
mod preflight;
mod public_keys;
mod same_replies;

use std::time::Duration;

use aws_sdk_dynamodb::config::ProvideCredentials;
use clap::Args;
use postern::clock::now;
use postern::error::Causes;
use postern::store::operator::UserRecord;

use self::api::Expected;
use self::clock::{DateSeen, clock};
use crate::api::{Api, url};
use crate::check::{Check, report};
use crate::connect::{Connection, connect};
use crate::keys::{self, Found};
use crate::output::{Failure, Output};
use crate::stack::Stack;
use crate::table;
use crate::target::Target;
use crate::user::UserArg;

/// How long a reply of the API may take. A function answers within ten seconds.
const WITHIN: Duration = Duration::from_secs(15);

/// The options of `postern doctor`, which always checks the table.
#[derive(Args)]
#[command(after_help = "\
Prints a line for each check: ok, warn or FAIL, and what to do. A check that cannot run because another one
FAILs has no line.

With --url, the command also checks the API: every route with and without a slash, CORS, TLS, its clock and its
key set. The functions refuse these requests before they count anything. With --user, the command also sends
sign-ins that fail, to compare the replies; these are counted as failures.

Examples:
  postern doctor --stack postern
  postern doctor --table postern-users --secret arn:aws:secretsmanager:… --public-secret arn:aws:secretsmanager:…
  postern doctor --stack postern --url --user probe
  postern doctor --url https://sign-in.example.com/base --origin https://example.com
  postern doctor --local --url
  postern doctor --json | jq '.[] | select(.level != \"ok\")'")]
pub struct DoctorOptions {
    /// The secret with the signing keys, if it is not that of the stack [default: SIGNING_KEYS_SECRET_ARN of the
    /// environment].
    #[arg(long, value_name = "ARN_OR_NAME")]
    secret: Option<String>,
    /// The secret of the public keys, if it is not that of the stack [default: PUBLIC_KEYS_SECRET_ARN of the
    /// environment].
    #[arg(long, value_name = "ARN_OR_NAME")]
    public_secret: Option<String>,
    /// Check the API too, at this URL [default: the stack's output ApiUrl, or that of `cargo run`]. A path in
    /// it is put before each route.
    #[arg(long, value_name = "URL", num_args = 0..=1)]
    url: Option<Option<String>>,
    /// Try wrong passwords of this user at the API, and compare the replies with those to an unknown user.
    #[arg(long, value_name = "USER", requires = "url")]
    user: Option<String>,
    /// A web origin that may call the API [default: the first of the stack's AllowedOrigins].
    #[arg(long, requires = "url")]
    origin: Option<String>,
}

/// Runs every check.
///
/// # Errors
/// This never fails. A fault is a line of the output.
pub async fn run(options: &DoctorOptions, target: &Target) -> Result<Output, Failure> {
    let mut checks = Vec::new();
    let (mut stack, mut keys, mut user) = (None, None, None);
    match connect(target).await {
        Err(failure) => checks.push(Check::fail("settings", failure.text())),
        Ok(connection) => {
            stack = connection.stack.clone();
            let found = credentials(&connection).await;
            let has_credentials = found.is_ok();
            checks.push(found.unwrap_or_else(|check| check));
            checks.extend(stack.as_ref().map(Stack::check));
            checks.extend(stack.as_ref().map(Stack::check_mail));
            if has_credentials {
                user = user_for_replies(options, &connection).await;
                keys = check_table(connection, &mut checks, options, target).await;
            }
        }
    }
    if let Some(option) = &options.url {
        let of_stack = stack.as_ref().map(|stack| stack.url.as_str());
        let found = url(option.as_deref(), of_stack, target.local).and_then(|url| Api::new(&url, WITHIN));
        match found {
            Ok(found) => {
                let origin = options.origin.as_deref().or(stack.as_ref().and_then(Stack::web_origin));
                let expected = Expected { keys: keys.as_ref(), origin, user };
                checks.extend(api::check(&found, &expected).await);
            }
            Err(failure) => checks.push(Check::fail("connection", failure.text())),
        }
    }
    Ok(report(&checks))
}

/// Finds the user whose replies are compared, if one is named.
async fn user_for_replies(
    options: &DoctorOptions,
    connection: &Connection,
) -> Option<Result<UserRecord, Failure>> {
    let user = UserArg { user: options.user.clone()? };
    Some(user.find(&connection.store).await)
}

/// Checks the table, the keys and the users. Returns the keys.
async fn check_table(
    mut connection: Connection,
    checks: &mut Vec<Check>,
    options: &DoctorOptions,
    target: &Target,
) -> Option<Found> {
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
            let cause = Causes(&error);
            let message = format!("{cause}; is the address right, and may these credentials use the table?");
            checks.push(Check::fail("table", message));
        }
    }
    let keys = keys::find_key_set(options.secret.as_deref(), target, &connection).await;
    checks.push(match &keys {
        Ok(found) => {
            let peppers: Vec<_> = found.key_set.peppers.ids().map(ToString::to_string).collect();
            let with = if peppers.is_empty() { "" } else { ", with the password peppers " };
            Check::ok("signing keys", format!("read from {}{with}{}", found.place, peppers.join(", ")))
        }
        Err(failure) => Check::fail("signing keys", failure.text()),
    });
    if let Ok(found) = &keys {
        let (public, secret) = (options.public_secret.as_deref(), options.secret.as_deref());
        let place = keys::find_public_place(public, secret, connection.stack.as_ref(), target).await;
        checks.extend(public_keys::check(found, place));
    }
    checks.extend(seen.date().map(|theirs| clock("clock", "DynamoDB", now(), theirs)));
    if there {
        checks.push(users(&connection).await);
    }
    keys.ok()
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
                "none found ({error}); run `aws configure` or `aws sso login`, or set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
            ),
        )),
    }
}

async fn users(connection: &Connection) -> Check {
    match connection.store.has_users().await {
        Ok(true) => Check::ok("users", "there is at least one"),
        Ok(false) => {
            Check::warn("users", "there is none, so nobody can sign in; use `postern user add`, or an import")
        }
        Err(error) => Check::fail("users", Causes(&error).to_string()),
    }
}
