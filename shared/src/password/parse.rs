//! The stored forms of password hashes: Postern's own, and legacy ones.
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
//! | `bcrypt_sha1$$2b$…`, `bcrypt_sha512$…`, `bcrypt_sha256_base64$…` and so on | bcrypt of a digest, in hexadecimal or base64 |
//! | `$wp$2y$…` | bcrypt as WordPress 6.8 uses it |
//! | `$2x$…` | bcrypt of an early crypt_blowfish, with its fault |
//! | `$y$…` | yescrypt |
//! | `firebase$ln=…,r=…,p=1$…` | Firebase's scrypt, with the keystream for the project's hash |
//! | `layered$…` | a digest that is fast to guess, under Argon2id: see the module `layered` |
//! | `$P$…`, `$H$…` | phpass, the portable hash of older PHP applications |
//! | `peppered$ID$HOW$…` | the hash that follows, of a password with a pepper: see the module `pepper` |
//!
//! The cost of a hash is checked before it is run, so that a malicious import cannot stop a function.

use std::num::NonZeroU32;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Params, Version};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::pbkdf2;

use super::argon2id;
use super::crypt::Yescrypt;
use super::hash::{BcryptInput, Hash};
use super::layered::{MAX_SALT_BYTES, OldDigest};
use super::legacy::{self, HashFunction, Phpass};
use super::limits::{
    LEAST_OUTPUT_BYTES, MAX_BCRYPT_COST, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_OUTPUT_BYTES,
    MAX_PBKDF2_ITERATIONS, MAX_SCRYPT_LOG_N, MAX_SCRYPT_WORK, MAX_WORK, UnusableHash, decimal,
};

impl FromStr for Hash {
    type Err = UnusableHash;

    fn from_str(stored: &str) -> Result<Self, UnusableHash> {
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

/// Reads a form that begins with `$`: one of crypt(3), or a PHC string.
fn modular(stored: &str, rest: &str) -> Result<Hash, UnusableHash> {
    let (head, tail) = rest.split_once('$').unwrap_or((rest, ""));
    match head {
        "2a" | "2b" | "2y" => bcrypt(stored, BcryptInput::Password),
        "2x" => bcrypt(stored, BcryptInput::SignExtended),
        "wp" => stored
            .get("$wp".len()..)
            .map_or(Err(UnusableHash::Malformed), |hash| bcrypt(hash, BcryptInput::WordPress)),
        "y" => Yescrypt::parse(tail).map(Hash::Yescrypt),
        "P" | "H" => Phpass::parse(stored).map(Hash::Phpass),
        "scrypt" => {
            let (params, salt, output) = salt_and_output(tail)?;
            let (log_n, r, p) = scrypt_numbers(params)?;
            scrypt(log_n, r, p, salt, checked(output)?)
        }
        "argon2id" | "argon2i" => phc(stored),
        _ => match legacy::pbkdf2_named(head) {
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

/// Reads `<params>$<salt>$<hash>`, the last two in base64 without padding. The PHC string format requires
/// longer salts than other products use.
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

/// Reads one number of `a=1,b=2`.
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

/// Reads `ln=…,r=…,p=…`.
fn scrypt_numbers(params: &str) -> Result<(u8, u32, u32), UnusableHash> {
    let number = |name| number(params, name)?.ok_or(UnusableHash::Malformed);
    let log_n = u8::try_from(number("ln")?).map_err(|_| UnusableHash::TooExpensive)?;
    Ok((log_n, number("r")?, number("p")?))
}

/// Reads `ln=…,r=…,p=…$<salt>$<keystream>`.
fn firebase(rest: &str) -> Result<Hash, UnusableHash> {
    let (params, salt, keystream) = salt_and_output(rest)?;
    let (log_n, r, p) = scrypt_numbers(params)?;
    if keystream.len() != legacy::FIREBASE_KEYSTREAM_BYTES {
        return Err(UnusableHash::Malformed);
    }
    match scrypt(log_n, r, p, salt, keystream)? {
        Hash::Scrypt { params, salt, output } => Ok(Hash::Firebase { params, salt, keystream: output }),
        _ => Err(UnusableHash::Malformed),
    }
}

/// Reads `<kind>$<numbers>$<salt>$argon2id$…`.
fn layered(rest: &str) -> Result<Hash, UnusableHash> {
    let mut parts = rest.splitn(4, '$');
    let (Some(kind), Some(numbers), Some(old_salt), Some(argon2)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UnusableHash::Malformed);
    };
    let how = OldDigest::parse(kind, numbers, old_salt)?;
    match phc(&format!("${argon2}"))? {
        Hash::Argon2 {
            algorithm: argon2::Algorithm::Argon2id,
            version: Version::V0x13,
            params,
            salt,
            output,
        } => Ok(Hash::Layered { how, params, salt, output }),
        _ => Err(UnusableHash::Malformed),
    }
}

fn phc(stored: &str) -> Result<Hash, UnusableHash> {
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
            // The hash was made with a secret key, without which it cannot be verified.
            if !params.keyid().is_empty() {
                return Err(UnusableHash::Unknown);
            }
            // The crate would use its defaults for missing parameters.
            for name in ["m", "t", "p"] {
                number(name)?;
            }
            let within = params.m_cost() <= MAX_MEMORY_KIB
                && params.t_cost() <= MAX_ITERATIONS
                && argon2id::work(&params) <= MAX_WORK
                && params.p_cost() <= 16;
            if !within {
                return Err(UnusableHash::TooExpensive);
            }
            Ok(Hash::Argon2 { algorithm, version, params, salt, output })
        }
        _ => Err(UnusableHash::Unknown),
    }
}

/// Reads `<iterations>$<salt>$<base64>`. The salt is the text itself.
fn django_pbkdf2(algorithm: pbkdf2::Algorithm, rest: &str) -> Result<Hash, UnusableHash> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [iterations, salt, output] = parts[..] else { return Err(UnusableHash::Malformed) };
    pbkdf2(algorithm, decimal(iterations)?, salt.as_bytes().to_vec(), base64(output)?)
}

/// Reads `<N>$<salt>$<r>$<p>$<base64>`.
fn django_scrypt(rest: &str) -> Result<Hash, UnusableHash> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [n, salt, r, p, output] = parts[..] else { return Err(UnusableHash::Malformed) };
    let n = decimal(n)?;
    if !n.is_power_of_two() {
        return Err(UnusableHash::Malformed);
    }
    let log_n = u8::try_from(n.ilog2()).map_err(|_| UnusableHash::TooExpensive)?;
    scrypt(log_n, decimal(r)?, decimal(p)?, salt.as_bytes().to_vec(), base64(output)?)
}

