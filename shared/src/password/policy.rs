//! The rules for a new password: it is long enough, and it is not a common password (NIST SP 800-63B-4
//! §3.1.1.2, ASVS 5 6.2). There is no rule for its characters.

use ring::digest;
use thiserror::Error;

use super::{MAX_BYTES, composed};

/// The shortest new password, in bytes.
pub const LEAST_BYTES: usize = 8;

/// Why a new password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// The password is shorter than [`LEAST_BYTES`].
    #[error("the password is shorter than {LEAST_BYTES} bytes")]
    TooShort,
    /// The password is longer than [`MAX_BYTES`].
    #[error("the password is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// The password is a common one, or it is the user's own name.
    #[error("the password is too common")]
    TooCommon,
}

/// The first four bytes of the SHA-256 of each common password of [`LEAST_BYTES`] and more, sorted: 8,359 of
/// the 20,000 in Django's `CommonPasswordValidator`. `.ci/common-passwords` made the list. One in half a
/// million other passwords has the same four bytes, and is refused too.
const COMMON: &[u8] = include_bytes!("common.bin");

/// Checks the new password of a user with these names. The check uses the password in NFC, as the hash does.
///
/// # Errors
/// If the password is too short, too long, or too common.
pub fn check_new(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
    let composed = composed(password);
    let password = composed.as_deref().map_or(password, String::as_str);
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
    fn password_is_measured_in_bytes() {
        assert_eq!(check_new("1q9zT#k", &[]), Err(WeakPassword::TooShort));
        assert_eq!(check_new("☃☃☃", &[]), Ok(()));
        assert_eq!(check_new(&"k7".repeat(512), &[]), Ok(()));
        assert_eq!(check_new(&"k7".repeat(513), &[]), Err(WeakPassword::TooLong));
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
        let names = ["Jane.Doe", "jane@example.com"];
        for name in ["jane.doe", "JANE@EXAMPLE.COM", " jane.doe "] {
            assert_eq!(check_new(name, &names), Err(WeakPassword::TooCommon), "{name}");
        }
        assert_eq!(check_new("jane.doe's cat", &names), Ok(()));
    }

    #[test]
    fn list_of_common_passwords_is_sorted_and_complete() {
        let (known, rest) = COMMON.as_chunks::<4>();
        assert!(known.is_sorted() && known.len() > 8000 && rest.is_empty());
    }
}
