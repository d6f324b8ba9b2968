//! The CloudFormation stack of a deployment. Its outputs name the table, the secret and the URL, so that nobody
//! has to copy them.

use std::fmt;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{Stack as Description, StackStatus};
use postern::environment::Environment;

use crate::check::Check;
use crate::connect::cloudformation;
use crate::output::{Exit, Failure};
use crate::target::Target;

/// The variable that names the stack. These others name a deployment too, so none of them may be set beside it.
const VARIABLE: &str = "POSTERN_STACK";
const OTHERS: [&str; 3] = ["TABLE_NAME", "SIGNING_KEYS_SECRET_ARN", "SIGNING_KEYS"];

/// The functions' log groups: the contract, or `jwks`, and the logical id in the template.
pub const LOG_GROUPS: [(&str, &str); 6] = [
    ("account", "AccountSigninLogs"),
    ("sso", "SsoSigninLogs"),
    ("session", "SessionSigninLogs"),
    ("mfa", "MfaSigninLogs"),
    ("email", "EmailSigninLogs"),
    ("jwks", "JwksLogs"),
];

/// A stack, and what its outputs name.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The name.
    pub name: String,
    /// The output TableName.
    pub table: String,
    /// The output SigningKeysSecretArn.
    pub secret: String,
    /// The output ApiUrl.
    pub url: String,
    status: StackStatus,
    client: Client,
}

/// The log group of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    /// The contract, or `jwks`.
    pub contract: &'static str,
    /// The name in CloudWatch Logs.
    pub name: String,
}

/// Finds the stack that the operator names. `None` if none is named, or the table is named otherwise.
///
/// # Errors
/// If the environment names two deployments, there is no such stack, or it is not a deployment that works.
pub async fn find(target: &Target) -> Result<Option<Stack>, Failure> {
    let Some(name) = name(target, &Environment::of_process())? else { return Ok(None) };
    let client = cloudformation(target).await?;
    let answer = client.describe_stacks().stack_name(&name).send().await;
    let mut found = answer.map_err(|error| failure(&name, &error))?.stacks.unwrap_or_default();
    match found.pop() {
        Some(description) => Ok(Some(read(name, &description, client)?)),
        None => Err(missing(&name)),
    }
}

/// Returns whether the operator names a stack.
pub fn is_named(target: &Target) -> bool {
    matches!(name(target, &Environment::of_process()), Ok(Some(_)))
}

/// Returns the name of the stack. An option counts before the environment.
fn name(target: &Target, env: &Environment) -> Result<Option<String>, Failure> {
    if target.stack.is_some() || target.table.is_some() || target.local {
        return Ok(target.stack.clone());
    }
    let Some(name) = env.optional(VARIABLE) else { return Ok(None) };
    match OTHERS.into_iter().find(|other| env.optional(other).is_some()) {
        Some(other) => Err(Failure::usage(format!(
            "which deployment? {VARIABLE} is set, and so is {other}: unset one of them, or use --stack or --table"
        ))),
        None => Ok(Some(name.to_owned())),
    }
}

fn read(name: String, description: &Description, client: Client) -> Result<Stack, Failure> {
    let output = |key: &str| {
        let of_key = |output: &&aws_sdk_cloudformation::types::Output| output.output_key() == Some(key);
        description.outputs().iter().find(of_key).and_then(|output| output.output_value()).map(str::to_owned)
    };
    let status = description.stack_status().cloned().unwrap_or_else(|| StackStatus::from("unknown"));
    let outputs = (output("TableName"), output("SigningKeysSecretArn"), output("ApiUrl"));
    match outputs {
        (Some(table), Some(secret), Some(url)) if status != StackStatus::DeleteComplete => {
            Ok(Stack { name, table, secret, url, status, client })
        }
        (table, secret, _) => {
            let absent = match (table, secret) {
                (None, _) => "TableName",
                (_, None) => "SigningKeysSecretArn",
                _ => "ApiUrl",
            };
            Err(Failure::new(Exit::Failed, unusable(&name, &status, absent)))
        }
    }
}

/// Why a stack names no deployment that works, and what to do.
fn unusable(name: &str, status: &StackStatus, absent: &str) -> String {
    match status {
        StackStatus::DeleteInProgress | StackStatus::DeleteComplete => format!(
            "the stack {name} is deleted ({status}). Its table and its secret stay: name them with --table and --secret"
        ),
        StackStatus::CreateFailed | StackStatus::RollbackComplete | StackStatus::RollbackFailed => format!(
            "the stack {name} was never created whole ({status}). {}; then delete it, and deploy again",
            events(name)
        ),
        status if in_progress(status) => {
            format!("the stack {name} is not ready ({status}); wait until it is")
        }
        status => format!(
            "the stack {name} ({status}) has no output {absent}: is it another program's? Use the name that \
             `sam deploy` was given"
        ),
    }
}

