//! FreeSewing's encrypted columns: `{"iv":"<hex>","ct":"<hex>"}`, which is JSON encrypted with AES-256-CBC
//! and PKCS#7 padding. In version 2, the plugin `mongoose-encryption` encrypts a document's members in the
//! same way, under another key.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Decrypts columns. It has no `Debug`, because it holds the key.
pub(super) struct Cipher {
    column_key: [u8; 32],
    document_key: [u8; 32],
}

/// The value is encrypted under another key, or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the value does not decrypt")]
pub(super) struct DecryptError;

#[derive(Deserialize)]
struct Encrypted {
    iv: String,
    ct: String,
}

impl Cipher {
    /// Derives the keys from this passphrase, as FreeSewing does. Returns `None` if scrypt refuses its
    /// parameters, which never happens.
    pub(super) fn new(passphrase: &str) -> Option<Self> {
        let params = scrypt::Params::new(14, 8, 1).ok()?;
        let mut key = [0; 32];
        scrypt::scrypt(passphrase.as_bytes(), b"FreeSewing", &params, &mut key).ok()?;
        let secret = hmac::Key::new(hmac::HMAC_SHA512, passphrase.as_bytes());
        let document_key = hmac::sign(&secret, b"enc").as_ref().get(..32)?.try_into().ok()?;
        Some(Self { column_key: key, document_key })
    }

    /// Whether a column is encrypted.
    pub(super) fn is_encrypted(text: &str) -> bool {
        serde_json::from_str::<Encrypted>(text).is_ok()
    }

    /// Decrypts a column. The padding does not always reveal a wrong key, so the value may be garbage.
    ///
    /// # Errors
    /// If the column is encrypted under another key, or broken.
    pub(super) fn decrypt(&self, text: &str) -> Result<Value, DecryptError> {
        let decode = |digits: &str| hex::decode(digits).map_err(|_| DecryptError);
        let encrypted: Encrypted = serde_json::from_str(text).map_err(|_| DecryptError)?;
        let (iv, text) = (decode(&encrypted.iv)?, decode(&encrypted.ct)?);
        decrypted(&self.column_key, &iv, &text)
    }

    /// Decrypts the members of a document of version 2, from base64 of a version, the IV and the ciphertext.
    ///
    /// # Errors
    /// If the members are encrypted under another key, or broken.
    pub(super) fn decrypt_document(&self, encrypted: &str) -> Result<Value, DecryptError> {
        const IV: usize = 16;
        let encrypted = STANDARD.decode(encrypted).map_err(|_| DecryptError)?;
        let (version, encrypted) = encrypted.split_first().ok_or(DecryptError)?;
        let (iv, text) = encrypted.split_at_checked(IV).ok_or(DecryptError)?;
        if *version != b'a' {
            return Err(DecryptError);
        }
        decrypted(&self.document_key, iv, text)
    }
}

fn decrypted(key: &[u8; 32], iv: &[u8], text: &[u8]) -> Result<Value, DecryptError> {
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).map_err(|_| DecryptError)?;
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(text).map_err(|_| DecryptError)?;
    serde_json::from_slice(&plain).map_err(|_| DecryptError)
}
