//! Digests of other products that are fast to guess, under a layer of Argon2id. The table stores Argon2id of
//! the old digest, and never the digest itself.
//!
//! | stored form | the old digest |
//! |---|---|
//! | `layered$md5-prefix$$SALT$argon2id$…`, `sha1-`, `sha256-`, `sha512-` | of the salt, then the password |
//! | `layered$md5-suffix$$SALT$argon2id$…`, `sha1-`, `sha256-`, `sha512-` | of the password, then the salt |
//! | `layered$md5-crypt$$SALT$argon2id$…` | crypt's MD5, `$1$` |
//! | `layered$sha256-crypt$ROUNDS$SALT$argon2id$…`, `sha512-crypt` | crypt's SHA-2, `$5$` and `$6$` |
//! | `layered$pbkdf2-sha256$ITERATIONS,BYTES$SALT$argon2id$…`, `-sha1`, `-sha512` | PBKDF2 of few iterations |
//!
//! SALT is the salt of the old digest, in base64 without padding. After it comes the rest of a PHC string.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::pbkdf2;

use super::algorithm::{Algorithm, FastKind};
use super::crypt;
use super::legacy::{self, HashFunction};
use super::limits::{
    LEAST_OUTPUT_BYTES, LEAST_PBKDF2_ITERATIONS, MAX_BYTES_IN_EACH_ROUND, MAX_OUTPUT_BYTES,
    MAX_SHA_CRYPT_ROUNDS, UnusableHash, decimal,
};
use super::pepper::Peppering;

/// The longest salt of an old digest, in bytes.
pub(super) const MAX_SALT_BYTES: usize = 128;
/// The longest salts that crypt's MD5 and SHA-2 read, in bytes.
const MAX_MD5_CRYPT_SALT_BYTES: usize = 8;
const MAX_SHA_CRYPT_SALT_BYTES: usize = 16;
/// The least rounds of crypt's SHA-2.
const LEAST_SHA_CRYPT_ROUNDS: u32 = 1000;
/// The bytes of the password with which a round of crypt's MD5 or SHA-512 takes as long as one block of Argon2,
/// if it hashes nothing else. SHA-256 is faster, because processors have instructions for it.
const CRYPT_BYTES_PER_BLOCK: u64 = 128;
const SHA256_CRYPT_BYTES_PER_BLOCK: u64 = 384;
/// The other input of a round of crypt, the digest and the salt. It takes as long as this many bytes of the password.
const CRYPT_ROUND_BYTES: usize = 64;

/// The computation of the old digest.
#[derive(Clone)]
pub(super) enum OldDigest {
    Plain { function: HashFunction, salt: Vec<u8>, salt_first: bool },
    Md5Crypt { salt: Vec<u8> },
    ShaCrypt { function: HashFunction, rounds: u32, salt: Vec<u8> },
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, length: usize },
}

/// A digest that is fast to guess, from an import. It cannot be stored before [`super::Passwords::layer`].
#[derive(Clone)]
pub struct FastDigest {
    /// The pepper with which the password was combined before it was hashed.
    pub(super) peppering: Option<Peppering>,
    pub(super) how: OldDigest,
    pub(super) digest: Vec<u8>,
}

impl FastDigest {
    pub(super) fn new(how: OldDigest, digest: Vec<u8>) -> Self {
        Self { peppering: None, how, digest }
    }

    /// Returns the part of the stored form before that of Argon2id. It ends in a `$`.
    pub(super) fn prefix(&self) -> String {
        self.peppering.as_ref().map(Peppering::to_string).unwrap_or_default() + &self.how.prefix()
    }

    /// Returns the algorithm of the stored form.
    pub fn algorithm(&self) -> Algorithm {
        if self.peppering.is_some() { Algorithm::Peppered } else { Algorithm::Layered(self.how.kind()) }
    }
}

impl fmt::Debug for FastDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FastDigest").field(&self.how.kind()).finish()
    }
}

