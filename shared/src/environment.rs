//! The environment variables of the process, and the error that names one.
//!
//! Each variable is read once, at start. A missing or malformed value ends the process with one line that
//! names the variable. No default replaces a value that cannot be read.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use url::{Host, Url};

/// The environment variables of the process, or of a test.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// Returns the variables with which the process was started.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.to_string_lossy().into_owned())))
                .collect(),
        )
    }

    /// Makes an environment of these variables and no others.
    pub fn of<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }

    /// Returns the environment with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the value of a variable. An empty value counts as not set, since a SAM template passes an
    /// empty parameter on.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the value of a variable that must be set.
    ///
    /// # Errors
    /// If it is not set. `meaning` tells the operator what the variable holds.
    pub fn required(&self, name: &'static str, meaning: &str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or_else(|| ConfigError::new(name, format!("is not set; it holds {meaning}")))
    }

    /// Returns a whole number between two bounds, both included. Returns `default` if the variable is not
    /// set.
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

    /// Returns a number of seconds, from one second to ten years. Returns `default` if the variable is not
    /// set.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn seconds(&self, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
        self.number(name, default.as_secs(), 1, 315_360_000).map(Duration::from_secs)
    }

    /// Returns an `https` URL as RFC 8414 §2 wants an issuer: without a query, a fragment and a user part. Verifiers
    /// compare it as a string and put paths after it. So it is spelled as URL parsers spell it, without a slash at
    /// its end. Returns `None` if the variable is not set.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn https_url(&self, name: &'static str) -> Result<Option<&str>, ConfigError> {
        let is_issuer = |text: &str| {
            parse(text).is_some_and(|url| {
                let is_plain = url.scheme() == "https" && url.query().is_none() && url.fragment().is_none();
                is_plain && url.as_str().trim_end_matches('/') == text
            })
        };
        match self.optional(name) {
            Some(text) if !is_issuer(text) => {
                let problem = "must be an https URL in its usual spelling, without a slash at its end";
                Err(ConfigError::new(name, problem))
            }
            url => Ok(url),
        }
    }

    /// Returns whether a variable is `true`. Returns `false` if it is `false` or not set.
    ///
    /// # Errors
    /// If it is set to anything else.
    pub fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        self.flag_or(name, false)
    }

    /// Returns a flag, or the default if the variable is not set.
    ///
    /// # Errors
    /// If it is neither `true` nor `false`.
    pub fn flag_or(&self, name: &'static str, default: bool) -> Result<bool, ConfigError> {
        match self.optional(name) {
            None => Ok(default),
            Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ConfigError::new(name, "must be true or false")),
        }
    }
}

/// A variable is missing or malformed, or names what cannot be used. The error shows the variable and the
/// problem, never the value.
#[derive(Debug, Error)]
#[error("{variable} {problem}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: &'static str,
    problem: String,
    #[source]
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl ConfigError {
    /// Makes an error. `problem` completes a sentence that begins with the name of the variable.
    pub fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into(), cause: None }
    }

    /// Adds the error that causes the problem. It becomes the source of this error.
    #[must_use]
    pub fn caused_by(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self { cause: Some(Box::new(cause)), ..self }
    }
}

/// Returns whether a URL leads to this machine. Its scheme is `http` or `https`, it has no user part, and its
/// host is a loopback address or the name of a container's host.
pub fn is_this_machine(url: &str) -> bool {
    parse(url).is_some_and(|url| match url.host() {
        Some(Host::Domain(name)) => LOCAL_NAMES.contains(&name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

/// Returns whether this is an `http` or `https` URL with a host and without a user part.
pub fn is_http_url(url: &str) -> bool {
    parse(url).is_some()
}

/// The host names under which programs and containers reach this machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];

fn parse(url: &str) -> Option<Url> {
    // The parser accepts `http:/x` and `http:x` too, and corrects them. The SDK does not.
    let has_host = url.starts_with("http://") || url.starts_with("https://");
    let parsed = Url::parse(url).ok().filter(|_| has_host)?;
    (parsed.username().is_empty() && parsed.password().is_none()).then_some(parsed)
}
