//! The environment variables of the process, and the error that names one.
//!
//! Each variable is read once, at start. A value that is missing or malformed stops the process with one line that names
//! the variable: no default replaces a value that cannot be read.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::{Host, Url};

/// The environment variables of the process, or of a test.
#[derive(Clone)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The variables that the process was started with.
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

/// Whether a URL leads to this machine: `http` or `https`, no user part, and a host that is a loopback address or the
/// name of a container's host.
pub fn is_this_machine(url: &str) -> bool {
    parse(url).is_some_and(|url| match url.host() {
        Some(Host::Domain(name)) => LOCAL_NAMES.contains(&name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

/// Whether this is a URL with a host: `http` or `https`, without a user part.
pub(crate) fn is_http_url(url: &str) -> bool {
    parse(url).is_some()
}

/// The names of this machine, as programs and containers see it.
const LOCAL_NAMES: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];

fn parse(url: &str) -> Option<Url> {
    // The parser mends what it can, `http:/x` and `http:x` too; the SDK would not.
    let has_host = url.starts_with("http://") || url.starts_with("https://");
    let parsed = Url::parse(url).ok().filter(|_| has_host)?;
    (parsed.username().is_empty() && parsed.password().is_none()).then_some(parsed)
}
