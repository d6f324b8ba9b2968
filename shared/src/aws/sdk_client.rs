//! The SDK's own client of DynamoDB, for what only an operator does.

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::{Client, Config};

use super::Aws;
use super::service::{ATTEMPT_TIMEOUT, INITIAL_BACKOFF, MAX_ATTEMPTS, OPERATION_TIMEOUT};

impl Aws {
    /// Returns the SDK's own client of DynamoDB, for an operator of `cargo run` and of the tests. `postern` makes
    /// its own. It retries, and gives up, as the functions' client does.
    pub(crate) fn dynamodb_client(&self, endpoint: Option<&str>) -> Client {
        let retries = RetryConfig::standard();
        let timeouts = TimeoutConfig::builder();
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .retry_config(retries.with_max_attempts(MAX_ATTEMPTS).with_initial_backoff(INITIAL_BACKOFF))
            .retry_classifier(RetryTransactionConflicts)
            .timeout_config(
                timeouts
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            );
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Client::from_conf(config.build())
    }
}

/// Makes the SDK retry a write that DynamoDB refuses because a transaction works on the same item. By default
/// the SDK does not. `service.rs` has the same rule for the functions.
#[derive(Debug)]
pub struct RetryTransactionConflicts;

impl ClassifyRetry for RetryTransactionConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let conflict = error
            .as_operation_error()
            .and_then(|error| error.downcast_ref::<UpdateItemError>())
            .is_some_and(UpdateItemError::is_transaction_conflict_exception);
        if conflict { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}
