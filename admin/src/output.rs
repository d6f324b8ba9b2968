//! The output of a command, for people or as JSON, and its exit code.

mod failure;

use std::io::{self, Write};
use std::process::ExitCode;

use postern::clock::Timestamp;
use postern::identity::Status;
use postern::store::operator::Skipped;
use serde_json::Value;

pub use self::failure::Failure;

/// The output of a command that is done.
pub struct Output {
    /// For people, without the last line break. If it is empty, nothing is printed.
    pub text: String,
    /// For scripts. If it is null, nothing is printed.
    pub json: Value,
    /// The exit code.
    pub exit: Exit,
}

/// The exit codes.
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
    /// Done, except for some rows.
    Partly = 5,
    /// AWS, or another API in its place, cannot be reached.
    Unavailable = 6,
}

impl Output {
    /// The output of a command that succeeded.
    pub fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: Exit::Done }
    }

    /// The output of a command that succeeded and prints nothing.
    pub fn nothing() -> Self {
        Self::done(String::new(), Value::Null)
    }

    /// Prints it on standard output. If that fails, the command fails, because a secret that is shown once
    /// may be lost.
    pub fn print(&self, as_json: bool) -> ExitCode {
        let text = match as_json {
            true if !self.json.is_null() => json_text(&self.json),
            false if !self.text.is_empty() => self.text.clone(),
            _ => return self.exit.into(),
        };
        match write(format!("{text}\n").as_bytes()) {
            Ok(_) => self.exit.into(),
            Err(failure) => failure.print(as_json),
        }
    }
}

/// Whether somebody still reads the standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The output was written.
    Reads,
    /// The reader closed the pipe, as `head` does. More output is of no use.
    Gone,
}

/// Writes to standard output.
///
/// # Errors
/// If it cannot be written for another reason than a closed pipe, such as a full disk.
pub fn write(bytes: &[u8]) -> Result<Reader, Failure> {
    let mut out = io::stdout();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Reads),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => {
            let message = "the command is done, but its output cannot be written";
            Err(Failure::new(Exit::Failed, message).caused_by(error))
        }
    }
}

/// Returns whether a terminal may obey a character. Control characters could move the cursor. Other characters
/// change the direction of text (Unicode Standard Annex #9).
fn is_obeyed(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// Escapes a text that others chose, such as a username, for a terminal.
pub fn plain(text: &str) -> String {
    let escaped = |c: char| if is_obeyed(c) { c.escape_default().collect() } else { String::from(c) };
    text.chars().map(escaped).collect()
}

/// Writes a value as JSON in one line, for a terminal too.
pub fn json_text(value: &Value) -> String {
    escape_json(value.to_string())
}

/// Escapes JSON without line breaks for a terminal. JSON leaves characters from U+007F on as they are. Those that a
/// terminal may obey become JSON's own escapes, so the value stays the same.
pub fn escape_json(json: String) -> String {
    if !json.contains(is_obeyed) {
        return json;
    }
    // None of them is above U+FFFF, where JSON needs two escapes.
    let escape = |c: char| if is_obeyed(c) { format!("\\u{:04x}", u32::from(c)) } else { String::from(c) };
    json.chars().map(escape).collect()
}

/// Prints a line on standard error. If the reader closed the pipe, as `head` does, that is no failure.
pub fn print_message(line: &str) {
    let _ = writeln!(io::stderr(), "{}", plain(line));
}

/// A number with a noun: `1 session`, `2 sessions`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Names the items that a command skipped, in one line.
pub fn named(skipped: &Skipped) -> String {
    let first = skipped.first.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ");
    let more = match skipped.count - skipped.first.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}: {first}{more}", count(skipped.count, "item"))
}

/// The name of a status, as in JSON.
pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::NotActivated => "not_activated",
        Status::Disabled => "disabled",
        Status::Blocked => "blocked",
    }
}

/// A time, for people and scripts.
pub fn time(at: Timestamp) -> String {
    at.iso8601().unwrap_or_else(|| "after the year 9999".to_owned())
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_escaped_for_a_terminal_and_keeps_its_value() {
        let name = "Zoë 😀 \"\\ \u{1b}[2J\n\u{7f}\u{9b}2J\u{61c}\u{200e}\u{202e}\u{2066}x";
        let value = json!({name: [name]});
        let printed = json_text(&value);
        assert!(
            printed.is_ascii() || printed.chars().all(|c| c.is_ascii() || "ë😀".contains(c)),
            "{printed}"
        );
        assert!(!printed.contains(char::is_control), "{printed}");
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), value);
    }

    #[test]
    fn characters_that_turn_text_are_escaped() {
        for c in "\u{61c}\u{200e}\u{200f}\u{202a}\u{202e}\u{2066}\u{2069}".chars() {
            assert_eq!(plain(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(plain("Zoë\u{1b}[2J\r\n\u{9b}x"), "Zoë\\u{1b}[2J\\r\\n\\u{9b}x");
    }
}