fn in_progress(status: &StackStatus) -> bool {
    status.as_str().ends_with("_IN_PROGRESS")
}

fn events(name: &str) -> String {
    format!("`aws cloudformation describe-stack-events --stack-name {name}` says why")
}

impl Stack {
    /// Checks the state of the stack. Its table works in each of them.
    pub fn check(&self) -> Check {
        let Self { name, status, .. } = self;
        let state = format!("{name} is in the state {status}");
        match status {
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete => {
                Check::ok("stack", state)
            }
            status if in_progress(status) => Check::warn("stack", format!("{state}; check again afterwards")),
            StackStatus::UpdateRollbackComplete | StackStatus::ImportRollbackComplete => {
                let message =
                    format!("{state}: the last update failed, and was taken back. {}", events(name));
                Check::warn("stack", message)
            }
            StackStatus::UpdateRollbackFailed => {
                let again = format!("`aws cloudformation continue-update-rollback --stack-name {name}`");
                Check::fail("stack", format!("{state}. {}; then {again}", events(name)))
            }
            _ => Check::fail("stack", format!("{state}. {}", events(name))),
        }
    }

    /// Returns the log groups of the functions that the stack has.
    ///
    /// # Errors
    /// If CloudFormation does not list the stack's resources.
    pub async fn log_groups(&self) -> Result<Vec<LogGroup>, Failure> {
        // Not DescribeStackResources, which ends after a hundred resources.
        let mut resources =
            self.client.list_stack_resources().stack_name(&self.name).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(resource) = resources.next().await {
            let resource = resource.map_err(|error| failure(&self.name, &error))?;
            let of_id = LOG_GROUPS.iter().find(|(_, id)| resource.logical_resource_id() == Some(id));
            if let (Some((contract, _)), Some(name)) = (of_id, resource.physical_resource_id()) {
                found.push(LogGroup { contract, name: name.to_owned() });
            }
        }
        Ok(found)
    }
}

fn missing(name: &str) -> Failure {
    let message = format!(
        "there is no stack {name} in this region and account; `aws cloudformation list-stacks` shows the names, and \
         --region and --profile change the place"
    );
    Failure::new(Exit::NotFound, message)
}

fn failure<E, R>(name: &str, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: fmt::Debug,
{
    let message = error.message().unwrap_or("no message");
    match error.code() {
        Some("ValidationError") if message.contains("does not exist") => missing(name),
        Some(code) if code.starts_with("AccessDenied") => Failure::new(
            Exit::Failed,
            format!(
                "there is no permission to read the stack {name}: allow cloudformation:DescribeStacks and \
                 cloudformation:ListStackResources, or name the table with --table and the secret with --secret. \
                 CloudFormation says: {message}"
            ),
        ),
        Some(code) => Failure::new(
            Exit::Failed,
            format!("CloudFormation does not show the stack {name}: {code}: {message}"),
        ),
        None => {
            let cause = DisplayErrorContext(error);
            let message = format!("CloudFormation cannot be asked for the stack {name}: {cause}");
            Failure::unavailable(&message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(target: Target, variables: &[(&str, &str)]) -> Result<Option<String>, Failure> {
        name(&target, &Environment::of(variables.iter().copied()))
    }

    #[test]
    fn an_option_counts_before_the_environment() {
        let stack = |name: &str| Target { stack: Some(name.to_owned()), ..Target::default() };
        let found = |target, variables: &[_]| name_of(target, variables).unwrap();
        let both = [("POSTERN_STACK", "a"), ("TABLE_NAME", "t")];
        assert_eq!(found(Target::default(), &[]), None);
        assert_eq!(found(Target::default(), &both[..1]).as_deref(), Some("a"));
        assert_eq!(found(Target::default(), &both[1..]), None);
        assert_eq!(found(stack("b"), &both).as_deref(), Some("b"));
        assert_eq!(found(Target { table: Some("t".to_owned()), ..Target::default() }, &both), None);
        assert_eq!(found(Target { local: true, ..Target::default() }, &both), None);
    }

    #[test]
    fn environment_that_names_two_deployments_is_refused() {
        for other in OTHERS {
            let failure = name_of(Target::default(), &[("POSTERN_STACK", "a"), (other, "x")]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.message.contains(other), "{failure:?}");
        }
    }
}
