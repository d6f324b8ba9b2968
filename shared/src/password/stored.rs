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
//! | `bcrypt_sha1$$2b$…`, `bcrypt_sha512$…`, `bcrypt_sha256_base64$…` and so on | bcrypt of a digest, in hexadecimal or base 64 |
//! | `$wp$2y$…` | bcrypt as WordPress 6.8 uses it |
//! | `$2x$…` | bcrypt of an early crypt_blowfish, with its fault |
//! | `$y$…` | yescrypt |
//! | `firebase$ln=…,r=…,p=1$…` | Firebase's scrypt, with the keystream for the project's hash |
//! | `layered$…` | what was fast to guess, under Argon2id: the module `layered` |
//! | `$P$…`, `$H$…` | phpass, the portable hash of older PHP applications |
//!
//! Whatever it asks for is bounded before it is run: a poisoned import must not stall a function.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Params, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::pbkdf2;
use subtle::ConstantTimeEq;

use super::crypt::{self, Yescrypt};
use super::foreign::{self, HashFunction, Phpass};
use super::layered::{FastKind, MAX_SALT_BYTES, OldDigest};
use super::{Cost, argon};
use crate::ambient::hex;

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
/// The most rounds of crypt's SHA-2 under a layer of Argon2id.
pub const MAX_SHA_CRYPT_ROUNDS: u32 = 1_000_000;
/// The most of N·r of a stored yescrypt hash: 64 MiB.
pub const MAX_YESCRYPT_WORK: u64 = 1 << 19;
/// A PBKDF2 hash of fewer iterations is fast to guess, and is imported under a layer of Argon2id.
pub const LEAST_PBKDF2_ITERATIONS: u32 = 10_000;

/// The longest stored form, in bytes. A PHC string with the longest salt and hash has half of it.
const MAX_STORED_BYTES: usize = 512;
/// The shortest hash, in bytes: under 128 bits, two passwords can have the same.
pub(super) const LEAST_OUTPUT_BYTES: usize = 16;
/// The longest hash, in bytes.
pub(super) const MAX_OUTPUT_BYTES: usize = 64;

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
    /// bcrypt of another digest of the password, or of that in base 64.
    BcryptDigest,
    /// bcrypt as WordPress 6.8 uses it.
    WordPress,
    /// bcrypt of an early crypt_blowfish, with its fault.
    BcryptSignExtended,
    /// yescrypt.
    Yescrypt,
    /// Firebase's scrypt.
    Firebase,
    /// A digest that was fast to guess, under Argon2id.
    Layered(FastKind),
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
            Self::Layered(kind) => return write!(f, "layered_{kind}"),
            Self::BcryptDigest => "bcrypt_digest",
            Self::WordPress => "wordpress",
            Self::BcryptSignExtended => "bcrypt_2x",
            Self::Yescrypt => "yescrypt",
            Self::Firebase => "firebase_scrypt",
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
    Yescrypt(Yescrypt),
    Firebase { params: scrypt::Params, salt: Vec<u8>, keystream: Vec<u8> },
    Layered { how: OldDigest, params: Params, salt: Vec<u8>, output: Vec<u8> },
}

/// What bcrypt was given.
pub(super) enum BcryptInput {
    Password,
    WithSuffix(String),
    Digest { function: HashFunction, in_base64: bool },
    WordPress,
    SignExtended,
}

