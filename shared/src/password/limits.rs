//! The bounds of stored hashes, and why a hash cannot be used. The parameters of a hash are checked before it
//! is run. So a malicious import cannot stop a function with an expensive hash.

use thiserror::Error;

/// The most memory of a stored Argon2 hash, in KiB.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The most passes of a stored Argon2 hash.
pub const MAX_ITERATIONS: u32 = 10;
/// The most work of a stored Argon2 hash, in KiB times passes: 27 new hashes.
pub const MAX_WORK: u32 = 1024 * 1024;
/// The most iterations of a stored PBKDF2 hash, over all blocks of its output.
pub const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
/// The highest cost of a stored bcrypt hash.
pub const MAX_BCRYPT_COST: u32 = 14;
/// The highest log₂ N of a stored scrypt hash.
pub const MAX_SCRYPT_LOG_N: u8 = 17;
/// The highest N·r·p of a stored scrypt hash: 128 MiB, OWASP's first choice.
pub const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// The highest log₂ of the iterations of a stored phpass hash.
pub const MAX_PHPASS_LOG: u8 = 18;
/// The most rounds of crypt's SHA-2 under a layer of Argon2id. passlib uses 656,000 by default.
pub const MAX_SHA_CRYPT_ROUNDS: u32 = 700_000;
/// The highest N·r of a stored yescrypt hash: 64 MiB.
pub const MAX_YESCRYPT_WORK: u64 = 1 << 19;
/// A PBKDF2 hash of fewer iterations is fast to guess, and is imported under a layer of Argon2id.
pub const LEAST_PBKDF2_ITERATIONS: u32 = 10_000;

/// The longest password that phpass and crypt's MD5 and SHA-2 are tried with, in bytes. Each of their rounds
/// hashes the whole password, and the caller chooses its length. 64 characters, which NIST SP 800-63B-4
/// §3.1.1.2 asks for, have at most four bytes each in UTF-8.
pub(super) const MAX_BYTES_IN_EACH_ROUND: usize = 64 * 4;
/// The longest stored form, in bytes. A PHC string with the longest salt and hash is half as long.
pub(super) const MAX_STORED_BYTES: usize = 512;
/// The shortest hash, in bytes. With less than 128 bits, two passwords could have the same hash.
pub(super) const LEAST_OUTPUT_BYTES: usize = 16;
/// The longest hash, in bytes.
pub(super) const MAX_OUTPUT_BYTES: usize = 64;

/// Why a stored hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnusableHash {
    /// The algorithm is not known here.
    #[error("the password hash is of no known kind")]
    Unknown,
    /// The algorithm is known, and the hash is malformed.
    #[error("the password hash is broken")]
    Malformed,
    /// The hash would cost more than a function may spend on it.
    #[error("the password hash costs more than is allowed")]
    TooExpensive,
    /// The hash names a pepper, and is of a kind that is not accepted with one.
    #[error("the password hash is of a kind that is not accepted with a pepper")]
    NotWithPepper,
}

/// Reads a number of digits only. Rust's own parser would accept a `+` too. A number that does not fit into
/// 32 bits is too expensive for any parameter.
pub(super) fn decimal(text: &str) -> Result<u32, UnusableHash> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnusableHash::Malformed);
    }
    text.parse().map_err(|_| UnusableHash::TooExpensive)
}
