//! The AWS clients, built by hand.
//!
//! `aws-config` would look for credentials in seven places, and the platform's 145 root certificates would be
//! parsed, at every cold start. In a Lambda the credentials are in the environment, and AWS's own certificates
//! come from five roots.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

use crate::config::{Config, ConfigError, Environment};

/// Amazon Trust Services' root certificates, <https://www.amazontrust.com/repository/>.
const AMAZON_ROOTS: &str = include_str!("../roots/amazon.pem");

/// What both clients are built from.
pub(crate) struct Aws {
    region: Region,
    credentials: Credentials,
    http: SharedHttpClient,
}

impl Aws {
    pub(crate) fn from_env(env: &Environment, config: &Config) -> Result<Self, ConfigError> {
        let credentials = Credentials::new(
            env.required("AWS_ACCESS_KEY_ID", "an AWS access key; Lambda sets it")?,
            env.required("AWS_SECRET_ACCESS_KEY", "an AWS secret key; Lambda sets it")?,
            env.optional("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "environment",
        );
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let tls = TlsContext::builder()
            .with_trust_store(roots)
            .build()
            .map_err(|_| ConfigError::new("AWS_REGION", "cannot be reached: TLS cannot be set up"))?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build_https();
        Ok(Self { region: Region::new(config.region.clone()), credentials, http })
    }

    pub(crate) fn dynamodb(&self, endpoint: Option<&str>) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region.clone())
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// The text of a secret.
    pub(crate) async fn secret(&self, arn: &str, endpoint: Option<&str>) -> Result<String, ConfigError> {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region.clone())
            .credentials_provider(self.credentials.clone())
            .http_client(self.http.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let unreadable = |cause: &str| {
            ConfigError::new(
                "SIGNING_KEYS_SECRET_ARN",
                format!("names a secret that cannot be read: {cause}"),
            )
        };
        let output = client.get_secret_value().secret_id(arn).send().await.map_err(|error| {
            use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
            unreadable(error.code().unwrap_or("Secrets Manager does not answer"))
        })?;
        output.secret_string.ok_or_else(|| unreadable("it is binary"))
    }
}

/// A dropped packet must not cost a sign-in; a struggling table must not be asked ten times.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50))
}

/// DynamoDB answers in milliseconds. The five trips of the longest sign-in, at this length each, still leave room
/// before Lambda's own time-out of ten seconds.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_millis(1800))
        .build()
}
