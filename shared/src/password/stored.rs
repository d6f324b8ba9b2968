//! Password hashes as they are stored: our own, and those that users bring along.
//!
//! | stored form | what it is |
//! |---|---|
//! | `$argon2id$…`, `$argon2i$…` | Argon2 (RFC 9106), a PHC string |
//! | `$scrypt$ln=…,r=…,p=…$…` | scrypt (RFC 7914), a PHC string |
//! | `$pbkdf2$i=…$…`, `$pbkdf2-sha256$…`, `$pbkdf2-sha512$…` | PBKDF2 (RFC 8018) with HMAC-SHA-1, -256, -512, a PHC string |
//! | `$2a$…`, `$2b$…`, `$2y$…` | bcrypt |
//! | `bcrypt_suffix$SUFFIX$$2y$…` | bcrypt of the password followed by the suffix |
//! | `bcrypt_sha256$$2b$…` | bcrypt of the password's SHA-256 in hexadecimal, as Django stores it |
//! | `pbkdf2_sha256$…`, `pbkdf2_sha1$…`, `scrypt$…`, `argon2$argon2id$…`, `bcrypt$$2b$…` | as Django stores them |
//! | `$P$…`, `$H$…` | phpass, the portable hash of older PHP applications |
//!
//! Whatever it asks for is bounded before it is run: a poisoned import must not stall a function.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use subtle::ConstantTimeEq;

use super::foreign::{self, Phpass};
use super::{Cost, argon};

/// The dearest memory of a stored Argon2 hash, in KiB.
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
/// The most of N·r·p of a stored scrypt hash: 128 MiB, OWASP's first choice.
pub const MAX_SCRYPT_WORK: u64 = 1 << 20;
/// The highest log₂ of the iterations of a stored phpass hash.
pub const MAX_PHPASS_LOG: u8 = 18;

/// The longest stored form, in bytes. A PHC string with the longest salt and hash has half of it.
const MAX_STORED_BYTES: usize = 512;
/// The shortest hash, in bytes: under 128 bits, two passwords can have the same.
const LEAST_OUTPUT_BYTES: usize = 16;
/// The longest hash, in bytes.
const MAX_OUTPUT_BYTES: usize = 64;

/// How a stored password was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Argon2id (RFC 9106), which new passwords get.
    Argon2id,
    /// Argon2i.
    Argon2i,
    /// bcrypt.
    Bcrypt,
    /// bcrypt of the password with something at its end.
    BcryptWithSuffix,
    /// bcrypt of the password's SHA-256 in hexadecimal.
    BcryptSha256,
    /// PBKDF2 with HMAC-SHA-1.
    Pbkdf2Sha1,
    /// PBKDF2 with HMAC-SHA-256.
    Pbkdf2Sha256,
    /// PBKDF2 with HMAC-SHA-512.
    Pbkdf2Sha512,
    /// scrypt (RFC 7914).
    Scrypt,
    /// phpass, the portable hash of older PHP applications.
    Phpass,
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argon2id => "argon2id",
            Self::Argon2i => "argon2i",
            Self::Bcrypt => "bcrypt",
            Self::BcryptWithSuffix => "bcrypt_suffix",
            Self::BcryptSha256 => "bcrypt_sha256",
            Self::Pbkdf2Sha1 => "pbkdf2_sha1",
            Self::Pbkdf2Sha256 => "pbkdf2_sha256",
            Self::Pbkdf2Sha512 => "pbkdf2_sha512",
            Self::Scrypt => "scrypt",
            Self::Phpass => "phpass",
        })
    }
}

/// Why a stored hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableHash {
    /// It is of no algorithm that is known here.
    Unknown,
    /// It is of a known algorithm, and broken.
    Malformed,
    /// It would cost more than a function may spend on it.
    TooDear,
}

impl fmt::Display for UnusableHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the password hash is of no known kind",
            Self::Malformed => "the password hash is broken",
            Self::TooDear => "the password hash costs more than is allowed",
        })
    }
}

