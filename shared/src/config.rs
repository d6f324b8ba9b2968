//! The configuration of a function that has a table. It is read from the environment at start.

use std::time::Duration;

use crate::environment::{ConfigError, Environment, is_http_url, is_this_machine};
use crate::password::{Cost, PasswordPolicy};
use crate::throttle::Policy;

/// The settings that all functions with a table share. Each contract has its own `Settings` beside them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table, `TABLE_NAME`.
    pub table: String,
    /// The AWS region, `AWS_REGION`.
    pub region: String,
    /// The URL of DynamoDB, if it is not AWS's: `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
    pub dynamodb_endpoint: Option<String>,
    /// The settings of the throttle, `THROTTLE_…`.
    pub throttle: Policy,
    /// The cost of a new password hash, `ARGON2_…`.
    pub password_cost: Cost,
    /// The rules for a new password, `PASSWORD_MIN_LENGTH`.
    pub password_policy: PasswordPolicy,
    /// The step of the grid on which refused attempts are answered, `REFUSAL_STEP_MILLISECONDS`. Zero
    /// switches the grid off.
    pub refusal_step: Duration,
}

/// With a whole vCPU, an attempt that is hashed once is refused on the first step.
const REFUSAL_STEP_MILLISECONDS: u64 = 50;
/// A longer step would raise the alarm on slow replies, and come close to a request's deadline.
const LONGEST_REFUSAL_STEP_MILLISECONDS: u64 = 4_000;

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// If a variable is missing or malformed. The error names the first one.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let table = env.required("TABLE_NAME", "the name of the DynamoDB table")?;
        if !is_table_name(table) {
            return Err(ConfigError::new(
                "TABLE_NAME",
                "must be 3 to 255 letters, digits, dots, dashes or underscores",
            ));
        }
        Ok(Self {
            table: table.to_owned(),
            region: region(env)?.to_owned(),
            dynamodb_endpoint: dynamodb_endpoint(env)?.map(str::to_owned),
            throttle: Policy::from_env(env)?,
            password_cost: Cost::from_env(env)?,
            password_policy: PasswordPolicy::from_env(env)?,
            refusal_step: refusal_step(env)?,
        })
    }

    /// Returns whether the table is on this machine. Only then are sample keys accepted.
    pub fn is_local(&self) -> bool {
        self.dynamodb_endpoint.as_deref().is_some_and(is_this_machine)
    }
}

/// Reads the step of the grid on which refused attempts are answered.
fn refusal_step(env: &Environment) -> Result<Duration, ConfigError> {
    let (default, most) = (REFUSAL_STEP_MILLISECONDS, LONGEST_REFUSAL_STEP_MILLISECONDS);
    env.number("REFUSAL_STEP_MILLISECONDS", default, 0, most).map(Duration::from_millis)
}

/// Reads the AWS region.
pub(crate) fn region(env: &Environment) -> Result<&str, ConfigError> {
    let region = env.required("AWS_REGION", "the AWS region, such as eu-central-1")?;
    if !is_region(region) {
        return Err(ConfigError::new("AWS_REGION", "must be an AWS region, such as eu-central-1"));
    }
    Ok(region)
}

/// Reads the URL of DynamoDB, if it is not AWS's.
pub(crate) fn dynamodb_endpoint(env: &Environment) -> Result<Option<&str>, ConfigError> {
    endpoint(env, "AWS_ENDPOINT_URL_DYNAMODB")
}

/// Reads the URL of a service, if it is not AWS's: the variable of the service, else `AWS_ENDPOINT_URL`.
pub(crate) fn endpoint<'e>(
    env: &'e Environment,
    of_service: &'static str,
) -> Result<Option<&'e str>, ConfigError> {
    let endpoint = [of_service, "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| env.optional(name).map(|url| (name, url)));
    if let Some((name, url)) = endpoint
        && !is_http_url(url)
    {
        return Err(ConfigError::new(name, "must be a URL that begins with http:// or https://"));
    }
    Ok(endpoint.map(|(_, url)| url))
}

/// Applies DynamoDB's rule for table names.
fn is_table_name(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_region(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let parts: Vec<&str> = name.split('-').collect();
    plain
        && parts.len() >= 3
        && parts.iter().all(|part| !part.is_empty())
        && parts.last().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Environment {
        Environment::of([("TABLE_NAME", "postern"), ("AWS_REGION", "eu-central-1")])
    }

    #[test]
    fn configuration_with_a_bad_value_is_an_error_that_names_it() {
        assert!(Config::from_env(&complete()).is_ok());
        for (name, value) in [
            ("TABLE_NAME", ""),
            ("TABLE_NAME", "a/b"),
            ("TABLE_NAME", "ab"),
            ("AWS_REGION", ""),
            ("AWS_REGION", "Frankfurt"),
            ("AWS_REGION", "eu-central-"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "127.0.0.1:8000"),
            ("AWS_ENDPOINT_URL", "http://"),
            ("THROTTLE_ADDRESS_LIMIT", "0"),
            ("ARGON2_MEMORY_KIB", "19455"),
            ("ARGON2_ITERATIONS", "1"),
            ("ARGON2_ITERATIONS", "11"),
            ("PASSWORD_MIN_LENGTH", "7"),
            ("REFUSAL_STEP_MILLISECONDS", "-1"),
            ("REFUSAL_STEP_MILLISECONDS", "4001"),
            ("REFUSAL_STEP_MILLISECONDS", "0.5"),
        ] {
            let error = Config::from_env(&complete().with(name, value)).unwrap_err();
            assert_eq!(error.variable, name, "{value}");
        }
    }

    #[test]
    fn table_is_local_only_on_this_machine() {
        let local = |url: &str| {
            Config::from_env(&complete().with("AWS_ENDPOINT_URL_DYNAMODB", url)).unwrap().is_local()
        };
        for url in [
            "http://127.0.0.1:8000",
            "http://localhost",
            "http://[::1]:8000/",
            "http://host.docker.internal:8000",
            "https://127.0.0.1:8443",
            "https://localhost:8443",
        ] {
            assert!(local(url), "{url}");
        }
        for url in [
            "https://dynamodb.eu-central-1.amazonaws.com",
            "http://localhost.example.com",
            "https://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://192.0.2.1/127.0.0.1",
        ] {
            assert!(!local(url), "{url}");
        }
        assert!(!Config::from_env(&complete()).unwrap().is_local());
        let disguised = complete().with("AWS_ENDPOINT_URL", "http://127.0.0.1@example.com");
        assert_eq!(Config::from_env(&disguised).unwrap_err().variable, "AWS_ENDPOINT_URL");
    }
}
