//! The rules for a new password: it is long enough, and it is not a common password (NIST SP 800-63B-4
//! §3.1.1.2, ASVS 5 6.2). There is no rule for its characters.

use ring::digest;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{MAX_BYTES, composed};
use crate::environment::{ConfigError, Environment};
use crate::identity::MAX_LOGIN_NAME_BYTES;

/// The rules for a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The least length of a new password, in Unicode code points (NIST SP 800-63B-4 §3.1.1.2).
    pub min_length: usize,
}

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// The password has fewer code points than [`PasswordPolicy::min_length`].
    #[error("the password is shorter than {min_length} characters")]
    TooShort {
        /// The least length, in code points.
        min_length: usize,
    },
    /// The password is longer than [`MAX_BYTES`].
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The password is a common one, or it is the user's own name.
    #[error("the password is too common")]
    TooCommon,
    /// The password has to be changed, and the new one is the same.
    #[error("the password is the one that has to be changed")]
    Unchanged,
}

/// The first four bytes of the SHA-256 of each common password, sorted: the 19,640 different ones of the 20,000
/// in Django's `CommonPasswordValidator`. `.ci/common-passwords` made the list. One in 200,000 other passwords
/// has the same four bytes, and counts as common too.
const COMMON: &[u8] = include_bytes!("common.bin");

impl PasswordPolicy {
    /// The rules if the environment sets none. 8 is the least that NIST allows for a password beside a second
    /// factor. It asks for 15 if the password is the only factor.
    pub const DEFAULT: Self = Self { min_length: 8 };

    /// Reads `PASSWORD_MIN_LENGTH`.
    ///
    /// # Errors If the variable is no number from 8 to 64. NIST asks that passwords of 64 characters be
    /// accepted, so the least length cannot be more.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let default = Self::DEFAULT.min_length;
        Ok(Self { min_length: env.number("PASSWORD_MIN_LENGTH", default, default, 64)? })
    }

    /// Checks the new password of a user with these names. The check uses the password in NFC, as the hash
    /// does.
    ///
    /// # Errors
    /// If the password is too short, too long, or too common.
    pub fn check(&self, password: &str, names: &[&str]) -> Result<(), WeakPassword> {
        let composed = composed(password);
        let password = composed.as_deref().map_or(password, String::as_str);
        if password.chars().count() < self.min_length {
            return Err(WeakPassword::TooShort { min_length: self.min_length });
        }
        if password.len() > MAX_BYTES {
            return Err(WeakPassword::TooLong);
        }
        if is_common(password, names) { Err(WeakPassword::TooCommon) } else { Ok(()) }
    }
}