impl std::error::Error for UnusableHash {}

/// How a password was hashed, where that can be verified here.
///
/// # Errors
/// With the reason why not.
pub fn examine(stored: &str) -> Result<Algorithm, UnusableHash> {
    stored.parse::<Stored>().map(|stored| stored.algorithm())
}

/// A stored hash within bounds.
pub(super) enum Stored {
    Argon2 { algorithm: argon2::Algorithm, version: Version, params: Params, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    Bcrypt { hash: String, cost: u32, of: BcryptInput },
    Phpass(Phpass),
}

/// What bcrypt was given.
pub(super) enum BcryptInput {
    Password,
    WithSuffix(String),
    Sha256,
}

impl Stored {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Argon2 { algorithm: argon2::Algorithm::Argon2id, .. } => Algorithm::Argon2id,
            Self::Argon2 { .. } => Algorithm::Argon2i,
            Self::Scrypt { .. } => Algorithm::Scrypt,
            Self::Pbkdf2 { algorithm, .. } if *algorithm == pbkdf2::PBKDF2_HMAC_SHA1 => Algorithm::Pbkdf2Sha1,
            Self::Pbkdf2 { algorithm, .. } if *algorithm == pbkdf2::PBKDF2_HMAC_SHA512 => {
                Algorithm::Pbkdf2Sha512
            }
            Self::Pbkdf2 { .. } => Algorithm::Pbkdf2Sha256,
            Self::Bcrypt { of: BcryptInput::Password, .. } => Algorithm::Bcrypt,
            Self::Bcrypt { of: BcryptInput::WithSuffix(_), .. } => Algorithm::BcryptWithSuffix,
            Self::Bcrypt { of: BcryptInput::Sha256, .. } => Algorithm::BcryptSha256,
            Self::Phpass(_) => Algorithm::Phpass,
        }
    }

    /// Whether this is the password; `None` where that cannot be found out. One with a NUL is none for a hash from
    /// elsewhere, where it would end the password or pad it: HMAC fills a key up with zeros, and bcrypt repeats it with a
    /// zero between, so others would fit too.
    pub(super) fn matches(&self, password: &str) -> Option<bool> {
        let is_argon2 = matches!(self, Self::Argon2 { .. });
        let derives = self.derives(password.as_bytes())?;
        Some(derives && (is_argon2 || !password.contains('\0')))
    }

    fn derives(&self, password: &[u8]) -> Option<bool> {
        let (derived, output) = match self {
            Self::Argon2 { algorithm, version, params, salt, output } => {
                (argon::derive(*algorithm, *version, params, password, salt), output)
            }
            Self::Scrypt { params, salt, output } => {
                (foreign::scrypt(params, password, salt, output.len()), output)
            }
            Self::Pbkdf2 { algorithm, iterations, salt, output } => {
                (Some(foreign::pbkdf2(*algorithm, *iterations, password, salt, output.len())), output)
            }
            Self::Bcrypt { hash, of, .. } => {
                return Some(match of {
                    BcryptInput::Password => foreign::bcrypt(password, hash),
                    BcryptInput::WithSuffix(suffix) => {
                        foreign::bcrypt(&[password, suffix.as_bytes()].concat(), hash)
                    }
                    BcryptInput::Sha256 => foreign::bcrypt(foreign::sha256_hex(password).as_bytes(), hash),
                });
            }
            Self::Phpass(phpass) => return Some(phpass.matches(password)),
        };
        Some(derived?.ct_eq(output).into())
    }

    /// What a verification costs, in Argon2's blocks of a KiB filled; for the others, about.
    pub(super) fn work(&self) -> u32 {
        match self {
            Self::Argon2 { params, .. } => argon::work(params),
            Self::Scrypt { params, .. } => foreign::scrypt_work(params),
            Self::Pbkdf2 { algorithm, iterations, output, .. } => {
                foreign::pbkdf2_work(*algorithm, iterations.get(), output.len())
            }
            Self::Bcrypt { cost, .. } => foreign::bcrypt_work(*cost),
            Self::Phpass(phpass) => phpass.work(),
        }
    }

    /// Whether a new hash is better than this one.
    pub(super) fn is_outdated(&self, cost: &Cost) -> bool {
        match self {
            Self::Argon2 { algorithm, version, params, .. } => {
                *algorithm != argon2::Algorithm::Argon2id
                    || *version != Version::V0x13
                    || argon::work(params) < cost.work()
            }
            Self::Scrypt { .. } | Self::Pbkdf2 { .. } | Self::Bcrypt { .. } | Self::Phpass(_) => true,
        }
    }

    /// Whether every byte of the password was looked at. bcrypt stops at 72, so what comes after them may be
    /// mistyped: a new hash would make the mistake the password.
    pub(super) fn covers(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt { of: BcryptInput::Password | BcryptInput::WithSuffix(_), .. } => {
                password.len() <= foreign::BCRYPT_BYTES
            }
            _ => true,
        }
    }
}

