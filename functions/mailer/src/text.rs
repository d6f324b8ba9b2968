//! The texts of the mails, and how they are filled in.
//!
//! Each mail has two files: a text, whose first line is the subject, and the same in HTML. A placeholder is a
//! name in braces. A line with a placeholder that has no value is left out.

use postern::mail::{Mail, MailAddress, MailKind};
use postern::password_reset::{CodeForm, ResetCode};

use super::settings::{CODE, Settings};

/// The contracts at which a password can be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    Session,
    Account,
}

/// The languages of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

/// The two files of a mail.
struct Texts {
    text: &'static str,
    html: &'static str,
}

/// Includes the two files of a mail.
macro_rules! texts {
    ($name:literal) => {
        Texts {
            text: include_str!(concat!("../templates/", $name, ".txt")),
            html: include_str!(concat!("../templates/", $name, ".html")),
        }
    };
}

impl Contract {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "session" => Some(Self::Session),
            "account" => Some(Self::Account),
            _ => None,
        }
    }

    /// Returns the form of the codes that this contract's routes take.
    pub(super) const fn code_form(self) -> CodeForm {
        match self {
            Self::Session => CodeForm::Digits,
            Self::Account => CodeForm::Link,
        }
    }
}

impl Language {
    /// Returns the language with this code (ISO 639-1).
    pub(super) fn of(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }
}

const fn texts(contract: Contract, kind: MailKind, language: Language) -> Texts {
    match (contract, kind, language) {
        (Contract::Session, MailKind::ResetCode, Language::English) => texts!("session/reset_code.en"),
        (Contract::Session, MailKind::ResetCode, Language::German) => texts!("session/reset_code.de"),
        (Contract::Session, MailKind::PasswordChanged, Language::English) => {
            texts!("session/password_changed.en")
        }
        (Contract::Session, MailKind::PasswordChanged, Language::German) => {
            texts!("session/password_changed.de")
        }
        (Contract::Account, MailKind::ResetCode, Language::English) => texts!("account/reset_code.en"),
        (Contract::Account, MailKind::ResetCode, Language::German) => texts!("account/reset_code.de"),
        (Contract::Account, MailKind::PasswordChanged, Language::English) => {
            texts!("account/password_changed.en")
        }
        (Contract::Account, MailKind::PasswordChanged, Language::German) => {
            texts!("account/password_changed.de")
        }
    }
}

/// Writes a mail to this user.
pub(super) fn write(
    settings: &Settings,
    contract: Contract,
    kind: MailKind,
    to: MailAddress,
    username: &str,
    code: Option<&ResetCode>,
) -> Mail {
    let Texts { text, html } = texts(contract, kind, settings.language);
    let (first, text) = text.split_once("\n\n").unwrap_or_default();
    let of_file = first.strip_prefix("Subject: ").unwrap_or_default();
    let subject = settings.subject(kind).unwrap_or(of_file).to_owned();
    let minutes = contract.code_form().lifetime().as_secs() / 60;
    let value = |name: &str| match name {
        "subject" => Some(subject.clone()),
        // An imported username may have line breaks.
        "username" => Some(username.replace(char::is_control, " ")),
        "code" => code.map(|code| code.as_str().to_owned()),
        "link" => code.map(|code| settings.account_reset_url.replace(CODE, code.as_str())),
        "page" => settings.session_reset_url.clone(),
        "minutes" => Some(minutes.to_string()),
        "hours" => Some((minutes / 60).to_string()),
        _ => None,
    };
    let text = fill(text, value);
    let html = fill(html, |name| value(name).map(|value| escape(&value)));
    Mail { to, subject, text, html }
}

/// Fills a template in. It is read once, so a value that looks like a placeholder stays as it is.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let line = |line: &str| {
        let mut parts = line.split('{');
        let mut filled = parts.next()?.to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}')?;
            filled += &value(name)?;
            filled += rest;
        }
        Some(filled + "\n")
    };
    template.lines().filter_map(line).collect()
}

/// Escapes a text for HTML, as content and in a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
