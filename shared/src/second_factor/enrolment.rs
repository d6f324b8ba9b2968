//! An enrolment in MFA: a new TOTP secret and new recovery codes. The user sees each of them once.

use totp_rs::Secret;

use super::{Mfa, RecoveryKey, SecretText};
use crate::random::random;

/// How many recovery codes a user gets.
const CODES: usize = 8;

/// The longest part of a name in the URI, in characters. A character takes at most twelve bytes, and the URI
/// has the issuer twice, so it fits into the 2,953 bytes of a QR code.
const MAX_SHOWN: usize = 64;

/// A new second factor. It has no `Debug`: only its user may see it, once.
pub struct Enrolment {
    /// The second factor as it is stored: a TOTP secret of 160 bits (RFC 4226 §4).
    pub mfa: Mfa,
    /// The recovery codes, 16 hexadecimal digits each: 64 bits.
    pub recovery_codes: Vec<SecretText>,
}

impl Enrolment {
    /// Makes an enrolment with a random secret and random recovery codes.
    pub fn random() -> Self {
        Self::of(Mfa { secret: Secret::from(random::<20>()).to_base32().into(), last_step: None })
    }

    /// Makes an enrolment with this secret, which the user has already, and random recovery codes.
    pub(crate) fn of(mfa: Mfa) -> Self {
        Self { mfa, recovery_codes: (0..CODES).map(|_| hex::encode(random::<8>()).into()).collect() }
    }

    /// Returns the digests of the recovery codes, as they are stored with the user of this id.
    pub fn digests(&self, user_id: u64, key: &RecoveryKey) -> Vec<String> {
        self.recovery_codes.iter().map(|code| key.digest(user_id, code)).collect()
    }

    /// Returns the `otpauth://` URI that authenticators read, in most cases from a QR code. They show
    /// `issuer` and `account`. Only the first 64 characters of each are used, so that the URI fits into a QR
    /// code.
    pub fn otpauth(&self, issuer: &str, account: &str) -> String {
        let [issuer, account] =
            [issuer, account].map(|text| percent_encoded(&text.chars().take(MAX_SHOWN).collect::<String>()));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", &*self.mfa.secret)
    }
}

/// Percent-encodes all characters that are not unreserved (RFC 3986 §2.3).
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::clock::Timestamp;
    use crate::second_factor::Spent;

    #[test]
    fn code_is_right_only_if_it_is_one_of_the_recovery_codes() {
        let enrolment = Enrolment::random();
        let key = RecoveryKey::new(b"test");
        let stored: BTreeSet<String> = enrolment.digests(7, &key).into_iter().collect();
        assert_eq!(stored.len(), 8);
        let check =
            |code: &str| enrolment.mfa.check(7, &stored, code, &key, Timestamp::from_millis(0)).unwrap();
        for code in &enrolment.recovery_codes {
            assert_eq!(code.len(), 16);
            assert_eq!(check(code), Some(Spent::RecoveryCode(key.digest(7, code))));
        }
        assert_eq!(check("0000000g"), None);
    }

    #[test]
    fn secret_has_160_bits_and_differs_each_time() {
        let (one, other) = (Enrolment::random().mfa.secret, Enrolment::random().mfa.secret);
        assert_eq!(Secret::try_from_base32(&*one).unwrap().as_bytes().len(), 20);
        assert_ne!(one, other);
    }

    #[test]
    fn otpauth_uri_is_percent_encoded() {
        let enrolment = Enrolment {
            mfa: Mfa { secret: "KBTSKUKRDJPEGCZK".into(), last_step: None },
            recovery_codes: Vec::new(),
        };
        assert_eq!(
            enrolment.otpauth("A & B", "zoë@example.com"),
            "otpauth://totp/A%20%26%20B:zo%C3%AB%40example.com?secret=KBTSKUKRDJPEGCZK&issuer=A%20%26%20B"
        );
    }
}
