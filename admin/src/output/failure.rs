//! Why a command failed, with its causes.

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use postern::error::Causes;
use postern::store::StoreError;
use serde_json::json;
use thiserror::Error;

use super::{Exit, json_text};

/// The error text of the AWS SDK if it finds no credentials.
const NO_CREDENTIALS: &str = "no credentials found in chain";

/// Why a command failed. [`Failure::text`] is what the operator reads.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The problem and its remedy. The cause is not part of it.
    pub message: String,
    #[source]
    cause: Option<Box<dyn StdError + Send + Sync>>,
    /// The text after the cause.
    advice: String,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), cause: None, advice: String::new() }
    }

    /// Adds the error that causes the failure. It becomes the source of the failure.
    #[must_use]
    pub fn caused_by(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self { cause: Some(Box::new(cause)), ..self }
    }

    /// Adds a text that follows the cause.
    #[must_use]
    pub fn advise(mut self, advice: &str) -> Self {
        self.advice += advice;
        self
    }

    /// Returns the message, the causes and the advice, for the operator.
    pub fn text(&self) -> String {
        let cause = self.source().map_or_else(String::new, |cause| format!(": {}", one_line(&Causes(cause))));
        format!("{}{cause}{}", self.message, self.advice)
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A service does not answer, or there are no credentials to ask it with.
    pub fn unavailable(message: &str) -> Self {
        if message.contains(NO_CREDENTIALS) {
            return Self::no_credentials();
        }
        Self::new(Exit::Unavailable, one_line(&message))
    }

    fn no_credentials() -> Self {
        let message = "there are no AWS credentials here; `aws configure`, `aws sso login`, or AWS_ACCESS_KEY_ID and its \
                       secret";
        Self::new(Exit::Failed, message)
    }

    /// Adds where the table was looked for, if DynamoDB cannot be reached.
    #[must_use]
    pub fn at(self, place: &str) -> Self {
        let of_table = self.message.starts_with("DynamoDB ");
        if self.exit == Exit::Unavailable && of_table && !self.text().contains(place) {
            return self.advise(&format!(" ({place})"));
        }
        self
    }

    /// Prints it on standard error.
    pub fn print(&self, as_json: bool) -> ExitCode {
        let text = if as_json {
            json_text(&json!({"error": self.text()}))
        } else {
            format!("postern: {}", self.text())
        };
        // If this fails, there is no other place to report it.
        let _ = writeln!(io::stderr(), "{text}");
        self.exit.into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Unavailable { cause } if cause.to_string().contains(NO_CREDENTIALS) => {
                Self::no_credentials()
            }
            StoreError::Unavailable { cause } => Self::new(Exit::Unavailable, message).caused_by(cause),
            StoreError::Rejected { cause } if cause.code() == Some("ResourceNotFoundException") => Self::new(
                Exit::NotFound,
                "there is no such table; `postern doctor` shows where it was looked for",
            ),
            StoreError::Rejected { cause } => Self::new(Exit::Failed, message).caused_by(cause),
            StoreError::Unreadable { .. } => Self::new(Exit::Failed, message),
        }
    }
}

/// Joins the lines of a text.
fn one_line(text: &impl ToString) -> String {
    text.to_string().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_the_message_then_the_causes_then_the_advice() {
        let inner = Failure::new(Exit::Failed, "a").caused_by(io::Error::other("b\n  c"));
        let outer = Failure::new(Exit::Partly, "not done").advise("; try again").caused_by(inner);
        assert_eq!(outer.text(), "not done: a: b; c; try again");
        assert_eq!(outer.to_string(), "not done", "Display does not repeat the source");
        assert_eq!(outer.source().unwrap().to_string(), "a");
        assert_eq!(Failure::usage("no cause").text(), "no cause");
    }

    #[test]
    fn place_of_the_table_is_added_once_and_only_if_the_table_cannot_be_reached() {
        let lost = |message| Failure::new(Exit::Unavailable, message).caused_by(io::Error::other("refused"));
        let failure = lost("DynamoDB is not available").at("tried here").at("tried here");
        assert_eq!(failure.text(), "DynamoDB is not available: refused (tried here)");
        assert_eq!(
            lost("Secrets Manager is away").at("tried here").text(),
            "Secrets Manager is away: refused"
        );
        assert_eq!(
            Failure::new(Exit::Failed, "DynamoDB refused").at("tried here").text(),
            "DynamoDB refused"
        );
    }
}
