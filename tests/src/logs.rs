//! Every log line of this process, as a function would write it. Each line is searched for secrets as it is written,
//! and kept.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use postern::logging;
use postern_local::demo::{RECOVERY_CODES, TOTP_SECRET, USERS};
use tracing::level_filters::LevelFilter;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Captures from now on, at the most verbose level that a function can be set to.
pub fn capture() {
    capture_at(LevelFilter::TRACE);
}

/// Captures from now on at this level, unless that was done before.
pub fn capture_at(level: LevelFilter) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(logging::subscriber(level, || Captured)).unwrap();
    });
}

/// All that was logged so far.
pub fn so_far() -> String {
    String::from_utf8(lines().clone()).unwrap()
}

/// The kind of secret that a text contains, if it contains one: a credential that a suite signs in with, or a text in
/// the form of a token or a hash.
pub fn find_secret(text: &str) -> Option<&'static str> {
    let has = |secret: &str| text.contains(secret);
    // Session tokens and their secrets: long, and of more than hexadecimal digits.
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let mut tokens = words.filter(|word| word.len() >= 43 && !word.bytes().all(|b| b.is_ascii_hexdigit()));
    if USERS.iter().any(|user| has(user.password)) {
        Some("a password")
    } else if RECOVERY_CODES.into_iter().any(has) || has(TOTP_SECRET) {
        Some("an MFA code or secret")
    } else if ["$argon2", "$2a$", "$2b$", "$2y$", "pbkdf2_sha"].into_iter().any(has) {
        Some("a password hash")
    } else if has("eyJ") {
        Some("a JWT")
    } else if has("cG9zdGVybiBzYW1wbGU") || has("postern sample") {
        Some("a signing key")
    } else if tokens.next().is_some() {
        Some("a session token")
    } else {
        None
    }
}

fn lines() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(secret) = find_secret(&String::from_utf8_lossy(bytes)) {
            // A panic may be caught, and this must not be overlooked.
            eprintln!("a log line holds {secret}: {}", String::from_utf8_lossy(bytes));
            std::process::exit(1);
        }
        lines().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_found_and_harmless_text_is_not() {
        let session = "0000000000XFamily0123yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1";
        for secret in [
            "SecurePass123!",
            "5ca1ab1e",
            TOTP_SECRET,
            "$argon2id$v=19",
            "eyJhbGciOiJIUzI1NiJ9",
            session,
            &session[21..],
            postern::token::SAMPLE_KEYS,
        ] {
            assert!(find_secret(&format!(r#"{{"cause":"x {secret} y"}}"#)).is_some(), "{secret}");
        }
        for harmless in [&"0a".repeat(32), "dispatch failure: connection refused", "account-signin", ""] {
            assert_eq!(find_secret(harmless), None, "{harmless}");
        }
    }
}
