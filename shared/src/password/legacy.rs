//! The algorithms of legacy hashes, and what each costs.
//!
//! The unit of a cost is the work that fills one block of Argon2, a KiB. After a hash that is cheaper than a
//! new one, the decoy does the rest of the work. These times were measured with AVX2, in µs:
//!
//! | work | µs |
//! |---|---|
//! | a block of Argon2 | 0.37 |
//! | a round of bcrypt | 89 |
//! | an iteration of PBKDF2 with SHA-256 | 0.48 |
//! | an iteration of PBKDF2 with SHA-1; SHA-512 takes longer | 0.77 |
//! | a unit of scrypt's N·r·p | 0.27 |
//! | a round of phpass, with a password of up to 39 bytes | 0.28 |
//! | each further block of 64 bytes in a round of phpass | 0.10 |
//!
//! The costs are rounded down, so the decoy does too much work rather than too little. On a processor with
//! faster blocks, it does even more.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use base64::Engine;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use md5::{Digest, Md5};
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

use super::crypt;
use super::limits::{MAX_BYTES_IN_EACH_ROUND, MAX_PHPASS_LOG, UnusableHash};

/// The bytes of a password that bcrypt reads.
pub(super) const BCRYPT_BYTES: usize = 72;
/// The lowest cost that bcrypt defines.
pub(super) const LEAST_BCRYPT_COST: u32 = 4;

/// bcrypt computes 24 bytes, stores this many of them, and writes them as this many digits.
const BCRYPT_OUTPUT_BYTES: usize = 23;
const BCRYPT_OUTPUT_DIGITS: usize = 31;
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);
/// The length of the stored keystream of Firebase's scrypt: 256 bits.
pub(super) const FIREBASE_KEYSTREAM_BYTES: usize = 32;

/// The blocks that take as long as one round of bcrypt's key schedule.
const BLOCKS_PER_BCRYPT_ROUND: u32 = 240;
/// The blocks that take as long as one iteration of PBKDF2. One iteration with SHA-256 takes as long as one
/// block.
const BLOCKS_PER_PBKDF2: u32 = 2;
/// The blocks that take as long as three units of scrypt's N·r·p.
const BLOCKS_PER_SCRYPT_THREE: u64 = 2;
/// The blocks of MD5 that take as long as one block of Argon2. A round of phpass takes as long as its blocks
/// and one more.
const MD5_PER_BLOCK: u32 = 4;
/// The bytes of a block of MD5, of its digest, and of the least padding.
const MD5_BLOCK_BYTES: usize = 64;
const MD5_BYTES: usize = 16;
const MD5_PADDING_BYTES: usize = 9;

/// Returns whether this password has this bcrypt hash.
pub(super) fn bcrypt(password: &[u8], hash: &str) -> bool {
    bcrypt::verify(password, hash).unwrap_or(false)
}

pub(super) fn bcrypt_work(cost: u32) -> u32 {
    BLOCKS_PER_BCRYPT_ROUND << cost
}

/// Returns whether this password has this bcrypt hash, as the first versions of crypt_blowfish computed it
/// (`$2x$`). Returns `false` if bytes of the password were lost, because other passwords have the same hash.
pub(super) fn sign_extended_bcrypt(password: &[u8], hash: &str) -> bool {
    let Ok(parts) = hash.parse::<bcrypt::HashParts>() else { return false };
    let (key, is_whole) = sign_extended_key(password);
    let output = bcrypt::bcrypt(parts.get_cost(), parts.get_salt_raw(), &key);
    let output = output.get(..BCRYPT_OUTPUT_BYTES).map(|output| BCRYPT_BASE64.encode(output));
    let stored = hash.get(hash.len() - BCRYPT_OUTPUT_DIGITS..);
    let matches = output.zip(stored).is_some_and(|(a, b)| a.as_bytes().ct_eq(b.as_bytes()).into());
    matches && is_whole
}

