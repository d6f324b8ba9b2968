//! Configuration: read once, at start, from the environment.
//!
//! A value that is missing or malformed stops the process with one line that names the variable. Nothing falls
//! back to a default because what was set could not be read.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::str::FromStr;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::password::Cost;
use crate::throttle::Policy;

/// The environment variables of the process, or of a test.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// What the process was started with.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.to_string_lossy().into_owned())))
                .collect(),
        )
    }

    /// These variables and no others.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// The same environment with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The value of a variable. Empty counts as not set, as in a SAM template that passes a parameter on.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// If it is not; `meaning` says what it should hold.
    pub fn required(&self, name: &'static str, meaning: &str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or_else(|| ConfigError::new(name, format!("is not set; it holds {meaning}")))
    }

    /// A whole number between two bounds, both included, or `default` where the variable is not set.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn number<T>(&self, name: &'static str, default: T, least: T, most: T) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        match self.optional(name) {
            None => Ok(default),
            Some(value) => {
                value.parse().ok().filter(|number| (&least..=&most).contains(&number)).ok_or_else(|| {
                    ConfigError::new(name, format!("must be a whole number from {least} to {most}"))
                })
            }
        }
    }

    /// A number of seconds, from one to ten years, or `default`.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn seconds(&self, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
        self.number(name, default.as_secs(), 1, 315_360_000).map(Duration::from_secs)
    }

    /// The issuer of a contract's tokens, or `default`.
    ///
    /// # Errors
    /// If it is `taken` by a contract whose issuer cannot be another: tokens of two contracts must not be alike.
    pub fn issuer(&self, name: &'static str, default: &str, taken: &str) -> Result<String, ConfigError> {
        match self.optional(name).unwrap_or(default) {
            issuer if issuer == taken => {
                let problem = format!("must not be \"{taken}\", which is another contract's issuer");
                Err(ConfigError::new(name, problem))
            }
            issuer => Ok(issuer.to_owned()),
        }
    }

    /// `true` or `false`, or `false` where the variable is not set.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.optional(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ConfigError::new(name, "must be true or false")),
        }
    }
}

/// A variable that is missing or malformed. Shows the variable and what is wrong, never its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The environment variable at fault.
    pub variable: &'static str,
    problem: String,
}

impl ConfigError {
    /// `problem` completes a sentence that begins with the variable's name.
    pub fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// What every function with a table needs to know. What only one contract needs is its own `Settings`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The DynamoDB table, `TABLE_NAME`.
    pub table: String,
    /// The AWS region, `AWS_REGION`.
    pub region: String,
    /// Where DynamoDB is, if not at AWS: `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
    pub dynamodb_endpoint: Option<String>,
    /// How many attempts are admitted, `THROTTLE_…`.
    pub throttle: Policy,
    /// What new password hashes cost, `ARGON2_…`.
    pub password_cost: Cost,
}

impl Config {
    /// Reads and checks what every function needs.
    ///
    /// # Errors
    /// On the first variable that is missing or malformed.
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
        })
    }

    /// Whether the table is one on this machine: the only place where sample keys are good enough.
    pub fn is_local(&self) -> bool {
        self.dynamodb_endpoint.as_deref().is_some_and(is_this_machine)
    }
}

/// The AWS region.
pub(crate) fn region(env: &Environment) -> Result<&str, ConfigError> {
    let region = env.required("AWS_REGION", "the AWS region, such as eu-central-1")?;
    if !is_region(region) {
        return Err(ConfigError::new("AWS_REGION", "must be an AWS region, such as eu-central-1"));
    }
    Ok(region)
}

/// Where DynamoDB is, if not at AWS.
pub(crate) fn dynamodb_endpoint(env: &Environment) -> Result<Option<&str>, ConfigError> {
    let endpoint = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"]
        .into_iter()
        .find_map(|name| env.optional(name).map(|url| (name, url)));
    if let Some((name, url)) = endpoint
        && host_of(url).is_none()
    {
        return Err(ConfigError::new(name, "must be a URL that begins with http:// or https://"));
    }
    Ok(endpoint.map(|(_, url)| url))
}

/// The certificates to trust instead of Amazon's own, as PEM: what is in the file that `AWS_CA_BUNDLE` names.
pub(crate) fn ca_bundle(env: &Environment) -> Result<Option<Vec<u8>>, ConfigError> {
    const VARIABLE: &str = "AWS_CA_BUNDLE";
    let Some(path) = env.optional(VARIABLE) else { return Ok(None) };
    let pem = fs::read(path).map_err(|error| {
        ConfigError::new(VARIABLE, format!("names a file that cannot be read: {}", error.kind()))
    })?;
    // The SDK panics on a certificate that it cannot take, so each is tried here.
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        certificate.ok().and_then(|certificate| roots.add(certificate).ok()).ok_or_else(|| {
            ConfigError::new(VARIABLE, "names a file with a certificate that cannot be read")
        })?;
    }
    if roots.is_empty() {
        return Err(ConfigError::new(VARIABLE, "names a file without a certificate; it must be PEM"));
    }
    Ok(Some(pem))
}

/// Whether a URL leads to this machine.
pub fn is_this_machine(url: &str) -> bool {
    host_of(url).is_some_and(|host| {
        matches!(host, "localhost" | "[::1]" | "host.docker.internal" | "host.containers.internal")
            || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
    })
}

/// DynamoDB's own rule for table names.
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

/// The host of a URL, without user, port and path. A URL with a user part has no host that we would trust.
fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?', '#']).next().filter(|a| !a.is_empty() && !a.contains('@'))?;
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next();
    }
    authority.split(':').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Environment {
        Environment::of([("TABLE_NAME", "postern"), ("AWS_REGION", "eu-central-1")])
    }

    #[test]
    fn each_bad_value_is_named() {
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
        ] {
            let error = Config::from_env(&complete().with(name, value)).unwrap_err();
            assert_eq!(error.variable, name, "{value}");
        }
    }

    #[test]
    fn a_bundle_of_certificates_is_read_or_named() {
        const ONE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let good = include_str!("../roots/amazon.pem");
        let file = std::env::temp_dir().join(format!("postern-bundle-{}.pem", std::process::id()));
        let env = complete().with("AWS_CA_BUNDLE", file.to_str().unwrap());
        let read = |content: &str| {
            fs::write(&file, content).unwrap();
            ca_bundle(&env).map_err(|error| error.to_string())
        };

        assert_eq!(read(good), Ok(Some(good.as_bytes().to_vec())));
        for bad in ["", "secret", ONE, &format!("{good}{ONE}"), "-----BEGIN CERTIFICATE-----\nMAA=\n"] {
            let error = read(bad).unwrap_err();
            assert!(error.starts_with("AWS_CA_BUNDLE names a file with"), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        fs::remove_file(&file).unwrap();
        let error = ca_bundle(&env).unwrap_err().to_string();
        assert_eq!(error, "AWS_CA_BUNDLE names a file that cannot be read: entity not found");

        assert_eq!(ca_bundle(&complete()), Ok(None));
        assert_eq!(ca_bundle(&complete().with("AWS_CA_BUNDLE", "")), Ok(None));
    }

    #[test]
    fn only_this_machine_is_local() {
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
