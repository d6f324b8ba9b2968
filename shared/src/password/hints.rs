//! Password hashes that do not name their algorithm. The operator names it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::classify::{Imported, classify, of_pbkdf2_with, of_scrypt, stored};
use super::legacy::{FIREBASE_KEYSTREAM_BYTES, HashFunction};
use super::limits::UnusableHash;

/// The input of bcrypt, if it was a digest and the hash does not say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BcryptOf {
    /// The digest of the password.
    pub function: HashFunction,
    /// Whether the digest was in base64, and not in hexadecimal.
    pub in_base64: bool,
}

/// The algorithm of a salt and a hash that are stored without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaltAndHash {
    /// PBKDF2 with HMAC of this hash function, and with this number of iterations.
    Pbkdf2(HashFunction, u32),
    /// scrypt with log₂ N, r and p.
    Scrypt(u8, u32, u32),
}

/// The parameters of a Firebase project, as its console shows them.
pub struct Firebase {
    /// The signer key.
    pub signer_key: Vec<u8>,
    /// The bytes after each salt.
    pub salt_separator: Vec<u8>,
    /// scrypt's r.
    pub rounds: u32,
    /// log₂ of scrypt's N.
    pub mem_cost: u8,
}

impl BcryptOf {
    /// Classifies a bcrypt hash with this input. A hash that is not bcrypt is classified by its form.
    ///
    /// # Errors
    /// If the hash is of no known kind, is malformed, or costs too much.
    pub fn classify(self, hash: &str) -> Result<Imported, UnusableHash> {
        if !["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version)) {
            return classify(hash);
        }
        let function = match self.function {
            HashFunction::Md5 => "md5",
            HashFunction::Sha1 => "sha1",
            HashFunction::Sha256 => "sha256",
            HashFunction::Sha512 => "sha512",
        };
        stored(&format!("bcrypt_{function}{}${hash}", if self.in_base64 { "_base64" } else { "" }))
    }
}

impl SaltAndHash {
    /// Classifies this salt and hash.
    ///
    /// # Errors
    /// If the hash is of no known kind, is malformed, or costs too much.
    pub fn classify(self, salt: &[u8], hash: &[u8]) -> Result<Imported, UnusableHash> {
        match self {
            Self::Pbkdf2(function, iterations) => of_pbkdf2_with(function, iterations, salt, hash),
            Self::Scrypt(log_n, r, p) => of_scrypt(log_n, r, p, salt, hash),
        }
    }
}

impl Firebase {
    /// Classifies the hash of a user of this project. The hash is the signer key, encrypted with a key from
    /// the password. The stored form keeps only the keystream, which depends on the password alone.
    ///
    /// # Errors
    /// If the hash is of no known kind, is malformed, or costs too much.
    pub fn classify(&self, hash: &[u8], salt: &[u8]) -> Result<Imported, UnusableHash> {
        if hash.len() != self.signer_key.len() {
            return Err(UnusableHash::Malformed);
        }
        let keystream: Vec<u8> = hash.iter().zip(&self.signer_key).map(|(byte, key)| byte ^ key).collect();
        let keystream = keystream.get(..FIREBASE_KEYSTREAM_BYTES).ok_or(UnusableHash::Malformed)?;
        let salt = STANDARD_NO_PAD.encode([salt, &self.salt_separator].concat());
        let keystream = STANDARD_NO_PAD.encode(keystream);
        stored(&format!("firebase$ln={},r={},p=1${salt}${keystream}", self.mem_cost, self.rounds))
    }
}