/// Returns the key that the first versions of crypt_blowfish made of a password, and whether it depends on
/// every byte that bcrypt reads. They extended the sign of a byte over 127, which overwrote the bytes before
/// it in its word of four bytes. The password repeats in the key, so an overwritten byte may be in another
/// word.
pub(super) fn sign_extended_key(password: &[u8]) -> (Vec<u8>, bool) {
    let mut bytes = password.iter().chain([&0]).enumerate().cycle();
    let (mut key, mut kept) = (Vec::new(), BTreeSet::new());
    for _ in 0..BCRYPT_BYTES / 4 {
        let mut word = 0_u32;
        let mut in_word = Vec::new();
        for (index, byte) in bytes.by_ref().take(4) {
            if !byte.is_ascii() {
                in_word.clear();
            }
            in_word.push(index);
            word = word << 8 | i32::from(i8::from_ne_bytes([*byte])).cast_unsigned();
        }
        key.extend(word.to_be_bytes());
        kept.extend(in_word);
    }
    let is_whole = kept.len() == BCRYPT_BYTES.min(password.len() + 1);
    (key, is_whole)
}

/// A hash function whose digests other products store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFunction {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl HashFunction {
    /// Returns the hash function with this name in stored forms and options.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "md5" => Some(Self::Md5),
            "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Returns the digest of these two parts, one after the other.
    pub(super) fn digest(self, parts: [&[u8]; 2]) -> Vec<u8> {
        let of_ring = |algorithm| {
            let mut context = digest::Context::new(algorithm);
            parts.iter().for_each(|part| context.update(part));
            context.finish().as_ref().to_vec()
        };
        match self {
            Self::Md5 => {
                parts.iter().fold(Md5::new(), |md5, part| md5.chain_update(part)).finalize().to_vec()
            }
            Self::Sha1 => of_ring(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => of_ring(&digest::SHA256),
            Self::Sha512 => of_ring(&digest::SHA512),
        }
    }
}

/// Returns the input of bcrypt in WordPress 6.8: HMAC-SHA-384 of the trimmed password, in base64.
/// <https://developer.wordpress.org/reference/functions/wp_hash_password/>
pub(super) fn wordpress_input(password: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384"), trimmed(password)))
}

/// Returns the password as PHP's `trim` leaves it. PHP would trim a NUL too, but no password with a NUL is
/// right for a legacy hash.
pub(super) fn trimmed(password: &[u8]) -> &[u8] {
    let is_trimmed = |byte: &u8| b" \t\n\r\x0b".contains(byte);
    let begin = password.iter().position(|byte| !is_trimmed(byte)).unwrap_or(password.len());
    let end = password.iter().rposition(|byte| !is_trimmed(byte)).map_or(begin, |last| last + 1);
    password.get(begin..end).unwrap_or_default()
}

/// Returns the first two blocks of the keystream with which Firebase encrypts a project's signer key: AES-256
/// in counter mode, with a key that scrypt derives from the password.
pub(super) fn firebase_keystream(params: &scrypt::Params, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let key = scrypt(params, password, salt, 32)?;
    let cipher = Aes256::new_from_slice(&key).ok()?;
    let mut keystream = Vec::new();
    for counter in 0..FIREBASE_KEYSTREAM_BYTES as u128 / 16 {
        let mut block = counter.to_be_bytes().into();
        cipher.encrypt_block(&mut block);
        keystream.extend(block);
    }
    Some(keystream)
}

pub(super) fn pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Vec<u8> {
    let mut output = vec![0; length];
    pbkdf2::derive(algorithm, iterations, salt, password, &mut output);
    output
}

/// Returns the algorithm of PBKDF2 with this name in stored forms.
pub(super) fn pbkdf2_named(name: &str) -> Option<pbkdf2::Algorithm> {
    match name {
        "pbkdf2" | "pbkdf2-sha1" => Some(pbkdf2::PBKDF2_HMAC_SHA1),
        "pbkdf2-sha256" => Some(pbkdf2::PBKDF2_HMAC_SHA256),
        "pbkdf2-sha512" => Some(pbkdf2::PBKDF2_HMAC_SHA512),
        _ => None,
    }
}

