//! The hashes of crypt(3) in glibc and libxcrypt: MD5, SHA-2 and yescrypt, and crypt's base64.

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use super::limits::{MAX_YESCRYPT_WORK, UnusableHash};

/// The longest password that crypt(3) accepts, in bytes (`CRYPT_MAX_PASSPHRASE_SIZE`).
pub(super) const MAX_PASSWORD_BYTES: usize = 512;
/// The rounds of crypt's SHA-2 if the hash names none.
pub(super) const DEFAULT_SHA_ROUNDS: u32 = 5000;
/// The rounds of crypt's MD5.
pub(super) const MD5_ROUNDS: u32 = 1000;

/// The length of a yescrypt hash, in bytes.
const YESCRYPT_BYTES: usize = 32;
/// The longest salt of yescrypt, in bytes.
const MAX_YESCRYPT_SALT_BYTES: usize = 64;
/// The units of yescrypt's N·r that take as long as one block of Argon2.
const YESCRYPT_PER_BLOCK: u64 = 3;

const ITOA64: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The order in which crypt writes the bytes of an MD5.
const MD5_ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/// Returns the value of a digit.
pub(super) fn digit(byte: u8) -> Option<u8> {
    ITOA64.iter().position(|digit| *digit == byte).and_then(|value| u8::try_from(value).ok())
}

/// Encodes each three bytes as four digits, the lowest bits first.
pub(super) fn encode64(bytes: &[u8]) -> String {
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

/// Decodes such digits. Returns `None` if no bytes have this encoding.
pub(super) fn decode64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let mut value = 0_u32;
        for (index, byte) in chunk.iter().enumerate() {
            value |= u32::from(digit(*byte)?) << (6 * index);
        }
        let count = chunk.len() * 6 / 8;
        if count == 0 || value >> (8 * count) != 0 {
            return None;
        }
        bytes.extend(value.to_le_bytes().iter().take(count));
    }
    Some(bytes)
}

/// Returns the digest of crypt's MD5 (`$1$`), with its bytes in the order in which crypt writes them.
pub(super) fn md5(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let alternate = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    for chunk in password.chunks(alternate.len()) {
        first.update(alternate.get(..chunk.len()).unwrap_or_default());
    }
    let mut length = password.len();
    while length > 0 {
        // A zero for each bit that is set, and the first byte of the password for each other bit.
        let byte = if length & 1 == 1 { 0 } else { password.first().copied().unwrap_or_default() };
        first.update([byte]);
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..MD5_ROUNDS {
        let mut next = Md5::new();
        if round % 2 == 1 {
            next.update(password)
        } else {
            next.update(digest)
        }
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        if round % 2 == 1 {
            next.update(digest)
        } else {
            next.update(password)
        }
        digest = next.finalize();
    }
    MD5_ORDER.iter().filter_map(|index| digest.get(*index).copied()).collect()
}

/// Returns the digest of crypt's SHA-256 (`$5$`), with its bytes in the order in which crypt writes them.
pub(super) fn sha256(password: &[u8], salt: &[u8], rounds: u32) -> Option<Vec<u8>> {
    let digest = sha_crypt::sha256_crypt(password, salt, sha_crypt::Params::new(rounds).ok()?);
    let mut order: Vec<usize> = Vec::new();
    let mut triple = [20_usize, 10, 0];
    for _ in 0..10 {
        order.extend(triple);
        triple = [triple[1] + 1, triple[2] + 1, triple[0] + 1];
    }
    order.extend([30, 31]);
    Some(order.iter().filter_map(|index| digest.get(*index).copied()).collect())
}

/// Returns the digest of crypt's SHA-512 (`$6$`), with its bytes in the order in which crypt writes them.
pub(super) fn sha512(password: &[u8], salt: &[u8], rounds: u32) -> Option<Vec<u8>> {
    let digest = sha_crypt::sha512_crypt(password, salt, sha_crypt::Params::new(rounds).ok()?);
    let mut order: Vec<usize> = Vec::new();
    let mut triple = [42_usize, 21, 0];
    for _ in 0..21 {
        order.extend(triple);
        triple = [triple[2] + 1, triple[0] + 1, triple[1] + 1];
    }
    order.push(63);
    Some(order.iter().filter_map(|index| digest.get(*index).copied()).collect())
}

/// A yescrypt hash (`$y$`) as crypt writes it today: with the default flavour, without parallelism, and with
/// the least time for its memory.
pub(super) struct Yescrypt {
    params: yescrypt::Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Yescrypt {
    /// Reads `<params>$<salt>$<hash>`.
    pub(super) fn parse(rest: &str) -> Result<Self, UnusableHash> {
        let parts: Vec<&str> = rest.split('$').collect();
        let [params, salt, output] = parts[..] else { return Err(UnusableHash::Malformed) };
        // A digit for the flavour, one for N, and one or two for r. Other parameters are not in use.
        if !(3..=4).contains(&params.len()) || !params.is_ascii() {
            return Err(UnusableHash::Unknown);
        }
        let params: yescrypt::Params = params.parse().map_err(|_| UnusableHash::Malformed)?;
        let usual = yescrypt::Params::new(yescrypt::Mode::default(), params.n(), params.r(), 1);
        if usual != Ok(params) {
            return Err(UnusableHash::Unknown);
        }
        if params.n().saturating_mul(params.r().into()) > MAX_YESCRYPT_WORK {
            return Err(UnusableHash::TooExpensive);
        }
        let salt = decode64(salt).filter(|salt| salt.len() <= MAX_YESCRYPT_SALT_BYTES);
        let output = decode64(output).filter(|output| output.len() == YESCRYPT_BYTES);
        let (salt, output) = salt.zip(output).ok_or(UnusableHash::Malformed)?;
        Ok(Self { params, salt, output })
    }

    /// Returns whether this is the password. Returns `None` if there is no memory for the hash.
    pub(super) fn matches(&self, password: &[u8]) -> Option<bool> {
        let mut output = [0; YESCRYPT_BYTES];
        yescrypt::yescrypt(password, &self.salt, &self.params, &mut output).ok()?;
        Some(output.ct_eq(&self.output).into())
    }

    pub(super) fn work(&self) -> u32 {
        let mixed = self.params.n().saturating_mul(self.params.r().into());
        u32::try_from(mixed / YESCRYPT_PER_BLOCK).unwrap_or(u32::MAX)
    }
}
