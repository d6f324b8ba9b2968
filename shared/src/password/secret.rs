//! A password as a user typed it.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

use super::composed;

/// A password as a user typed it. `Debug` does not show it. It is wiped when it is dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Two passwords are equal if their NFC forms are, because these are hashed.
impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        let composed = |password: &Self| composed(password).unwrap_or_else(|| password.0.clone());
        composed(self) == composed(other)
    }
}

impl Eq for Password {}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }
}

impl From<&str> for Password {
    fn from(typed: &str) -> Self {
        Self::from(typed.to_owned())
    }
}

impl Deref for Password {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_a_password() {
        let password = Password::from("correct horse");
        assert_eq!(format!("{password:?} {password:#?}"), "Password(…) Password(…)");
    }
}