impl BcryptInput {
    const SHA256: Self = Self::Digest { function: HashFunction::Sha256, in_base64: false };
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
            Self::Bcrypt {
                of: BcryptInput::Digest { function: HashFunction::Sha256, in_base64: false },
                ..
            } => Algorithm::BcryptSha256,
            Self::Bcrypt { of: BcryptInput::Digest { .. }, .. } => Algorithm::BcryptDigest,
            Self::Bcrypt { of: BcryptInput::WordPress, .. } => Algorithm::WordPress,
            Self::Bcrypt { of: BcryptInput::SignExtended, .. } => Algorithm::BcryptSignExtended,
            Self::Yescrypt(_) => Algorithm::Yescrypt,
            Self::Firebase { .. } => Algorithm::Firebase,
            Self::Layered { how, .. } => Algorithm::Layered(how.kind()),
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
                    BcryptInput::Digest { function, in_base64 } => {
                        let digest = function.digest([password, &[]]);
                        let text = if *in_base64 { STANDARD.encode(digest) } else { hex(&digest) };
                        foreign::bcrypt(text.as_bytes(), hash)
                    }
                    BcryptInput::WordPress => {
                        foreign::bcrypt(foreign::wordpress_input(password).as_bytes(), hash)
                    }
                    BcryptInput::SignExtended => foreign::sign_extended_bcrypt(password, hash),
                });
            }
            Self::Phpass(phpass) => return Some(phpass.matches(password)),
            Self::Yescrypt(yescrypt) => {
                let taken = password.len() <= crypt::MAX_PASSWORD_BYTES;
                return yescrypt.matches(if taken { password } else { &[] }).map(|matches| matches && taken);
            }
            Self::Firebase { params, salt, keystream } => {
                (foreign::firebase_keystream(params, password, salt), keystream)
            }
            Self::Layered { how, params, salt, output } => {
                // What the product would not take is wrong, and costs as much.
                let old = how.of(password);
                let password = old.as_deref().unwrap_or_default();
                let derived =
                    argon::derive(argon2::Algorithm::Argon2id, Version::V0x13, params, password, salt);
                return derived.map(|derived| bool::from(derived.ct_eq(output)) && old.is_some());
            }
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
            Self::Yescrypt(yescrypt) => yescrypt.work(),
            Self::Firebase { params, .. } => foreign::scrypt_work(params),
            Self::Layered { how, params, .. } => argon::work(params).saturating_add(how.work()),
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
            Self::Scrypt { .. }
            | Self::Pbkdf2 { .. }
            | Self::Bcrypt { .. }
            | Self::Phpass(_)
            | Self::Yescrypt(_)
            | Self::Firebase { .. }
            | Self::Layered { .. } => true,
        }
    }

    /// Whether every byte of the password was looked at. bcrypt stops at 72, so what comes after them may be
    /// mistyped: a new hash would make the mistake the password.
    pub(super) fn covers(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt {
                of: BcryptInput::Password | BcryptInput::WithSuffix(_) | BcryptInput::SignExtended,
                ..
            } => password.len() <= foreign::BCRYPT_BYTES,
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
            "bcrypt_sha256" => bcrypt(rest, BcryptInput::SHA256),
            "layered" => layered(rest),
            "firebase" => firebase(rest),
            "bcrypt_suffix" => {
                let (suffix, hash) = rest.split_once('$').ok_or(UnusableHash::Malformed)?;
                bcrypt(hash, BcryptInput::WithSuffix(suffix.to_owned()))
            }
            _ => match head.strip_prefix("bcrypt_") {
                Some(digest) => {
                    let (digest, in_base64) =
                        digest.strip_suffix("_base64").map_or((digest, false), |digest| (digest, true));
                    let function = HashFunction::named(digest).ok_or(UnusableHash::Unknown)?;
                    bcrypt(rest, BcryptInput::Digest { function, in_base64 })
                }
                None => Err(UnusableHash::Unknown),
            },
        }
    }
}

