//! The settings of the mailer.

use postern::environment::{ConfigError, Environment, is_http_url, is_this_machine};
use postern::mail::{MailAddress, MailKind};

use super::Language;

/// The place of a code in `ACCOUNT_RESET_URL`.
pub(super) const CODE: &str = "{code}";

/// The settings of the mailer.
pub(super) struct Settings {
    pub(super) transport: TransportKind,
    pub(super) language: Language,
    /// The page on which a user of the account contract chooses a new password, with [`CODE`] in it.
    pub(super) account_reset_url: String,
    /// The page on which a user of the session contract enters the code.
    pub(super) session_reset_url: Option<String>,
    reset_code_subject: Option<String>,
    password_changed_subject: Option<String>,
}

/// How mail is sent.
#[derive(Clone, Copy)]
pub(super) enum TransportKind {
    Ses,
    Smtp,
}

impl Settings {
    /// Reads `MAIL_TRANSPORT`, `MAIL_LANGUAGE`, `MAIL_SUBJECT_…`, `ACCOUNT_RESET_URL` and `SESSION_RESET_URL`.
    ///
    /// # Errors
    /// If one is malformed, or if there is no `ACCOUNT_RESET_URL`.
    pub(super) fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let transport = match env.optional("MAIL_TRANSPORT") {
            None | Some("ses") => TransportKind::Ses,
            Some("smtp") => TransportKind::Smtp,
            Some(_) => return Err(ConfigError::new("MAIL_TRANSPORT", "must be ses or smtp")),
        };
        let language = match env.optional("MAIL_LANGUAGE") {
            None => Language::English,
            Some(code) => Language::of(code).ok_or_else(|| {
                ConfigError::new("MAIL_LANGUAGE", "must be a language of the texts: en or de")
            })?,
        };
        Ok(Self {
            transport,
            language,
            account_reset_url: account_reset_url(env)?,
            session_reset_url: session_reset_url(env)?,
            reset_code_subject: subject(env, "MAIL_SUBJECT_RESET_CODE")?,
            password_changed_subject: subject(env, "MAIL_SUBJECT_PASSWORD_CHANGED")?,
        })
    }

    /// Returns the subject of the mails of a kind, if the operator chose one.
    pub(super) fn subject(&self, kind: MailKind) -> Option<&str> {
        match kind {
            MailKind::ResetCode => self.reset_code_subject.as_deref(),
            MailKind::PasswordChanged => self.password_changed_subject.as_deref(),
        }
    }
}

/// Reads the sender, `MAIL_FROM`.
pub(super) fn from(env: &Environment) -> Result<MailAddress, ConfigError> {
    const VARIABLE: &str = "MAIL_FROM";
    let from = env.required(VARIABLE, "the address from which mail is sent")?;
    MailAddress::parse(from).ok_or_else(|| ConfigError::new(VARIABLE, "must be one plain e-mail address"))
}

fn account_reset_url(env: &Environment) -> Result<String, ConfigError> {
    const VARIABLE: &str = "ACCOUNT_RESET_URL";
    let url = env.required(VARIABLE, "the page on which a user chooses a new password, with {code} in it")?;
    if url.matches(CODE).count() != 1 || !is_page(&url.replace(CODE, "0")) {
        return Err(ConfigError::new(VARIABLE, "must be an https URL with {code} in it once"));
    }
    Ok(url.to_owned())
}

fn session_reset_url(env: &Environment) -> Result<Option<String>, ConfigError> {
    const VARIABLE: &str = "SESSION_RESET_URL";
    match env.optional(VARIABLE) {
        Some(url) if !is_page(url) => Err(ConfigError::new(VARIABLE, "must be an https URL")),
        url => Ok(url.map(str::to_owned)),
    }
}

/// Returns whether a link in a mail may lead there. Over http, others on the way could read the code.
fn is_page(url: &str) -> bool {
    let is_safe = url.starts_with("https://") || is_this_machine(url);
    is_safe
        && is_http_url(url)
        && !url.contains(|c: char| c.is_whitespace() || c.is_control() || "{}".contains(c))
}

fn subject(env: &Environment, variable: &'static str) -> Result<Option<String>, ConfigError> {
    match env.optional(variable) {
        Some(subject) if subject.contains(char::is_control) => {
            Err(ConfigError::new(variable, "must be one line"))
        }
        subject => Ok(subject.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Environment {
        Environment::of([
            ("MAIL_FROM", "no-reply@example.com"),
            ("ACCOUNT_RESET_URL", "https://example.com/reset#code={code}"),
        ])
    }

    #[test]
    fn setting_with_a_bad_value_is_an_error_that_names_it() {
        let read = |env: &Environment| Settings::from_env(env).map(|_| ()).and(from(env).map(|_| ()));
        assert!(read(&complete()).is_ok());
        for (name, value) in [
            ("MAIL_TRANSPORT", "smtp"),
            ("MAIL_LANGUAGE", "de"),
            ("MAIL_SUBJECT_RESET_CODE", "Neues Passwort"),
            ("SESSION_RESET_URL", "https://example.com/reset"),
            ("ACCOUNT_RESET_URL", "http://localhost:5173/{code}"),
        ] {
            assert!(read(&complete().with(name, value)).is_ok(), "{name}={value}");
        }
        for (name, value) in [
            ("MAIL_FROM", ""),
            ("MAIL_FROM", "Postern <no-reply@example.com>"),
            ("MAIL_FROM", "no-reply@example.com\r\nBcc: eve@example.com"),
            ("MAIL_TRANSPORT", "sendmail"),
            ("MAIL_LANGUAGE", "xx"),
            ("MAIL_SUBJECT_RESET_CODE", "a\r\nBcc: eve@example.com"),
            ("MAIL_SUBJECT_PASSWORD_CHANGED", "a\nb"),
            ("ACCOUNT_RESET_URL", ""),
            ("ACCOUNT_RESET_URL", "https://example.com/reset"),
            ("ACCOUNT_RESET_URL", "https://example.com/{code}/{code}"),
            ("ACCOUNT_RESET_URL", "https://example.com/{code}?u={username}"),
            ("ACCOUNT_RESET_URL", "http://example.com/{code}"),
            ("ACCOUNT_RESET_URL", "javascript:alert('{code}')"),
            ("SESSION_RESET_URL", "http://example.com/reset"),
            ("SESSION_RESET_URL", "https://example.com/re\nset"),
        ] {
            let error = read(&complete().with(name, value)).unwrap_err();
            assert_eq!(error.variable, name, "{value}");
            assert!(value.is_empty() || !error.to_string().contains(value), "{error}");
        }
    }
}