fn scrypt(log_n: u8, r: u32, p: u32, salt: Vec<u8>, output: Vec<u8>) -> Result<Hash, UnusableHash> {
    if log_n > MAX_SCRYPT_LOG_N
        || u64::from(r).saturating_mul(p.into()).saturating_mul(1 << log_n) > MAX_SCRYPT_WORK
    {
        return Err(UnusableHash::TooExpensive);
    }
    // With N = 1, scrypt would mix nothing.
    if log_n == 0 || salt.is_empty() {
        return Err(UnusableHash::Malformed);
    }
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| UnusableHash::Malformed)?;
    Ok(Hash::Scrypt { params, salt, output })
}

fn pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
) -> Result<Hash, UnusableHash> {
    if salt.is_empty() {
        return Err(UnusableHash::Malformed);
    }
    let iterations = NonZeroU32::new(iterations).ok_or(UnusableHash::Malformed)?;
    if legacy::pbkdf2_iterations(algorithm, iterations.get(), output.len()) > MAX_PBKDF2_ITERATIONS {
        return Err(UnusableHash::TooExpensive);
    }
    Ok(Hash::Pbkdf2 { algorithm, iterations, salt, output })
}

fn bcrypt(hash: &str, of: BcryptInput) -> Result<Hash, UnusableHash> {
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| UnusableHash::Malformed)?;
    let versions: &[&str] = match of {
        BcryptInput::SignExtended => &["$2x$"],
        _ => &["$2a$", "$2b$", "$2y$"],
    };
    if !versions.iter().any(|version| hash.starts_with(version)) {
        return Err(UnusableHash::Malformed);
    }
    match parts.get_cost() {
        cost @ legacy::LEAST_BCRYPT_COST..=MAX_BCRYPT_COST => {
            Ok(Hash::Bcrypt { hash: hash.to_owned(), cost, of })
        }
        ..legacy::LEAST_BCRYPT_COST => Err(UnusableHash::Malformed),
        _ => Err(UnusableHash::TooExpensive),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, UnusableHash> {
    checked(STANDARD.decode(text).map_err(|_| UnusableHash::Malformed)?)
}

/// Returns the hash, if its length is within the bounds.
fn checked(output: Vec<u8>) -> Result<Vec<u8>, UnusableHash> {
    let is_within = (LEAST_OUTPUT_BYTES..=MAX_OUTPUT_BYTES).contains(&output.len());
    if is_within { Ok(output) } else { Err(UnusableHash::Malformed) }
}
