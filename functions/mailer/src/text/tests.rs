//! The files in `templates/`: each has every placeholder that it needs, and no other.

use postern::environment::Environment;
use postern::password_reset::CodeOwner;

use super::*;

const CONTRACTS: [Contract; 2] = [Contract::Session, Contract::Account];
const KINDS: [MailKind; 2] = [MailKind::ResetCode, MailKind::PasswordChanged];
const LANGUAGES: [Language; 2] = [Language::English, Language::German];

fn settings(language: Language, session_reset_url: &str) -> Settings {
    let code = if language == Language::German { "de" } else { "en" };
    let env = Environment::of([
        ("MAIL_LANGUAGE", code),
        ("ACCOUNT_RESET_URL", "https://example.com/#{code}"),
        ("SESSION_RESET_URL", session_reset_url),
    ]);
    Settings::from_env(&env).unwrap()
}

fn mail(settings: &Settings, contract: Contract, kind: MailKind, code: Option<&ResetCode>) -> Mail {
    let to = MailAddress::parse("ann@example.com").unwrap();
    write(settings, contract, kind, to, "ann", code)
}

/// The placeholders of a template, in order and each once.
fn placeholders(template: &str) -> Vec<&str> {
    let mut names: Vec<_> = template.split('{').skip(1).map(|part| part.split_once('}').unwrap().0).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn every_mail_has_its_placeholders_in_each_language_as_text_and_as_html() {
    for contract in CONTRACTS {
        for kind in KINDS {
            for language in LANGUAGES {
                let of = format!("{contract:?} {kind:?} {language:?}");
                let Texts { text, html } = texts(contract, kind, language);
                let needed = match (contract, kind) {
                    (Contract::Session, MailKind::ResetCode) => vec!["code", "minutes", "page", "username"],
                    (Contract::Account, MailKind::ResetCode) => vec!["hours", "link", "username"],
                    (_, MailKind::PasswordChanged) => vec!["username"],
                };
                assert_eq!(placeholders(text), needed, "{of}");
                let in_html: Vec<_> =
                    placeholders(html).into_iter().filter(|name| *name != "subject").collect();
                assert_eq!(in_html, needed, "{of}");
                assert!(text.starts_with("Subject: ") && text.lines().nth(1) == Some(""), "{of}");
                // Nothing is loaded from elsewhere, so nobody learns that a mail was read.
                assert!(!html.contains("src=") && !html.contains("url(") && !html.contains("<link"), "{of}");
            }
        }
    }
}

#[test]
fn line_without_a_value_is_left_out_and_no_other() {
    let code = ResetCode::random(CodeForm::Digits, &CodeOwner::User(1));
    for language in LANGUAGES {
        let with = settings(language, "https://example.com/enter");
        let with = mail(&with, Contract::Session, MailKind::ResetCode, Some(&code));
        let without = mail(&settings(language, ""), Contract::Session, MailKind::ResetCode, Some(&code));
        let texts = texts(Contract::Session, MailKind::ResetCode, language);
        assert_eq!(with.text.lines().count() + 2, texts.text.lines().count());
        assert_eq!(with.text.lines().count(), without.text.lines().count() + 1);
        assert_eq!(with.html.lines().count(), without.html.lines().count() + 1);
        assert!(!without.text.contains("https://") && !without.html.contains("https://"));
    }
}

#[test]
fn mail_says_who_how_long_and_what_to_do_otherwise() {
    for (language, minutes, hours, otherwise) in [
        (Language::English, "15 minutes", "24 hours", "If it was not you"),
        (Language::German, "15 Minuten", "24 Stunden", "Wenn Sie das nicht waren"),
    ] {
        let settings = settings(language, "");
        for (contract, validity) in [(Contract::Session, minutes), (Contract::Account, hours)] {
            let code = ResetCode::random(contract.code_form(), &CodeOwner::User(1));
            let reset = mail(&settings, contract, MailKind::ResetCode, Some(&code));
            let changed = mail(&settings, contract, MailKind::PasswordChanged, None);
            for part in ["ann", validity, otherwise, code.as_str()] {
                assert!(reset.text.contains(part) && reset.html.contains(part), "{part}: {}", reset.text);
            }
            for part in ["ann", otherwise] {
                assert!(
                    changed.text.contains(part) && changed.html.contains(part),
                    "{part}: {}",
                    changed.text
                );
            }
            assert!(!reset.subject.contains(code.as_str()), "a subject is shown on locked screens");
        }
    }
}
