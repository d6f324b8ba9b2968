//! FreeSewing's encrypted columns: `{"iv":"<hex>","ct":"<hex>"}`, AES-256-CBC with PKCS#7 padding, of JSON. In version 2
//! the plugin `mongoose-encryption` encrypts a document's members in the same way, under another key.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;

/// Opens encrypted columns. It has no `Debug`: it holds the key.
pub struct Cipher {
    column_key: [u8; 32],
    document_key: [u8; 32],
}

/// A value does not open with this key, or is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotOpen;

#[derive(Deserialize)]
struct Sealed {
    iv: String,
    ct: String,
}

impl Cipher {
    /// With the key that follows from this passphrase, as FreeSewing derives it. None where scrypt refuses, which it
    /// does not for this cost.
    pub fn new(passphrase: &str) -> Option<Self> {
        let params = scrypt::Params::new(14, 8, 1).ok()?;
        let mut key = [0; 32];
        scrypt::scrypt(passphrase.as_bytes(), b"FreeSewing", &params, &mut key).ok()?;
        let secret = hmac::Key::new(hmac::HMAC_SHA512, passphrase.as_bytes());
        let document_key = hmac::sign(&secret, b"enc").as_ref().get(..32)?.try_into().ok()?;
        Some(Self { column_key: key, document_key })
    }

    /// Whether a column holds something encrypted.
    pub fn is_sealed(text: &str) -> bool {
        serde_json::from_str::<Sealed>(text).is_ok()
    }

    /// What an encrypted column holds.
    ///
    /// # Errors
    /// If the key is another. The padding does not always show that; what comes out may be garbage.
    pub fn open(&self, text: &str) -> Result<Value, DoesNotOpen> {
        let decode = |digits: &str| hex::decode(digits).map_err(|_| DoesNotOpen);
        let sealed: Sealed = serde_json::from_str(text).map_err(|_| DoesNotOpen)?;
        let (iv, text) = (decode(&sealed.iv)?, decode(&sealed.ct)?);
        opened(&self.column_key, &iv, &text)
    }

    /// The encrypted members of a document of version 2, from their base64: a version, the IV, and the ciphertext.
    ///
    /// # Errors
    /// As [`Cipher::open`].
    pub fn open_document(&self, sealed: &str) -> Result<Value, DoesNotOpen> {
        const IV: usize = 16;
        let sealed = STANDARD.decode(sealed).map_err(|_| DoesNotOpen)?;
        let (version, sealed) = sealed.split_first().ok_or(DoesNotOpen)?;
        let (iv, text) = sealed.split_at_checked(IV).ok_or(DoesNotOpen)?;
        if *version != b'a' {
            return Err(DoesNotOpen);
        }
        opened(&self.document_key, iv, text)
    }
}

fn opened(key: &[u8; 32], iv: &[u8], text: &[u8]) -> Result<Value, DoesNotOpen> {
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv).map_err(|_| DoesNotOpen)?;
    let plain = cipher.decrypt_padded_vec::<Pkcs7>(text).map_err(|_| DoesNotOpen)?;
    serde_json::from_slice(&plain).map_err(|_| DoesNotOpen)
}
