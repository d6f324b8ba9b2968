//! The clients for a deployment.

use aws_config::SdkConfig;
use postern::environment::Environment;
use postern::local_endpoint::{self, LocalService};
use postern::store::RetryTransactionConflicts;
use postern::store::operator::Operator;

use crate::audit::Audit;
use crate::output::Failure;
use crate::sdk::{self, endpoint_of_env, on_this_machine, service_config};
use crate::stack::{Stack, find};
use crate::target::Target;

/// The table of `cargo run`, and its address.
const LOCAL_TABLE: &str = "postern";
const LOCAL_ENDPOINT: &str = "http://127.0.0.1:8000";

/// A connection to a deployment.
pub struct Connection {
    /// The table.
    pub store: Operator,
    /// The audit lines of what the operator changes.
    pub audit: Audit,
    /// Credentials and region.
    pub aws: SdkConfig,
    /// The DynamoDB client, for requests that the store does not make.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The table's name.
    pub table: String,
    /// The table's name, and its address or Region, for messages.
    pub place: String,
    /// The stack, if the operator names one.
    pub stack: Option<Stack>,
    /// Whether the table is on this machine. Only there are sample keys allowed.
    pub is_local: bool,
}

/// Finds the stack if one is named, the credentials and the region, and creates the clients. Sends no request
/// to the table.
///
/// # Errors
/// If no stack and no table is named, no region is set, or the stack is not found.
pub async fn connect(target: &Target) -> Result<Connection, Failure> {
    let env = Environment::of_process();
    let stack = stack(target).await?;
    let table = match (&target.table, &stack) {
        (Some(table), _) => table.clone(),
        (None, Some(stack)) => stack.table.clone(),
        (None, None) if target.local => LOCAL_TABLE.to_owned(),
        (None, None) => env.optional("TABLE_NAME").map(str::to_owned).ok_or_else(|| {
            Failure::usage(
                "which table? Name the stack with --stack or POSTERN_STACK, or the table with --table or \
                 TABLE_NAME, or use --local for the one that `cargo run` serves",
            )
        })?,
    };
    let endpoint = dynamodb_endpoint(target)?;
    let is_local = on_this_machine("--endpoint-url", endpoint.as_deref())?;
    let aws = sdk::config(target, is_local).await?;
    let place = match (&endpoint, aws.region()) {
        (Some(endpoint), _) => format!("the table {table} at {endpoint}"),
        (None, region) => format!("the table {table} in {}", region.map_or("no Region", AsRef::as_ref)),
    };
    let mut config =
        aws_sdk_dynamodb::config::Builder::from(&aws).retry_classifier(RetryTransactionConflicts);
    config.set_endpoint_url(endpoint);
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
    let store = Operator::new(dynamodb.clone(), &table);
    let audit = Audit::new(store.clone(), target.clone(), aws.clone(), is_local);
    Ok(Connection { store, audit, aws, dynamodb, table, place, stack, is_local })
}

/// Finds the stack, if the operator names one.
///
/// # Errors
/// If the environment names two deployments, or the stack is not found.
pub async fn stack(target: &Target) -> Result<Option<Stack>, Failure> {
    match target.stack_name(&Environment::of_process())? {
        Some(name) => Ok(Some(find(name, cloudformation(target).await?).await?)),
        None => Ok(None),
    }
}

/// Creates a client for Secrets Manager, with the same credentials.
///
/// # Errors
/// If no region is set.
pub async fn secrets_manager(target: &Target) -> Result<aws_sdk_secretsmanager::Client, Failure> {
    let (aws, endpoint) = service_config(target, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
    let mut config = aws_sdk_secretsmanager::config::Builder::from(&aws);
    config.set_endpoint_url(endpoint);
    Ok(aws_sdk_secretsmanager::Client::from_conf(config.build()))
}

/// Creates a client for CloudFormation, with the same credentials.
///
/// # Errors
/// If no region is set.
async fn cloudformation(target: &Target) -> Result<aws_sdk_cloudformation::Client, Failure> {
    let (aws, endpoint) = service_config(target, "AWS_ENDPOINT_URL_CLOUDFORMATION").await?;
    let mut config = aws_sdk_cloudformation::config::Builder::from(&aws);
    config.set_endpoint_url(endpoint);
    Ok(aws_sdk_cloudformation::Client::from_conf(config.build()))
}

/// Creates a client for CloudWatch Logs, with the same credentials.
///
/// # Errors
/// If no region is set.
pub async fn cloudwatch_logs(target: &Target) -> Result<aws_sdk_cloudwatchlogs::Client, Failure> {
    let (aws, endpoint) = service_config(target, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS").await?;
    let mut config = aws_sdk_cloudwatchlogs::config::Builder::from(&aws);
    config.set_endpoint_url(endpoint);
    Ok(aws_sdk_cloudwatchlogs::Client::from_conf(config.build()))
}

/// Returns the address of DynamoDB. `None` means AWS.
///
/// # Errors
/// If `--local` is set, and the file of `cargo run` and the environment name different addresses.
fn dynamodb_endpoint(target: &Target) -> Result<Option<String>, Failure> {
    const VARIABLE: &str = "AWS_ENDPOINT_URL_DYNAMODB";
    if !target.local {
        return Ok(target.endpoint_url.clone().or_else(|| endpoint_of_env(VARIABLE)));
    }
    let env = Environment::of_process();
    let Some((noted, file)) = local_endpoint::read(&env, LocalService::DynamoDb) else {
        return Ok(Some(LOCAL_ENDPOINT.to_owned()));
    };
    match env.optional(VARIABLE) {
        Some(set) if set.trim_end_matches('/') != noted => Err(Failure::usage(format!(
            "which table? `cargo run` serves one at {noted}, according to {}, and {VARIABLE} is {set}: unset it, or omit \
             --local",
            file.display()
        ))),
        _ => Ok(Some(noted)),
    }
}

/// Returns where the table is looked for, and the options that change it. If the table cannot be reached, the
/// message ends with this text.
pub fn place(target: &Target) -> String {
    let change = "--endpoint-url, AWS_ENDPOINT_URL_DYNAMODB or --local";
    match dynamodb_endpoint(target) {
        Ok(Some(endpoint)) => format!("tried {endpoint}; {change} changes that"),
        Ok(None) | Err(_) => format!("tried DynamoDB of the AWS region; --region, {change} changes that"),
    }
}
