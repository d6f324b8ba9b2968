//! Checks of a deployment: a line for each, with what to do if it is not ok.

use serde_json::{Value, json};

use crate::output::{Exit, Output};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well.
    Ok,
    /// It works, but should be changed.
    Warn,
    /// It does not work.
    Fail,
}

/// One check, with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    level: Level,
    name: &'static str,
    message: String,
}

impl Check {
    /// A check that found nothing wrong.
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Ok, name, message: message.into() }
    }

    /// A check of something that should be changed. `message` ends with what to do.
    pub fn warn(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Warn, name, message: message.into() }
    }

    /// A check of something that does not work. `message` ends with what to do.
    pub fn fail(name: &'static str, message: impl Into<String>) -> Self {
        Self { level: Level::Fail, name, message: message.into() }
    }

    const fn word(&self) -> &'static str {
        match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        }
    }
}

/// Returns the output for these checks. The command fails if one of them failed.
pub fn report(checks: &[Check]) -> Output {
    let lines = checks.iter().map(|check| format!("{:<5}{:<14}{}", check.word(), check.name, check.message));
    let values = checks.iter().map(
        |check| json!({"check": check.name, "level": check.word().to_lowercase(), "message": check.message}),
    );
    let failed = checks.iter().any(|check| check.level == Level::Fail);
    Output {
        text: lines.collect::<Vec<_>>().join("\n"),
        json: Value::Array(values.collect()),
        exit: if failed { Exit::Failed } else { Exit::Done },
    }
}