/// What begins with `$`: crypt(3)'s forms and PHC strings.
fn modular(stored: &str, rest: &str) -> Result<Stored, UnusableHash> {
    let (head, tail) = rest.split_once('$').unwrap_or((rest, ""));
    match head {
        "2a" | "2b" | "2y" => bcrypt(stored, BcryptInput::Password),
        "2x" => bcrypt(stored, BcryptInput::SignExtended),
        "wp" => stored
            .get("$wp".len()..)
            .map_or(Err(UnusableHash::Malformed), |hash| bcrypt(hash, BcryptInput::WordPress)),
        "y" => Yescrypt::parse(tail).map(Stored::Yescrypt),
        "P" | "H" => Phpass::parse(stored).map(Stored::Phpass),
        "scrypt" => {
            let (params, salt, output) = salt_and_output(tail)?;
            let (log_n, r, p) = scrypt_numbers(params)?;
            scrypt(log_n, r, p, salt, checked(output)?)
        }
        "argon2id" | "argon2i" => phc(stored),
        _ => match foreign::pbkdf2_named(head) {
            Some(algorithm) => {
                let (params, salt, output) = salt_and_output(tail)?;
                let length = number(params, "l")?;
                if length.is_some_and(|length| length as usize != output.len()) {
                    return Err(UnusableHash::Malformed);
                }
                let iterations = number(params, "i")?.ok_or(UnusableHash::Malformed)?;
                pbkdf2(algorithm, iterations, salt, checked(output)?)
            }
            None => Err(UnusableHash::Unknown),
        },
    }
}

/// `<params>$<salt>$<hash>`, the last two in base 64 without padding. The PHC string format wants longer salts than
/// products use.
fn salt_and_output(rest: &str) -> Result<(&str, Vec<u8>, Vec<u8>), UnusableHash> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [params, salt, output] = parts[..] else { return Err(UnusableHash::Malformed) };
    let bytes = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| UnusableHash::Malformed);
    let salt = bytes(salt)?;
    if salt.is_empty() || salt.len() > MAX_SALT_BYTES {
        return Err(UnusableHash::Malformed);
    }
    Ok((params, salt, bytes(output)?))
}

/// A number among `a=1,b=2`.
fn number(params: &str, name: &str) -> Result<Option<u32>, UnusableHash> {
    let mut found = None;
    for param in params.split(',') {
        let (key, value) = param.split_once('=').ok_or(UnusableHash::Malformed)?;
        if key == name && found.replace(decimal(value)?).is_some() {
            return Err(UnusableHash::Malformed);
        }
    }
    Ok(found)
}

/// `ln=…,r=…,p=…`.
fn scrypt_numbers(params: &str) -> Result<(u8, u32, u32), UnusableHash> {
    let number = |name| number(params, name)?.ok_or(UnusableHash::Malformed);
    let log_n = u8::try_from(number("ln")?).map_err(|_| UnusableHash::TooDear)?;
    Ok((log_n, number("r")?, number("p")?))
}

/// `ln=…,r=…,p=…$<salt>$<keystream>`.
fn firebase(rest: &str) -> Result<Stored, UnusableHash> {
    let (params, salt, keystream) = salt_and_output(rest)?;
    let (log_n, r, p) = scrypt_numbers(params)?;
    if keystream.len() != foreign::FIREBASE_KEYSTREAM_BYTES {
        return Err(UnusableHash::Malformed);
    }
    match scrypt(log_n, r, p, salt, keystream)? {
        Stored::Scrypt { params, salt, output } => Ok(Stored::Firebase { params, salt, keystream: output }),
        _ => Err(UnusableHash::Malformed),
    }
}

/// `<kind>$<numbers>$<salt>$argon2id$…`.
fn layered(rest: &str) -> Result<Stored, UnusableHash> {
    let mut parts = rest.splitn(4, '$');
    let (Some(kind), Some(numbers), Some(old_salt), Some(argon2)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UnusableHash::Malformed);
    };
    let how = OldDigest::parse(kind, numbers, old_salt)?;
    match phc(&format!("${argon2}"))? {
        Stored::Argon2 {
            algorithm: argon2::Algorithm::Argon2id,
            version: Version::V0x13,
            params,
            salt,
            output,
        } => Ok(Stored::Layered { how, params, salt, output }),
        _ => Err(UnusableHash::Malformed),
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
    let versions: &[&str] = match of {
        BcryptInput::SignExtended => &["$2x$"],
        _ => &["$2a$", "$2b$", "$2y$"],
    };
    if !versions.iter().any(|version| hash.starts_with(version)) {
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
pub(super) fn decimal(text: &str) -> Result<u32, UnusableHash> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnusableHash::Malformed);
    }
    text.parse().map_err(|_| UnusableHash::TooDear)
}