/// Returns whether this is a common password, one of these names of its user, or nothing but spaces. The password is compared in
/// NFKC, as a login name is, in lower case, and without the spaces around it.
pub(crate) fn is_common(password: &str, names: &[&str]) -> bool {
    let folded = |text: &str| {
        let composed = Zeroizing::new(text.nfkc().collect::<String>());
        let lower = Zeroizing::new(composed.to_lowercase());
        // Lower case may undo NFKC.
        let lower = Zeroizing::new(lower.nfkc().collect::<String>());
        Zeroizing::new(lower.trim().to_owned())
    };
    let password = folded(password);
    // A longer name is nobody's, and would take longer to normalise than a password hash.
    let is_name = |name: &&str| name.len() <= MAX_LOGIN_NAME_BYTES && folded(name) == password;
    if password.is_empty() || names.iter().any(is_name) {
        return true;
    }
    let digest = digest::digest(&digest::SHA256, password.as_bytes());
    let (known, _) = COMMON.as_chunks::<4>();
    digest.as_ref().first_chunk().is_some_and(|start| known.binary_search(start).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_SHORT: WeakPassword = WeakPassword::TooShort { min_length: 8 };

    fn check_new(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
        PasswordPolicy::DEFAULT.check(password, names)
    }

    #[test]
    fn least_length_counts_code_points_of_the_password_in_nfc() {
        for short in ["1q9zT#k", "☃☃☃", "☃☃☃☃☃☃☃", "👩‍👩‍👧", "e\u{301}e\u{301}e\u{301}e\u{301}"]
        {
            assert_eq!(check_new(short, &[]), Err(TOO_SHORT), "{short}");
        }
        for long_enough in ["1q9zT#kx", "☃☃☃☃☃☃☃☃", "日本語のパスワード"] {
            assert_eq!(check_new(long_enough, &[]), Ok(()), "{long_enough}");
        }
    }

    #[test]
    fn password_has_at_most_1024_bytes() {
        assert_eq!(check_new(&"k7".repeat(512), &[]), Ok(()));
        assert_eq!(check_new(&"k7".repeat(513), &[]), Err(WeakPassword::TooLong));
    }

    #[test]
    fn least_length_is_a_setting_from_8_to_64() {
        let read = |value| PasswordPolicy::from_env(&Environment::of([("PASSWORD_MIN_LENGTH", value)]));
        assert_eq!(
            PasswordPolicy::from_env(&Environment::of::<&str, &str>([])).unwrap(),
            PasswordPolicy::DEFAULT
        );
        let policy = read("15").unwrap();
        assert_eq!(policy.check("fourteen chars", &[]), Err(WeakPassword::TooShort { min_length: 15 }));
        assert_eq!(policy.check("fifteen letters", &[]), Ok(()));
        for bad in ["7", "65", "long"] {
            assert_eq!(read(bad).unwrap_err().variable, "PASSWORD_MIN_LENGTH", "{bad}");
        }
    }

    #[test]
    fn common_password_is_refused_in_any_case() {
        for common in
            ["password", "Password", "PASSWORD1", " 12345678 ", "qwertyuiop", "iloveyou1", "trustno1"]
        {
            assert_eq!(check_new(common, &[]), Err(WeakPassword::TooCommon), "{common}");
        }
        for other in ["correct horse battery staple", "tr0ub4dor&3", "zzzzzzzzzzzzzzzzzz9", "pässwörd ☃"]
        {
            assert_eq!(check_new(other, &[]), Ok(()), "{other}");
        }
    }

    #[test]
    fn name_of_the_user_is_refused() {
        let names = ["Jane.Doe", "jane@example.com", "jose\u{301}.perez"];
        for name in ["jane.doe", "JANE@EXAMPLE.COM", " jane.doe ", "jos\u{e9}.perez", "\u{ff2a}ane.Doe"] {
            assert_eq!(check_new(name, &names), Err(WeakPassword::TooCommon), "{name}");
        }
        assert_eq!(check_new("jane.doe's cat", &names), Ok(()));
    }

    #[test]
    fn text_that_is_too_long_for_a_name_is_not_compared() {
        let spaces = " ".repeat(MAX_LOGIN_NAME_BYTES - 8);
        assert_eq!(check_new("jane.doe", &[&format!("jane.doe{spaces}")]), Err(WeakPassword::TooCommon));
        assert_eq!(check_new("jane.doe", &[&format!("jane.doe{spaces} ")]), Ok(()));
    }

    #[test]
    fn password_of_spaces_alone_is_refused() {
        for spaces in [" ".repeat(8), "\u{3000}".repeat(9)] {
            assert_eq!(check_new(&spaces, &[]), Err(WeakPassword::TooCommon), "{spaces:?}");
        }
    }

    /// No rule for a new password is needed to find the common ones of imported users.
    #[test]
    fn password_that_is_too_short_to_be_new_is_common_too() {
        for common in ["123456", "qwerty", "LetMeIn", " abc123 ", "jane", "e\u{301}ric"] {
            assert!(is_common(common, &["Jane", "\u{e9}ric"]), "{common}");
        }
        assert!(!is_common("1q9zT#k", &["jane"]));
    }

    #[test]
    fn list_of_common_passwords_is_sorted_and_complete() {
        let (known, rest) = COMMON.as_chunks::<4>();
        assert!(known.is_sorted() && known.len() == 19_640 && rest.is_empty());
    }
}
