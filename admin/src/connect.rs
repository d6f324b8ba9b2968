//! Which table, and with whose credentials: as the AWS CLI would have it, and on this machine with none.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use postern::config::{Environment, is_this_machine};
use postern::store::Store;

use crate::cli::Target;
use crate::output::Failure;

/// The table of `cargo run`, and where it is.
const LOCAL_TABLE: &str = "postern";
const LOCAL_ENDPOINT: &str = "http://127.0.0.1:8000";

/// The way to a deployment.
pub struct Connection {
    /// The table.
    pub store: Store,
    /// The clients' configuration, for services other than DynamoDB.
    pub aws: SdkConfig,
    /// The DynamoDB client, for what only this command asks.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The table's name.
    pub table: String,
    /// Whether the table is on this machine: the only place where sample keys are good enough.
    pub is_local: bool,
}

/// Finds the credentials and the region, and makes the clients. Nothing is asked of the table yet.
///
/// # Errors
/// If no table is named, or no region is set.
pub async fn connect(target: &Target) -> Result<Connection, Failure> {
    let env = Environment::of_process();
    let table = match (&target.table, target.local) {
        (Some(table), _) => table.clone(),
        (None, true) => LOCAL_TABLE.to_owned(),
        (None, false) => {
            return Err(Failure::usage(
                "which table? Name it with --table or TABLE_NAME (the stack's output TableName), or say --local \
                 for the one that `cargo run` serves",
            ));
        }
    };
    let endpoint = if target.local { Some(LOCAL_ENDPOINT.to_owned()) } else { target.endpoint_url.clone() };
    let endpoint = endpoint.or_else(|| env.optional("AWS_ENDPOINT_URL_DYNAMODB").map(str::to_owned));
    let is_local = endpoint.as_deref().is_some_and(is_this_machine);

    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(10)).build());
    if let Some(region) = &target.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &target.profile {
        loader = loader.profile_name(profile);
    }
    if target.local || is_local && env.optional("AWS_ACCESS_KEY_ID").is_none() {
        loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "this machine"));
    }
    let mut aws = loader.load().await;
    if is_local && (target.local || aws.region().is_none()) {
        aws = aws.into_builder().region(Region::new("us-east-1")).build();
    }
    if aws.region().is_none() {
        return Err(Failure::usage(
            "which region? Name it with --region, AWS_REGION, or in the profile (`aws configure`)",
        ));
    }
    let mut config = aws_sdk_dynamodb::config::Builder::from(&aws);
    config.set_endpoint_url(endpoint);
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(config.build());
    Ok(Connection { store: Store::new(dynamodb.clone(), &table), aws, dynamodb, table, is_local })
}
