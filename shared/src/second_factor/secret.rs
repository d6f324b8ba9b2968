//! The text of a secret of the second factor.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A TOTP secret in base32, or a recovery code. `Debug` does not show it. It is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Deref for SecretText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::second_factor::Enrolment;

    #[test]
    fn debug_does_not_show_a_secret() {
        let Enrolment { mfa, recovery_codes } = Enrolment::random();
        assert_eq!(format!("{:?} {:#?}", mfa.secret, mfa.secret), "SecretText(…) SecretText(…)");
        assert_eq!(format!("{:?}", recovery_codes[0]), "SecretText(…)");
    }

    #[test]
    fn secret_is_serialized_as_its_text() {
        let secret = SecretText::from("KBTSKUKRDJPEGCZK");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"KBTSKUKRDJPEGCZK\"");
        assert_eq!(serde_json::from_str::<SecretText>("\"KBTSKUKRDJPEGCZK\"").unwrap(), secret);
    }
}
