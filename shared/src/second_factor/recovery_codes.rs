//! Recovery codes. A user who has lost the authenticator types one instead of a TOTP code. They are stored as
//! keyed digests.

use ring::hmac;

use crate::password_reset::{CodeOwner, ResetCode};

/// The key of the digests of recovery codes. A code has 64 bits, and one of an earlier enrolment has 32. An
/// attacker could find such a code from a plain hash. The key is not in the table.
pub struct RecoveryKey(hmac::Key);

impl RecoveryKey {
    /// Makes a key from its bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// Returns the HMAC-SHA-256 of the user's id and the code, in hexadecimal. The case of the code does not
    /// matter.
    ///
    /// The time of a comparison of digests shows nothing of use, since an attacker without the key cannot
    /// choose them.
    pub fn digest(&self, user_id: u64, code: &str) -> String {
        let message = format!("{user_id}\0{}", code.to_ascii_lowercase());
        hex::encode(hmac::sign(&self.0, message.as_bytes()).as_ref())
    }

    /// Returns the HMAC-SHA-256 of a code that resets a password, in hexadecimal, with its contract and its
    /// owner. Six digits could be found from a plain hash too.
    pub fn digest_reset_code(&self, contract: &str, owner: &CodeOwner, code: &ResetCode) -> String {
        // A digest of a recovery code begins with a number, so none of these is one of those.
        let message = format!("reset\0{contract}\0{owner}\0{}", code.as_str());
        hex::encode(hmac::sign(&self.0, message.as_bytes()).as_ref())
    }

    /// Returns the HMAC-SHA-256 of the e-mail address to which a code was sent, in hexadecimal. So the table does
    /// not show to whom an owner's codes go.
    pub fn digest_mailbox(&self, email: &str) -> String {
        hex::encode(hmac::sign(&self.0, format!("mailbox\0{email}").as_bytes()).as_ref())
    }

    /// Returns the first half of the HMAC-SHA-256 of an address at which a user is known, in hexadecimal. All
    /// IPv4 addresses could be found from a plain hash. The user's id is a part of it, so the table does not
    /// show which users share an address, and a name that passes to another user knows no address.
    pub(crate) fn digest_address(&self, user_id: u64, address_key: &str) -> String {
        let message = format!("address\0{user_id}\0{address_key}");
        let digest = hmac::sign(&self.0, message.as_bytes());
        hex::encode(digest.as_ref().get(..16).unwrap_or_default())
    }
}