impl FromStr for Stored {
    type Err = UnusableHash;

    fn from_str(stored: &str) -> Result<Self, UnusableHash> {
        if stored.len() > MAX_STORED_BYTES {
            return Err(UnusableHash::Malformed);
        }
        let (head, rest) = stored.split_once('$').ok_or(UnusableHash::Unknown)?;
        match head {
            "" => modular(stored, rest),
            "pbkdf2_sha256" => django_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, rest),
            "pbkdf2_sha1" => django_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, rest),
            "scrypt" => django_scrypt(rest),
            "argon2" => stored.get("argon2".len()..).map_or(Err(UnusableHash::Malformed), phc),
            "bcrypt" => bcrypt(rest, BcryptInput::Password),
            "bcrypt_sha256" => bcrypt(rest, BcryptInput::Sha256),
            "bcrypt_suffix" => {
                let (suffix, hash) = rest.split_once('$').ok_or(UnusableHash::Malformed)?;
                bcrypt(hash, BcryptInput::WithSuffix(suffix.to_owned()))
            }
            _ => Err(UnusableHash::Unknown),
        }
    }
}

/// What begins with `$`: crypt(3)'s forms and PHC strings.
fn modular(stored: &str, rest: &str) -> Result<Stored, UnusableHash> {
    match rest.split('$').next() {
        Some("2a" | "2b" | "2y") => bcrypt(stored, BcryptInput::Password),
        Some("P" | "H") => Phpass::parse(stored).map(Stored::Phpass),
        Some("argon2id" | "argon2i" | "scrypt" | "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512") => phc(stored),
        _ => Err(UnusableHash::Unknown),
    }
}

fn phc(stored: &str) -> Result<Stored, UnusableHash> {
    let malformed = UnusableHash::Malformed;
    let hash = PasswordHash::new(stored).map_err(|_| malformed)?;
    let salt = hash.salt.ok_or(malformed)?.as_ref().to_vec();
    let output = checked(hash.hash.ok_or(malformed)?.as_bytes().to_vec())?;
    let number = |name: &str| hash.params.get_decimal(name).ok_or(malformed);
    match hash.algorithm.as_str() {
        name @ ("argon2id" | "argon2i") => {
            let algorithm = argon2::Algorithm::try_from(name).map_err(|_| malformed)?;
            let version =
                hash.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(|_| malformed)?;
            let params = Params::try_from(&hash).map_err(|_| malformed)?;
            // Made with a secret of elsewhere, without which nobody can verify it.
            if !params.keyid().is_empty() {
                return Err(UnusableHash::Unknown);
            }
            // The crate has defaults for those that are missing.
            for name in ["m", "t", "p"] {
                number(name)?;
            }
            let within = params.m_cost() <= MAX_MEMORY_KIB
                && params.t_cost() <= MAX_ITERATIONS
                && argon::work(&params) <= MAX_WORK
                && params.p_cost() <= 16;
            if !within {
                return Err(UnusableHash::TooDear);
            }
            Ok(Stored::Argon2 { algorithm, version, params, salt, output })
        }
        "scrypt" => {
            let log_n = u8::try_from(number("ln")?).map_err(|_| UnusableHash::TooDear)?;
            scrypt(log_n, number("r")?, number("p")?, salt, output)
        }
        "pbkdf2-sha256" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, number("i")?, salt, output),
        "pbkdf2-sha512" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, number("i")?, salt, output),
        "pbkdf2" => pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, number("i")?, salt, output),
        _ => Err(UnusableHash::Unknown),
    }
}

