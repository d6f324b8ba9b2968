//! An error and its causes in one line of text.

use std::error::Error;
use std::fmt;

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
