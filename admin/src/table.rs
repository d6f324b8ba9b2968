//! `postern table`: creates the table where no template does, checks it, and upgrades it.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    BillingMode, KeyType, ScalarAttributeType, TableDescription, TimeToLiveStatus,
};
use clap::Subcommand;
use postern::clock::now;
use postern::store::StoreError;
use postern::store::operator::Operator;
use serde_json::json;

use crate::check::{Check, report};
use crate::connect::{Connection, connect};
use crate::output::{Exit, Failure, Output, named};
use crate::target::Target;

/// The commands on the table.
#[derive(Subcommand)]
pub enum TableCommand {
    /// Create the table. On AWS, the SAM template creates a better one: protected, and with point-in-time
    /// recovery.
    #[command(after_help = "\
Examples:
  postern table create --table postern --endpoint-url http://127.0.0.1:8000
  postern table create --table postern-test --region eu-central-1")]
    Create,
    /// Check that the table is as the functions need it, and on AWS that it is protected.
    #[command(after_help = "Example:\n  postern table check --table postern-users")]
    Check,
    /// Move the failures that an earlier version counted for login names to the users, where this version counts
    /// them.
    #[command(after_help = "\
Run this once, right after the functions of an earlier version are replaced. Until then, names that are locked or have
to wait are not. Functions may run meanwhile. If the command is interrupted, run it again: no failure is lost, and none
is counted twice.

It reads the whole table.

Example:
  postern table upgrade --table postern-users")]
    Upgrade,
}

/// Runs a command.
///
/// # Errors
/// If the command fails, with the message for the operator.
pub async fn run(command: TableCommand, target: &Target) -> Result<Output, Failure> {
    let connection = connect(target).await?;
    match command {
        TableCommand::Create => {
            if describe(&connection).await?.is_some() {
                let message = format!("the table {} is there already", connection.table);
                return Err(Failure::new(Exit::Refused, message));
            }
            connection.store.create_table().await?;
            let made = Check::ok("created", format!("the table {}", connection.table));
            let checks = check(&connection).await?.unwrap_or_default();
            Ok(report(&[vec![made], checks].concat()))
        }
        TableCommand::Check => match check(&connection).await? {
            Some(checks) => Ok(report(&checks)),
            None => Err(Failure::new(Exit::NotFound, missing(&connection))),
        },
        TableCommand::Upgrade => {
            connection.audit.record("table upgrade", None, async |_| upgrade(&connection.store).await).await
        }
    }
}

async fn upgrade(store: &Operator) -> Result<Output, Failure> {
    let moved = store.move_counters(now()).await.map_err(|error| {
        let failure = Failure::from(error);
        Failure::new(failure.exit, "the table is upgraded in part")
            .caused_by(failure)
            .advise("; run the command again")
    })?;
    let done = match moved.names {
        0 => "no login name has failures to move".to_owned(),
        1 => "moved the failures of 1 login name to its user".to_owned(),
        names => format!("moved the failures of {names} login names to their users"),
    };
    if moved.skipped.count > 0 {
        let message = format!(
            "{done}; skipped login names that cannot be read, have no user, or are in use: {}",
            named(&moved.skipped)
        );
        return Err(Failure::new(Exit::Partly, message));
    }
    Ok(Output::done(done, json!({"moved": moved.names})))
}

/// The message that there is no such table, with what to do.
pub(crate) fn missing(connection: &Connection) -> String {
    let region = connection.aws.region().map_or("no region", |region| region.as_ref());
    let table = &connection.table;
    match connection.is_local {
        true => format!(
            "there is no table {table} here; `postern table create` makes one, and so does `cargo run`"
        ),
        false => format!(
            "there is no table {table} in {region}: is it another region or account? `postern --stack NAME` finds \
             the table of a stack"
        ),
    }
}

/// Returns DynamoDB's description of the table. `None` if there is no table.
async fn describe(connection: &Connection) -> Result<Option<TableDescription>, StoreError> {
    match connection.dynamodb.describe_table().table_name(&connection.table).send().await {
        Ok(output) => Ok(output.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Checks the table. `None` if there is no table.
pub(crate) async fn check(connection: &Connection) -> Result<Option<Vec<Check>>, StoreError> {
    let Some(table) = describe(connection).await? else { return Ok(None) };
    let mut checks = vec![key_schema(&table), billing(&table), time_to_live(connection).await?];
    if !connection.is_local {
        checks.push(match table.deletion_protection_enabled() {
            Some(true) => Check::ok("protection", "deletion protection is on"),
            _ => Check::warn(
                "protection",
                "one call of a permitted user deletes the table; set DeletionProtectionEnabled",
            ),
        });
        checks.push(recovery(connection).await?);
    }
    Ok(Some(checks))
}

fn key_schema(table: &TableDescription) -> Check {
    let is = |name: &str, kind: &KeyType| {
        let key = table.key_schema().iter().any(|key| key.attribute_name() == name && key.key_type() == kind);
        let string = table.attribute_definitions().iter().any(|attribute| {
            attribute.attribute_name() == name && *attribute.attribute_type() == ScalarAttributeType::S
        });
        key && string
    };
    if is("pk", &KeyType::Hash) && is("sk", &KeyType::Range) && table.key_schema().len() == 2 {
        Check::ok("key schema", "pk and sk, both strings")
    } else {
        let message = "the key is not pk (hash) and sk (range), both strings: this is another program's table, or was \
                    made by hand; name the right one, or make one with `postern table create`";
        Check::fail("key schema", message)
    }
}

fn billing(table: &TableDescription) -> Check {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    match mode {
        Some(BillingMode::PayPerRequest) => Check::ok("billing", "on demand"),
        _ => Check::warn(
            "billing",
            "provisioned: a burst of sign-ins beyond it is refused with 503; set BillingMode to PAY_PER_REQUEST",
        ),
    }
}

async fn time_to_live(connection: &Connection) -> Result<Check, StoreError> {
    let output = connection.dynamodb.describe_time_to_live().table_name(&connection.table).send().await?;
    let ttl = output.time_to_live_description();
    let attribute = ttl.and_then(|ttl| ttl.attribute_name());
    let on = matches!(
        ttl.and_then(|ttl| ttl.time_to_live_status()),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    );
    Ok(if on && attribute == Some("expires_at") {
        Check::ok("expiry", "TTL is on for expires_at")
    } else {
        let message = "TTL is not on for expires_at: expired sessions and counters are never deleted; `aws dynamodb \
                    update-time-to-live --time-to-live-specification Enabled=true,AttributeName=expires_at`";
        Check::fail("expiry", message)
    })
}

async fn recovery(connection: &Connection) -> Result<Check, StoreError> {
    use aws_sdk_dynamodb::types::PointInTimeRecoveryStatus::Enabled;
    let request = connection.dynamodb.describe_continuous_backups().table_name(&connection.table);
    let output = match request.send().await {
        Ok(output) => output,
        Err(error) if error.code() == Some("AccessDeniedException") => {
            return Ok(Check::warn(
                "backups",
                "not checked: there is no permission for dynamodb:DescribeContinuousBackups",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let status = output
        .continuous_backups_description()
        .and_then(|backups| backups.point_in_time_recovery_description())
        .and_then(|recovery| recovery.point_in_time_recovery_status());
    Ok(match status {
        Some(Enabled) => Check::ok("backups", "point-in-time recovery is on"),
        _ => Check::warn("backups", "point-in-time recovery is off; set PointInTimeRecoveryEnabled"),
    })
}