/// `<iterations>$<salt>$<base64>`; the salt is used as the text that it is.
fn django_pbkdf2(algorithm: pbkdf2::Algorithm, rest: &str) -> Result<Stored, UnusableHash> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [iterations, salt, output] = parts[..] else { return Err(UnusableHash::Malformed) };
    pbkdf2(algorithm, decimal(iterations)?, salt.as_bytes().to_vec(), base64(output)?)
}

/// `<N>$<salt>$<r>$<p>$<base64>`.
fn django_scrypt(rest: &str) -> Result<Stored, UnusableHash> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [n, salt, r, p, output] = parts[..] else { return Err(UnusableHash::Malformed) };
    let n = decimal(n)?;
    if !n.is_power_of_two() {
        return Err(UnusableHash::Malformed);
    }
    let log_n = u8::try_from(n.ilog2()).map_err(|_| UnusableHash::TooDear)?;
    scrypt(log_n, decimal(r)?, decimal(p)?, salt.as_bytes().to_vec(), base64(output)?)
}

fn scrypt(log_n: u8, r: u32, p: u32, salt: Vec<u8>, output: Vec<u8>) -> Result<Stored, UnusableHash> {
    if log_n > MAX_SCRYPT_LOG_N
        || u64::from(r).saturating_mul(p.into()).saturating_mul(1 << log_n) > MAX_SCRYPT_WORK
    {
        return Err(UnusableHash::TooDear);
    }
    // With N = 1 nothing is mixed.
    if log_n == 0 || salt.is_empty() {
        return Err(UnusableHash::Malformed);
    }
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| UnusableHash::Malformed)?;
    Ok(Stored::Scrypt { params, salt, output })
}

fn pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Result<Stored, UnusableHash> {
    if salt.is_empty() {
        return Err(UnusableHash::Malformed);
    }
    let iterations = NonZeroU32::new(iterations).ok_or(UnusableHash::Malformed)?;
    if foreign::pbkdf2_iterations(algorithm, iterations.get(), output.len()) > MAX_PBKDF2_ITERATIONS {
        return Err(UnusableHash::TooDear);
    }
    Ok(Stored::Pbkdf2 { algorithm, iterations, salt, output })
}

fn bcrypt(hash: &str, of: BcryptInput) -> Result<Stored, UnusableHash> {
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| UnusableHash::Malformed)?;
    // 2x is a mistake of one library, and its hashes are not what they claim to be.
    if !["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version)) {
        return Err(UnusableHash::Malformed);
    }
    match parts.get_cost() {
        cost @ foreign::LEAST_BCRYPT_COST..=MAX_BCRYPT_COST => {
            Ok(Stored::Bcrypt { hash: hash.to_owned(), cost, of })
        }
        ..foreign::LEAST_BCRYPT_COST => Err(UnusableHash::Malformed),
        _ => Err(UnusableHash::TooDear),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, UnusableHash> {
    checked(STANDARD.decode(text).map_err(|_| UnusableHash::Malformed)?)
}

/// A hash of a length that can be one.
fn checked(output: Vec<u8>) -> Result<Vec<u8>, UnusableHash> {
    let sound = (LEAST_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&output.len());
    if sound { Ok(output) } else { Err(UnusableHash::Malformed) }
}

/// Digits and nothing else: Rust would take a `+` too. What does not fit is dear by any measure.
fn decimal(text: &str) -> Result<u32, UnusableHash> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnusableHash::Malformed);
    }
    text.parse().map_err(|_| UnusableHash::TooDear)
}
