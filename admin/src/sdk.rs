//! The configuration of AWS's SDK. Credentials and region are found as the AWS CLI finds them. A table on this
//! machine needs none.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use postern::environment::{Environment, is_http_url, is_this_machine};

use crate::output::Failure;
use crate::target::Target;

/// Returns the configuration for another service than DynamoDB, and its address. `variable` holds the address;
/// `None` means AWS.
///
/// # Errors
/// If no region is set, or the address is no URL.
pub async fn service_config(
    target: &Target,
    variable: &'static str,
) -> Result<(SdkConfig, Option<String>), Failure> {
    let env = Environment::of_process();
    // An emulator with a stack has all services at one address.
    let of_stack = target.endpoint_url.as_deref().filter(|_| matches!(target.stack_name(&env), Ok(Some(_))));
    let (named_by, endpoint) = match (env.optional(variable), of_stack) {
        (None, Some(endpoint)) => ("--endpoint-url", Some(endpoint.to_owned())),
        _ => (variable, endpoint_of_env(variable)),
    };
    let is_local = on_this_machine(named_by, endpoint.as_deref())?;
    Ok((config(target, is_local).await?, endpoint))
}

/// Returns the address of a service in the environment. `None` means AWS.
pub fn endpoint_of_env(variable: &str) -> Option<String> {
    let env = Environment::of_process();
    env.optional(variable).or_else(|| env.optional("AWS_ENDPOINT_URL")).map(str::to_owned)
}

/// Returns whether an address is on this machine. `named_by` is the option or variable that has it.
///
/// # Errors
/// If the address is no `http` or `https` URL with a host, or if it has a user part.
pub fn on_this_machine(named_by: &str, endpoint: Option<&str>) -> Result<bool, Failure> {
    let Some(url) = endpoint else { return Ok(false) };
    if !is_http_url(url) {
        return Err(Failure::usage(format!("{named_by} must be a URL that begins with http:// or https://")));
    }
    Ok(is_this_machine(url))
}

/// Returns the configuration with the operator's credentials and region.
///
/// # Errors
/// If no region is set.
pub async fn config(target: &Target, is_local: bool) -> Result<SdkConfig, Failure> {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        // An operator waits. A wrong address must fail within seconds.
        .retry_config(
            RetryConfig::standard().with_max_attempts(5).with_initial_backoff(Duration::from_millis(250)),
        )
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(10)).build());
    if let Some(region) = &target.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &target.profile {
        loader = loader.profile_name(profile);
    }
    let no_key = Environment::of_process().optional("AWS_ACCESS_KEY_ID").is_none();
    if is_local && (target.local || no_key) {
        loader = loader.credentials_provider(Credentials::new("local", "local", None, None, "this machine"));
    }
    let mut aws = loader.load().await;
    if is_local && (target.local || aws.region().is_none()) {
        aws = aws.into_builder().region(Region::new("us-east-1")).build();
    }
    if aws.region().is_none() {
        let profile = target
            .profile
            .as_ref()
            .map_or_else(String::new, |profile| format!("The profile {profile} is not there or has none. "));
        return Err(Failure::usage(format!(
            "which region? {profile}Name it with --region, AWS_REGION, or in the profile (`aws configure`)"
        )));
    }
    Ok(aws)
}
