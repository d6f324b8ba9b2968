//! Recovery codes: what a user types when the authenticator is lost. They are stored as keyed digests.

use ring::hmac;

/// The key under which recovery codes are stored. They have 32 bits, so a plain hash of one is as good as the
/// code; this key is not in the table.
pub struct RecoveryKey(hmac::Key);

impl RecoveryKey {
    /// A key of its own.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// HMAC-SHA-256 of the user and the code, in hexadecimal. Case does not matter.
    ///
    /// Comparing such digests leaks nothing of use: who does not hold the key cannot steer them.
    pub fn digest(&self, user_id: u64, code: &str) -> String {
        let message = format!("{user_id}\0{}", code.to_ascii_lowercase());
        hex::encode(hmac::sign(&self.0, message.as_bytes()).as_ref())
    }
}