impl OldDigest {
    pub(super) fn kind(&self) -> FastKind {
        match self {
            Self::Plain { function: HashFunction::Md5, .. } => FastKind::Md5,
            Self::Plain { function: HashFunction::Sha1, .. } => FastKind::Sha1,
            Self::Plain { function: HashFunction::Sha256, .. } => FastKind::Sha256,
            Self::Plain { function: HashFunction::Sha512, .. } => FastKind::Sha512,
            Self::Md5Crypt { .. } => FastKind::Md5Crypt,
            Self::ShaCrypt { function: HashFunction::Sha512, .. } => FastKind::Sha512Crypt,
            Self::ShaCrypt { .. } => FastKind::Sha256Crypt,
            Self::Pbkdf2 { .. } => FastKind::Pbkdf2,
        }
    }

    /// Returns the digest of this password. Returns `None`, without work, if the password is too long for each
    /// round.
    pub(super) fn of(&self, password: &[u8]) -> Option<Vec<u8>> {
        if !self.accepts(password.len()) {
            return None;
        }
        match self {
            Self::Plain { function, salt, salt_first: true } => Some(function.digest([salt, password])),
            Self::Plain { function, salt, salt_first: false } => Some(function.digest([password, salt])),
            Self::Md5Crypt { salt } => Some(crypt::md5(password, salt)),
            Self::ShaCrypt { function: HashFunction::Sha512, rounds, salt } => {
                crypt::sha512(password, salt, *rounds)
            }
            Self::ShaCrypt { rounds, salt, .. } => crypt::sha256(password, salt, *rounds),
            Self::Pbkdf2 { algorithm, iterations, salt, length } => {
                Some(legacy::pbkdf2(*algorithm, *iterations, password, salt, *length))
            }
        }
    }

    /// Returns whether this digest is accepted with a pepper. For crypt(3) a password ends at a NUL, and the
    /// bytes of an HMAC may contain one.
    pub(super) fn goes_with_pepper(&self) -> bool {
        !self.is_of_crypt()
    }

    fn is_of_crypt(&self) -> bool {
        matches!(self, Self::Md5Crypt { .. } | Self::ShaCrypt { .. })
    }

    fn accepts(&self, length: usize) -> bool {
        !self.is_of_crypt() || length <= MAX_BYTES_IN_EACH_ROUND
    }

    /// Returns what the digest of a password of this many bytes costs, as an estimate in Argon2's blocks.
    pub(super) fn work(&self, length: usize) -> u32 {
        if !self.accepts(length) {
            return 0;
        }
        let of_rounds = |rounds: u32, bytes_per_block: u64| {
            let bytes = u64::from(rounds) * (CRYPT_ROUND_BYTES + length) as u64;
            u32::try_from(bytes / bytes_per_block).unwrap_or(u32::MAX)
        };
        match self {
            Self::Plain { .. } => 0,
            Self::Md5Crypt { .. } => of_rounds(crypt::MD5_ROUNDS, CRYPT_BYTES_PER_BLOCK),
            Self::ShaCrypt { function: HashFunction::Sha512, rounds, .. } => {
                of_rounds(*rounds, CRYPT_BYTES_PER_BLOCK)
            }
            Self::ShaCrypt { rounds, .. } => of_rounds(*rounds, SHA256_CRYPT_BYTES_PER_BLOCK),
            Self::Pbkdf2 { algorithm, iterations, length, .. } => {
                legacy::pbkdf2_work(*algorithm, iterations.get(), *length)
            }
        }
    }

    /// Returns the part of the stored form before that of Argon2id. It ends in a `$`.
    fn prefix(&self) -> String {
        let (kind, numbers, salt) = match self {
            Self::Plain { function, salt, salt_first } => {
                (plain_name(*function, *salt_first), String::new(), salt)
            }
            Self::Md5Crypt { salt } => ("md5-crypt", String::new(), salt),
            Self::ShaCrypt { function: HashFunction::Sha512, rounds, salt } => {
                ("sha512-crypt", rounds.to_string(), salt)
            }
            Self::ShaCrypt { rounds, salt, .. } => ("sha256-crypt", rounds.to_string(), salt),
            Self::Pbkdf2 { algorithm, iterations, salt, length } => {
                (legacy::pbkdf2_name(*algorithm), format!("{iterations},{length}"), salt)
            }
        };
        format!("layered${kind}${numbers}${}$", STANDARD_NO_PAD.encode(salt))
    }

