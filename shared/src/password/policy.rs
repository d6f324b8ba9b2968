//! What a new password must be: long enough, and none that everybody tries first (NIST SP 800-63B-4 §3.1.1.2, ASVS 5
//! 6.2). Nothing is asked of its characters.

use std::fmt;

use ring::digest;

use super::{MAX_BYTES, composed};

/// The shortest new password, in bytes.
pub const LEAST_BYTES: usize = 8;

/// Why a password may not be a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeakPassword {
    /// It is shorter than [`LEAST_BYTES`].
    TooShort,
    /// It is longer than [`MAX_BYTES`].
    TooLong,
    /// It is among the first that anybody tries, or the user's own name.
    TooCommon,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "the password is shorter than {LEAST_BYTES} bytes"),
            Self::TooLong => write!(f, "the password is longer than {MAX_BYTES} bytes"),
            Self::TooCommon => f.write_str("the password is too common"),
        }
    }
}

impl std::error::Error for WeakPassword {}

/// The first four bytes of the SHA-256 of each common password of [`LEAST_BYTES`] and more, sorted: 8,359 of the
/// 20,000 that Django's `CommonPasswordValidator` knows, made by `.ci/common-passwords`. One in half a million other
/// passwords is taken for one of them.
const COMMON: &[u8] = include_bytes!("common.bin");

/// Whether a password may be the new one of a user with these names. Looks at its NFC, which is what is hashed.
///
/// # Errors
/// With the reason why not.
pub fn check_new(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
    let composed = composed(password);
    let password = composed.as_deref().unwrap_or(password);
    if password.len() < LEAST_BYTES {
        return Err(WeakPassword::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(WeakPassword::TooLong);
    }
    let folded = password.trim().to_lowercase();
    let is_name = names.iter().any(|name| name.trim().to_lowercase() == folded);
    if is_name || is_common(&folded) { Err(WeakPassword::TooCommon) } else { Ok(()) }
}

fn is_common(folded: &str) -> bool {
    let digest = digest::digest(&digest::SHA256, folded.as_bytes());
    let (known, _) = COMMON.as_chunks::<4>();
    digest.as_ref().first_chunk().is_some_and(|start| known.binary_search(start).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_in_bytes() {
        assert_eq!(check_new("1q9zT#k", &[]), Err(WeakPassword::TooShort));
        assert_eq!(check_new("☃☃☃", &[]), Ok(()));
        assert_eq!(check_new(&"k7".repeat(512), &[]), Ok(()));
        assert_eq!(check_new(&"k7".repeat(513), &[]), Err(WeakPassword::TooLong));
    }

    #[test]
    fn what_everybody_tries_is_refused_however_it_is_written() {
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
    fn a_name_is_no_password() {
        let names = ["Jane.Doe", "jane@example.com"];
        for name in ["jane.doe", "JANE@EXAMPLE.COM", " jane.doe "] {
            assert_eq!(check_new(name, &names), Err(WeakPassword::TooCommon), "{name}");
        }
        assert_eq!(check_new("jane.doe's cat", &names), Ok(()));
    }

    #[test]
    fn the_list_is_sorted_and_whole() {
        let (known, rest) = COMMON.as_chunks::<4>();
        assert!(known.is_sorted() && known.len() > 8000 && rest.is_empty());
    }
}
