//! The password hashes of elsewhere, run as they are; and what each costs.
//!
//! The costs are in Argon2's blocks of a KiB filled, so that the decoy can make up for a hash that is cheaper than a
//! new one. On the machine where they were measured, with AVX2, a block took 0.37 µs, a round of bcrypt 89, an iteration
//! of PBKDF2 0.48 (SHA-256) and 0.77 (SHA-1; SHA-512 takes longer), a unit of scrypt's N·r·p 0.27, a round of phpass
//! 0.28. They are rounded down: the decoy errs by doing too much, and by more where a block takes less.

use std::num::NonZeroU32;

use md5::{Digest, Md5};
use ring::{digest, pbkdf2};
use subtle::ConstantTimeEq;

use super::stored::{MAX_PHPASS_LOG, UnusableHash};
use crate::ambient::hex;

/// How many bytes of a password bcrypt looks at.
pub(super) const BCRYPT_BYTES: usize = 72;
/// The lowest cost that bcrypt defines.
pub(super) const LEAST_BCRYPT_COST: u32 = 4;

/// Blocks that one round of bcrypt's key schedule takes the time of.
const BLOCKS_PER_BCRYPT_ROUND: u32 = 240;
/// Blocks that one iteration of PBKDF2 takes the time of, but for SHA-256, which takes that of one.
const BLOCKS_PER_PBKDF2: u32 = 2;
/// Blocks that three units of scrypt take the time of.
const BLOCKS_PER_SCRYPT_THREE: u64 = 2;
/// What takes the time of one block: rounds of phpass.
const PHPASS_PER_BLOCK: u32 = 2;

/// Whether bcrypt of this has this hash.
pub(super) fn bcrypt(password: &[u8], hash: &str) -> bool {
    bcrypt::verify(password, hash).unwrap_or(false)
}

pub(super) fn bcrypt_work(cost: u32) -> u32 {
    BLOCKS_PER_BCRYPT_ROUND << cost
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(password: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, password).as_ref())
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

/// The iterations over all blocks of the output: each block is a run of its own.
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
    // Bounded long before this, so it always fits.
    let mixed = params.n() * u64::from(params.r()) * u64::from(params.p());
    u32::try_from(mixed * BLOCKS_PER_SCRYPT_THREE / 3).unwrap_or(u32::MAX)
}

/// phpass' portable hash: MD5, and MD5 of that with the password, again and again.
/// <https://www.openwall.com/phpass/>
pub(super) struct Phpass {
    log: u8,
    salt: String,
    /// In phpass' own base 64.
    output: String,
}

const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Phpass {
    /// Reads `$P$`, one character for the number of rounds, eight of salt and 22 of hash.
    pub(super) fn parse(stored: &str) -> Result<Self, UnusableHash> {
        let malformed = UnusableHash::Malformed;
        let rest = stored.get(3..).filter(|rest| rest.len() == 31 && rest.is_ascii()).ok_or(malformed)?;
        let digit = |byte: u8| ITOA64.iter().position(|digit| *digit == byte);
        let values: Vec<u8> = rest
            .bytes()
            .map(|byte| digit(byte).map(|value| value as u8))
            .collect::<Option<_>>()
            .ok_or(malformed)?;
        let log = *values.first().ok_or(malformed)?;
        match log {
            // Less is not phpass, more is not ours.
            ..7 => Err(malformed),
            7..=MAX_PHPASS_LOG => {
                let (salt, output) = (rest.get(1..9).ok_or(malformed)?, rest.get(9..).ok_or(malformed)?);
                Ok(Self { log, salt: salt.to_owned(), output: output.to_owned() })
            }
            _ => Err(UnusableHash::TooDear),
        }
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let mut state = Md5::new_with_prefix(&self.salt).chain_update(password).finalize();
        for _ in 0..1_u32 << self.log {
            state = Md5::new_with_prefix(state).chain_update(password).finalize();
        }
        encode64(&state).as_bytes().ct_eq(self.output.as_bytes()).into()
    }

    pub(super) fn work(&self) -> u32 {
        (1 << self.log) / PHPASS_PER_BLOCK
    }
}

/// Three bytes, the lowest bits first, as four digits.
fn encode64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let value = chunk.iter().rev().fold(0_usize, |value, byte| value << 8 | usize::from(*byte));
        for digit in 0..=chunk.len() {
            let index = value >> (6 * digit) & 63;
            text.extend(ITOA64.get(index).map(|digit| char::from(*digit)));
        }
    }
    text
}