/// Returns the name of an algorithm of PBKDF2 in new stored forms.
pub(super) fn pbkdf2_name(algorithm: pbkdf2::Algorithm) -> &'static str {
    match algorithm {
        _ if algorithm == pbkdf2::PBKDF2_HMAC_SHA1 => "pbkdf2-sha1",
        _ if algorithm == pbkdf2::PBKDF2_HMAC_SHA512 => "pbkdf2-sha512",
        _ => "pbkdf2-sha256",
    }
}

/// Returns the iterations for all blocks of the output. PBKDF2 runs once for each block.
pub(super) fn pbkdf2_iterations(algorithm: pbkdf2::Algorithm, iterations: u32, length: usize) -> u32 {
    let block = match algorithm {
        _ if algorithm == pbkdf2::PBKDF2_HMAC_SHA1 => digest::SHA1_OUTPUT_LEN,
        _ if algorithm == pbkdf2::PBKDF2_HMAC_SHA512 => digest::SHA512_OUTPUT_LEN,
        _ => digest::SHA256_OUTPUT_LEN,
    };
    iterations.saturating_mul(length.div_ceil(block) as u32)
}

pub(super) fn pbkdf2_work(algorithm: pbkdf2::Algorithm, iterations: u32, length: usize) -> u32 {
    let iterations = pbkdf2_iterations(algorithm, iterations, length);
    let blocks = if algorithm == pbkdf2::PBKDF2_HMAC_SHA256 { 1 } else { BLOCKS_PER_PBKDF2 };
    iterations.saturating_mul(blocks)
}

pub(super) fn scrypt(
    params: &scrypt::Params,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let mut output = vec![0; length];
    scrypt::scrypt(password, salt, params, &mut output).ok()?;
    Some(output)
}

pub(super) fn scrypt_work(params: &scrypt::Params) -> u32 {
    // The bounds of stored hashes are checked before this, so the number always fits.
    let mixed = params.n() * u64::from(params.r()) * u64::from(params.p());
    u32::try_from(mixed * BLOCKS_PER_SCRYPT_THREE / 3).unwrap_or(u32::MAX)
}

/// phpass' portable hash: MD5 of the salt and the password, then in each round MD5 of the last digest and the
/// password.
/// <https://www.openwall.com/phpass/>
pub(super) struct Phpass {
    log: u8,
    salt: String,
    /// In phpass' own base64.
    output: String,
}

impl Phpass {
    /// Reads `$P$`, one character for the number of rounds, eight of salt and 22 of hash.
    pub(super) fn parse(stored: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed;
        let rest = stored.get(3..).filter(|rest| rest.len() == 31 && rest.is_ascii()).ok_or(malformed)?;
        let values: Vec<u8> = rest.bytes().map(crypt::digit).collect::<Option<_>>().ok_or(malformed)?;
        let log = *values.first().ok_or(malformed)?;
        match log {
            // phpass writes no lower number. A higher one costs too much.
            ..7 => Err(malformed),
            7..=MAX_PHPASS_LOG => {
                let (salt, output) = (rest.get(1..9).ok_or(malformed)?, rest.get(9..).ok_or(malformed)?);
                Ok(Self { log, salt: salt.to_owned(), output: output.to_owned() })
            }
            _ => Err(UnusableHash::TooExpensive),
        }
    }

    /// Returns whether this is the password. A password that is too long for each round is wrong.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let accepted = password.len() <= MAX_BYTES_IN_EACH_ROUND;
        let password = if accepted { password } else { &[] };
        let mut state = Md5::new_with_prefix(&self.salt).chain_update(password).finalize();
        for _ in 0..1_u32 << self.log {
            state = Md5::new_with_prefix(state).chain_update(password).finalize();
        }
        accepted && crypt::encode64(&state).as_bytes().ct_eq(self.output.as_bytes()).into()
    }

    pub(super) fn work(&self, length: usize) -> u32 {
        let length = if length <= MAX_BYTES_IN_EACH_ROUND { length } else { 0 };
        let blocks = (MD5_BYTES + length + MD5_PADDING_BYTES).div_ceil(MD5_BLOCK_BYTES) as u32;
        (1 << self.log) * (1 + blocks) / MD5_PER_BLOCK
    }
}
