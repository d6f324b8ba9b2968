//! The places of the events: CloudWatch Logs, the file of `cargo run`, and the table.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use postern::clock::Timestamp;
use postern::environment::Environment;
use postern::local_endpoint;
use postern::store::operator::Operator;

use super::event::TrailEvent;
use super::filter::Filter;
use crate::connect::{Connection, cloudwatch_logs};
use crate::output::{Exit, Failure};
use crate::target::Target;

/// The source of events.
pub(super) enum Source {
    /// The log groups of the functions.
    Logs(Client, Vec<String>),
    /// The file of `cargo run`.
    File(PathBuf),
    /// The table, with the changes of operators.
    Table(Box<Operator>),
}

/// Finds the events of the functions.
///
/// # Errors
/// If no stack is named, and the deployment is not `cargo run`'s. If the stack has no log groups.
pub(super) async fn of_functions(
    connection: &Connection,
    target: &Target,
    contract: Option<&str>,
) -> Result<Source, Failure> {
    if target.local {
        let path = local_endpoint::audit_log(&Environment::of_process());
        let path = path.filter(|path| path.is_file()).ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                "there are no audit events of `cargo run` on this machine: start it first",
            )
        })?;
        return Ok(Source::File(path));
    }
    let Some(stack) = &connection.stack else {
        return Err(Failure::usage(
            "which log groups? Name the stack with --stack or POSTERN_STACK; --operator shows only the changes of \
             operators, which are in the table",
        ));
    };
    let groups = stack.log_groups().await?.into_iter().filter(|group| {
        // The key set's function has no audit events.
        group.contract != "jwks" && contract.is_none_or(|contract| group.contract == contract)
    });
    let groups: Vec<String> = groups.map(|group| group.name).collect();
    if groups.is_empty() {
        let message = format!("the stack {} has no log groups of these functions", stack.name);
        return Err(Failure::new(Exit::NotFound, message));
    }
    Ok(Source::Logs(cloudwatch_logs(target).await?, groups))
}

impl Source {
    /// Reads the events from this time on, until before `until`, and returns how many cannot be read.
    pub(super) async fn read(
        &self,
        filter: &Filter,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(Vec<TrailEvent>, usize), Failure> {
        match self {
            Self::Table(store) => {
                let found = store.events(from, until).await?;
                Ok((found.events.iter().map(TrailEvent::of_operator).collect(), found.unreadable))
            }
            Self::File(path) => {
                let unreadable = |error: std::io::Error| {
                    Failure::new(Exit::Failed, format!("{} cannot be read", path.display())).caused_by(error)
                };
                let mut events = Vec::new();
                for line in BufReader::new(File::open(path).map_err(unreadable)?).split(b'\n') {
                    let line = line.map_err(unreadable)?;
                    let event = TrailEvent::of_line(&String::from_utf8_lossy(&line), None);
                    events.extend(event.filter(|event| from <= event.at && event.at < until));
                }
                Ok((events, 0))
            }
            Self::Logs(client, groups) => {
                let mut events = Vec::new();
                for group in groups {
                    read_group(client, group, filter, (from, until), &mut events).await?;
                }
                Ok((events, 0))
            }
        }
    }
}

async fn read_group(
    client: &Client,
    group: &str,
    filter: &Filter,
    (from, until): (Timestamp, Timestamp),
    events: &mut Vec<TrailEvent>,
) -> Result<(), Failure> {
    let millis = |at: Timestamp| i64::try_from(at.millis()).unwrap_or(i64::MAX);
    let mut pages = client
        .filter_log_events()
        .log_group_name(group)
        .start_time(millis(from))
        // CloudWatch's end time is inclusive.
        .end_time(millis(until) - 1)
        .filter_pattern(filter.pattern())
        .into_paginator()
        .send();
    // A page may be empty although others follow.
    while let Some(page) = pages.next().await {
        for event in page.map_err(|error| failure(group, &error))?.events.unwrap_or_default() {
            let line = event.message.as_deref().unwrap_or_default();
            events.extend(TrailEvent::of_line(line, event.event_id.as_deref()));
        }
    }
    Ok(())
}

fn failure<E, R>(group: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let message = error.message().unwrap_or("no message");
    match error.code() {
        Some("ResourceNotFoundException") => {
            Failure::new(Exit::NotFound, format!("there is no log group {group}: was it deleted by hand?"))
        }
        Some(code) if code.starts_with("AccessDenied") => Failure::new(
            Exit::Failed,
            format!(
                "there is no permission to read the log group {group}: allow logs:FilterLogEvents. CloudWatch Logs \
                 says: {message}"
            ),
        ),
        Some(code) => {
            Failure::new(Exit::Failed, format!("CloudWatch Logs does not show {group}: {code}: {message}"))
        }
        None => {
            let cause = DisplayErrorContext(error);
            Failure::unavailable(&format!("CloudWatch Logs cannot be asked for {group}: {cause}"))
        }
    }
}
