//! The CloudFormation stack of a deployment. Its outputs name the table, the secrets and the URL, so that nobody
//! has to copy them.

use std::fmt;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{Output, Parameter, Stack as Description, StackStatus};

use crate::check::Check;
use crate::output::{Exit, Failure};

/// The functions' log groups: the contract, or `jwks`, and the logical id in the template.
pub const LOG_GROUPS: [(&str, &str); 6] = [
    ("account", "AccountSigninLogs"),
    ("sso", "SsoSigninLogs"),
    ("session", "SessionSigninLogs"),
    ("mfa", "MfaSigninLogs"),
    ("email", "EmailSigninLogs"),
    ("jwks", "JwksLogs"),
];

/// The logical id of the mailer's queue in the template. Its physical id is its URL.
pub const MAIL_QUEUE: &str = "MailQueue";

/// A stack, and what its outputs name.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The name.
    pub name: String,
    /// The output TableName.
    pub table: String,
    /// The output SigningKeysSecretArn.
    pub secret: String,
    /// The output PublicKeysSecretArn. `None` for a stack of an earlier version.
    pub public_secret: Option<String>,
    /// The output ApiUrl.
    pub url: String,
    /// Whether the stack made its signing secret: the parameter ExistingSigningKeys is empty.
    pub makes_keys: bool,
    status: StackStatus,
    allowed_origins: Option<String>,
    mail_from: Option<String>,
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

/// Finds a stack by its name.
///
/// # Errors
/// If there is no such stack, it may not be read, or it is not a deployment that works.
pub async fn find(name: String, client: Client) -> Result<Stack, Failure> {
    let answer = client.describe_stacks().stack_name(&name).send().await;
    let mut found = answer.map_err(|error| failure(&name, &error))?.stacks.unwrap_or_default();
    match found.pop() {
        Some(description) => read(name, &description, client),
        None => Err(missing(&name)),
    }
}

fn read(name: String, description: &Description, client: Client) -> Result<Stack, Failure> {
    let output = |key: &str| {
        let of_key = |output: &&Output| output.output_key() == Some(key);
        description.outputs().iter().find(of_key).and_then(|output| output.output_value()).map(str::to_owned)
    };
    let status = description.stack_status().cloned().unwrap_or_else(|| StackStatus::from("unknown"));
    let parameter = |key: &str| {
        let of_key = |parameter: &&Parameter| parameter.parameter_key() == Some(key);
        let found = description.parameters().iter().find(of_key);
        found.and_then(|found| found.parameter_value()).map(str::to_owned)
    };
    let allowed_origins = parameter("AllowedOrigins");
    let mail_from = parameter("MailFrom").filter(|address| !address.is_empty());
    let makes_keys = parameter("ExistingSigningKeys").is_none_or(|secret| secret.is_empty());
    let public_secret = output("PublicKeysSecretArn");
    let outputs = (output("TableName"), output("SigningKeysSecretArn"), output("ApiUrl"));
    match outputs {
        (Some(table), Some(secret), Some(url)) if status != StackStatus::DeleteComplete => Ok(Stack {
            name,
            table,
            secret,
            public_secret,
            url,
            makes_keys,
            status,
            allowed_origins,
            mail_from,
            client,
        }),
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

/// Returns why a stack is not a deployment that works, and what to do.
fn unusable(name: &str, status: &StackStatus, absent: &str) -> String {
    match status {
        StackStatus::DeleteInProgress | StackStatus::DeleteComplete => format!(
            "the stack {name} is deleted ({status}). Its table and its secrets stay: name them with --table, --secret \
             and --public-secret"
        ),
        StackStatus::CreateFailed | StackStatus::RollbackComplete | StackStatus::RollbackFailed => format!(
            "the stack {name} was not created ({status}). {}; then delete it, and deploy again",
            events(name)
        ),
        status if in_progress(status) => {
            format!("the stack {name} is not ready ({status}); wait until it is")
        }
        status => format!(
            "the stack {name} ({status}) has no output {absent}: is it the stack of another program? Use the \
             name that `sam deploy` was given"
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
    /// Checks the state of the stack. The table works in every state.
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
                    format!("{state}: the last update failed, and was rolled back. {}", events(name));
                Check::warn("stack", message)
            }
            StackStatus::UpdateRollbackFailed => {
                let again = format!("`aws cloudformation continue-update-rollback --stack-name {name}`");
                Check::fail("stack", format!("{state}. {}; then {again}", events(name)))
            }
            _ => Check::fail("stack", format!("{state}. {}", events(name))),
        }
    }

    /// Checks that mail is set up, without which nobody can reset a forgotten password.
    pub fn check_mail(&self) -> Check {
        match &self.mail_from {
            Some(address) => Check::ok("mail", format!("is sent from {address}")),
            None => Check::warn(
                "mail",
                "the parameter MailFrom is empty, so no mail is sent, and nobody can reset a forgotten password. Set \
                 MailFrom and AccountResetUrl: docs/operating.md, \"Mail\"",
            ),
        }
    }

    /// Returns the first web origin that may call the API, if not every origin may.
    pub fn web_origin(&self) -> Option<&str> {
        self.allowed_origins.as_deref()?.split(',').next().filter(|origin| *origin != "*")
    }

    /// Returns the log groups of the functions that the stack has.
    ///
    /// # Errors
    /// If CloudFormation does not list the stack's resources.
    pub async fn log_groups(&self) -> Result<Vec<LogGroup>, Failure> {
        let mut found = Vec::new();
        for (logical, name) in self.resources().await? {
            if let Some((contract, _)) = LOG_GROUPS.iter().find(|(_, id)| logical == *id) {
                found.push(LogGroup { contract, name });
            }
        }
        Ok(found)
    }

    /// Returns the URL of the queue of the mailer. Returns `None` if the stack sends no mail.
    ///
    /// # Errors
    /// If CloudFormation does not list the stack's resources.
    pub async fn mail_queue(&self) -> Result<Option<String>, Failure> {
        let mut resources = self.resources().await?.into_iter();
        Ok(resources.find(|(logical, _)| logical == MAIL_QUEUE).map(|(_, url)| url))
    }

    /// Returns the logical and the physical ids of all resources.
    async fn resources(&self) -> Result<Vec<(String, String)>, Failure> {
        // Not DescribeStackResources, which ends after a hundred resources.
        let mut resources =
            self.client.list_stack_resources().stack_name(&self.name).into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(resource) = resources.next().await {
            let resource = resource.map_err(|error| failure(&self.name, &error))?;
            if let (Some(logical), Some(physical)) =
                (resource.logical_resource_id, resource.physical_resource_id)
            {
                found.push((logical, physical));
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
