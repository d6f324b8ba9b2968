//! The check of a code: a TOTP code (RFC 6238) or a recovery code.
//!
//! This module does not record which codes were used. The store does, with a condition on the write that
//! signs the user in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, Builder, Secret};

use super::code::fold as fold_code;
use super::recovery_codes::RecoveryKey;
use super::secret::SecretText;
use crate::clock::Timestamp;

/// The length of a TOTP time step, in seconds.
const STEP_SECONDS: u64 = 30;

/// The shortest TOTP secret, in bytes. Products whose users can be imported have secrets of this length.
const LEAST_SECRET_BYTES: usize = 10;

/// A user's second factor as it is stored. A user who has one has MFA on.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mfa {
    /// The TOTP secret in base32.
    pub secret: SecretText,
    /// The last time step whose code was spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step: Option<u64>,
}

/// What a right code spends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spent {
    /// This TOTP time step, and with it every earlier one.
    Step(u64),
    /// The recovery code with this digest.
    RecoveryCode(String),
}

/// A stored TOTP secret is not base32, or too short to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableSecret;

impl Mfa {
    /// Returns what the code spends. Returns `None` if the code is wrong or was spent before. The code is
    /// folded first ([`fold_code`]). Then six digits are a TOTP code, and any other text is a recovery code.
    /// `recovery_codes` are the user's unused ones, each as [`RecoveryKey::digest`].
    ///
    /// # Errors
    /// If the stored secret cannot be read. That must never count as a user without MFA.
    pub fn check(
        &self,
        user_id: u64,
        recovery_codes: &BTreeSet<String>,
        code: &str,
        key: &RecoveryKey,
        now: Timestamp,
    ) -> Result<Option<Spent>, UnreadableSecret> {
        let secret =
            Secret::try_from_base32(self.secret.trim_end_matches('=')).map_err(|_| UnreadableSecret)?;
        // With an empty secret, anyone could compute the codes.
        if secret.as_bytes().len() < LEAST_SECRET_BYTES {
            return Err(UnreadableSecret);
        }
        // It is "noncompliant" only because RFC 4226 requires a secret of 128 bits. Imported users may have
        // one of 80 bits, and keep their authenticators.
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(STEP_SECONDS)
            .with_secret(secret)
            .build_noncompliant();
        let code = &fold_code(code);
        if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
            let step = totp.check(code, now.secs());
            return Ok(step.filter(|step| self.last_step.is_none_or(|last| *step > last)).map(Spent::Step));
        }
        let digest = key.digest(user_id, code);
        Ok(recovery_codes.contains(&digest).then_some(Spent::RecoveryCode(digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "KBTSKUKRDJPEGCZK";

    fn mfa(last_step: Option<u64>) -> Mfa {
        Mfa { secret: SECRET.into(), last_step }
    }

    fn check(mfa: &Mfa, code: &str, seconds: u64) -> Option<Spent> {
        mfa.check(
            43,
            &BTreeSet::new(),
            code,
            &RecoveryKey::new(b"test"),
            Timestamp::from_millis(seconds * 1000),
        )
        .unwrap()
    }

    #[test]
    fn code_of_the_current_step_is_right() {
        assert_eq!(check(&mfa(None), "582969", 1_700_000_000), Some(Spent::Step(1_700_000_000 / 30)));
    }

    #[test]
    fn code_is_right_one_step_early_or_late() {
        let step = 1_700_000_000 / 30;
        let (first, last) = ((step - 1) * 30, (step + 2) * 30 - 1);
        for seconds in [first, last] {
            assert_eq!(check(&mfa(None), "582969", seconds), Some(Spent::Step(step)), "{seconds}");
        }
        for seconds in [first - 1, last + 1] {
            assert_eq!(check(&mfa(None), "582969", seconds), None, "{seconds}");
        }
    }

    #[test]
    fn code_of_a_spent_or_an_earlier_step_is_wrong() {
        let step = 1_700_000_000 / 30;
        assert!(check(&mfa(Some(step - 1)), "582969", 1_700_000_000).is_some());
        assert!(check(&mfa(Some(step)), "582969", 1_700_000_000).is_none());
        assert!(check(&mfa(Some(step + 1)), "582969", 1_700_000_000).is_none());
    }

    #[test]
    fn code_of_another_form_is_wrong() {
        for code in ["", " ", "58296", "5829690", "58296 ", "５８２９６", "abcdef", "-82969", "582,969"]
        {
            assert_eq!(check(&mfa(None), code, 1_700_000_000), None, "{code}");
        }
    }

    #[test]
    fn code_as_people_type_it_is_right() {
        for code in ["582 969", "582\u{a0}969\n", "582-969", "５８２９６９", "٥٨٢٩٦٩"] {
            assert!(check(&mfa(None), code, 1_700_000_000).is_some(), "{code}");
        }
    }

    #[test]
    fn recovery_code_is_right_only_for_its_user_and_key() {
        let key = RecoveryKey::new(b"test");
        let codes = BTreeSet::from([key.digest(43, "0a1b2c3d")]);
        let check = |user_id, code: &str, key: &RecoveryKey| {
            mfa(None).check(user_id, &codes, code, key, Timestamp::from_millis(0)).unwrap()
        };
        let spent = Some(Spent::RecoveryCode(key.digest(43, "0a1b2c3d")));
        for typed in ["0A1B2C3D", "0a1b-2c3d", " 0A1B 2C3D\n", "０ａ１ｂ２ｃ３ｄ"] {
            assert_eq!(check(43, typed, &key), spent, "{typed}");
        }
        assert_eq!(check(44, "0a1b2c3d", &key), None);
        assert_eq!(check(43, "0a1b2c3d", &RecoveryKey::new(b"other")), None);
        assert_eq!(check(43, "0a1b2c3e", &key), None);
    }

    #[test]
    fn unreadable_secret_is_an_error() {
        let key = RecoveryKey::new(b"test");
        for secret in ["not base32!", "", "=", "KBTSKUKRDJPEGC"] {
            let broken = Mfa { secret: secret.into(), ..mfa(None) };
            let outcome = broken.check(43, &BTreeSet::new(), "582969", &key, Timestamp::from_millis(0));
            assert_eq!(outcome, Err(UnreadableSecret), "{secret}");
        }
    }
}
