//! Why a function does not start, and an error with its causes in one line of text.

use std::error::Error;
use std::fmt;

use crate::environment::ConfigError;

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing or malformed, or names what cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up with the trusted certificates")]
    Tls,
    /// The processor computes a wrong hash.
    #[error("this processor computes Argon2 differently from RFC 9106: deploy for another Architecture")]
    Processor,
}

/// Displays an error, then each of its sources, separated by colons. No error of this crate repeats its
/// source in its own `Display`.
pub struct Causes<'e>(pub &'e dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
