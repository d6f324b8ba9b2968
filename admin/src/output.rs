//! What a command says, for people or as JSON, and how it exits.

use std::io::{self, Write};
use std::process::ExitCode;

use postern::store::StoreError;
use serde_json::{Value, json};

/// What a command has to say when it is done.
pub struct Output {
    /// For people. A line break is added. Empty: nothing is said, in JSON neither.
    pub text: String,
    /// For scripts.
    pub json: Value,
    /// How it went.
    pub exit: Exit,
}

/// How a command went, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// There is no such user, key or table.
    NotFound = 3,
    /// The name is taken, the password is too weak, and the like.
    Refused = 4,
    /// Done, but for some rows.
    Partly = 5,
    /// AWS, or what stands in for it, cannot be reached.
    Unavailable = 6,
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One sentence for the operator: what is wrong, and what to do.
    pub message: String,
}

impl Output {
    /// Says this, and exits with success.
    pub fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: Exit::Done }
    }

    /// Says nothing, since what was asked for is on standard output already.
    pub fn silent() -> Self {
        Self::done("", Value::Null)
    }

    /// Prints it on standard output.
    pub fn print(&self, as_json: bool) -> ExitCode {
        if self.text.is_empty() {
            return self.exit.into();
        }
        let text = if as_json { self.json.to_string() } else { self.text.clone() };
        // Whoever reads it may have left, like `head`.
        let _ = writeln!(io::stdout(), "{text}");
        self.exit.into()
    }
}

impl Failure {
    /// With this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Prints it on standard error.
    pub fn print(&self, as_json: bool) -> ExitCode {
        if as_json {
            eprintln!("{}", json!({"error": self.message}));
        } else {
            eprintln!("postern: {}", self.message);
        }
        self.exit.into()
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Unavailable { .. } => Exit::Unavailable,
            StoreError::Rejected { .. } | StoreError::Unreadable { .. } => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
