//! What was looked at, how it is, and what to do about it: a line each.

use serde_json::{Value, json};

use crate::output::{Exit, Output};

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and should be looked at.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    level: Level,
    what: &'static str,
    says: String,
}

impl Check {
    /// It is as it should be.
    pub fn ok(what: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Ok, what, says: says.into() }
    }

    /// It should be looked at. `says` ends with what to do.
    pub fn warn(what: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Warn, what, says: says.into() }
    }

    /// It does not work. `says` ends with what to do.
    pub fn fail(what: &'static str, says: impl Into<String>) -> Self {
        Self { level: Level::Fail, what, says: says.into() }
    }

    const fn word(&self) -> &'static str {
        match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        }
    }
}

/// All of them; failed if one of them did.
pub fn report(checks: &[Check]) -> Output {
    let lines = checks.iter().map(|check| format!("{:<5}{:<14}{}", check.word(), check.what, check.says));
    let values = checks
        .iter()
        .map(|check| json!({"check": check.what, "level": check.word().to_lowercase(), "says": check.says}));
    let failed = checks.iter().any(|check| check.level == Level::Fail);
    Output {
        text: lines.collect::<Vec<_>>().join("\n"),
        json: Value::Array(values.collect()),
        exit: if failed { Exit::Failed } else { Exit::Done },
    }
}