    /// Reads the parts of the text that [`Self::prefix`] returns.
    pub(super) fn parse(kind: &str, numbers: &str, salt: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed;
        let salt = STANDARD_NO_PAD.decode(salt).map_err(|_| malformed)?;
        match kind {
            "md5-crypt" if numbers.is_empty() => Self::md5_crypt(salt),
            "sha256-crypt" => Self::sha_crypt(HashFunction::Sha256, decimal(numbers)?, salt),
            "sha512-crypt" => Self::sha_crypt(HashFunction::Sha512, decimal(numbers)?, salt),
            "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => {
                let algorithm = legacy::pbkdf2_named(kind).ok_or(malformed)?;
                let (iterations, length) = numbers.split_once(',').ok_or(malformed)?;
                let length = usize::try_from(decimal(length)?).map_err(|_| malformed)?;
                Self::pbkdf2(algorithm, decimal(iterations)?, salt, length)
            }
            _ if numbers.is_empty() => {
                let (function, place) = kind.split_once('-').ok_or(UnusableHash::Unknown)?;
                let function = HashFunction::named(function).ok_or(UnusableHash::Unknown)?;
                match place {
                    "prefix" => Self::plain(function, salt, true),
                    "suffix" => Self::plain(function, salt, false),
                    _ => Err(UnusableHash::Unknown),
                }
            }
            _ => Err(malformed),
        }
    }

    pub(super) fn plain(
        function: HashFunction,
        salt: Vec<u8>,
        salt_first: bool,
    ) -> Result<Self, UnusableHash> {
        bounded(Self::Plain { function, salt_first, salt })
    }

    pub(super) fn md5_crypt(salt: Vec<u8>) -> Result<Self, UnusableHash> {
        if salt.len() > MAX_MD5_CRYPT_SALT_BYTES {
            return Err(UnusableHash::Malformed);
        }
        Ok(Self::Md5Crypt { salt })
    }

    pub(super) fn sha_crypt(
        function: HashFunction,
        rounds: u32,
        salt: Vec<u8>,
    ) -> Result<Self, UnusableHash> {
        if salt.len() > MAX_SHA_CRYPT_SALT_BYTES || rounds < LEAST_SHA_CRYPT_ROUNDS {
            return Err(UnusableHash::Malformed);
        }
        if rounds > MAX_SHA_CRYPT_ROUNDS {
            return Err(UnusableHash::TooExpensive);
        }
        Ok(Self::ShaCrypt { function, rounds, salt })
    }

    pub(super) fn pbkdf2(
        algorithm: pbkdf2::Algorithm,
        iterations: u32,
        salt: Vec<u8>,
        length: usize,
    ) -> Result<Self, UnusableHash> {
        let iterations = NonZeroU32::new(iterations).ok_or(UnusableHash::Malformed)?;
        if salt.is_empty() || !(LEAST_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&length) {
            return Err(UnusableHash::Malformed);
        }
        if iterations.get() >= LEAST_PBKDF2_ITERATIONS {
            return Err(UnusableHash::TooExpensive);
        }
        bounded(Self::Pbkdf2 { algorithm, iterations, salt, length })
    }
}

fn bounded(how: OldDigest) -> Result<OldDigest, UnusableHash> {
    let (OldDigest::Plain { salt, .. }
    | OldDigest::Md5Crypt { salt }
    | OldDigest::ShaCrypt { salt, .. }
    | OldDigest::Pbkdf2 { salt, .. }) = &how;
    if salt.len() <= MAX_SALT_BYTES { Ok(how) } else { Err(UnusableHash::Malformed) }
}

const fn plain_name(function: HashFunction, salt_first: bool) -> &'static str {
    match (function, salt_first) {
        (HashFunction::Md5, true) => "md5-prefix",
        (HashFunction::Md5, false) => "md5-suffix",
        (HashFunction::Sha1, true) => "sha1-prefix",
        (HashFunction::Sha1, false) => "sha1-suffix",
        (HashFunction::Sha256, true) => "sha256-prefix",
        (HashFunction::Sha256, false) => "sha256-suffix",
        (HashFunction::Sha512, true) => "sha512-prefix",
        (HashFunction::Sha512, false) => "sha512-suffix",
    }
}
