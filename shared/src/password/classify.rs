//! The password hashes of other products, as these products write them. Each one becomes a stored form, or a
//! digest that is fast to guess. Such a digest gets a layer of Argon2id before it is stored.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::pbkdf2;

use super::algorithm::Algorithm;
use super::crypt::{self, decode64};
use super::hash::Hash;
use super::layered::{FastDigest, OldDigest};
use super::legacy::{self, HashFunction};
use super::limits::{LEAST_PBKDF2_ITERATIONS, UnusableHash, decimal};
use super::pepper::{self, Peppering};
use super::stored::Stored;

/// The length of ASP.NET Identity's header in its third version: a byte for the version, then three numbers
/// of four bytes.
const ASP_NET_HEADER_BYTES: usize = 13;
/// ASP.NET Identity's second version: the length of all, the length of the salt, and the iterations.
const ASP_NET_2_BYTES: usize = 49;
const ASP_NET_2_SALT_BYTES: usize = 16;
const ASP_NET_2_ITERATIONS: u32 = 1000;
/// The numbers of digits of N, r and p in crypt's `$7$`.
const CRYPT_SCRYPT_DIGITS: [usize; 3] = [1, 5, 5];

/// A password hash of another product.
#[derive(Debug)]
#[must_use]
pub enum Imported {
    /// A form that may be stored as it is.
    Stored(String, Algorithm),
    /// A digest that is stored only after [`super::Passwords::layer`].
    Fast(FastDigest),
}

impl Imported {
    /// Returns the same hash for a password that was combined with a pepper. A hash that names its pepper
    /// already is returned unchanged.
    ///
    /// # Errors
    /// If a hash of this kind is not accepted with a pepper.
    pub fn with_pepper(self, peppering: Peppering) -> Result<Self, UnusableHash> {
        match self {
            Self::Stored(_, Algorithm::Peppered) => Ok(self),
            Self::Stored(hash, _) => stored(&format!("{peppering}{hash}")),
            Self::Fast(fast) if fast.peppering.is_some() => Ok(Self::Fast(fast)),
            Self::Fast(fast) if !fast.how.goes_with_pepper() => Err(UnusableHash::NotWithPepper),
            Self::Fast(fast) => Ok(Self::Fast(FastDigest { peppering: Some(peppering), ..fast })),
        }
    }
}

/// Classifies a password hash of another product by its form.
///
/// # Errors
/// If the hash is of no known kind, is malformed, costs too much, or is not accepted with its pepper.
pub fn classify(hash: &str) -> Result<Imported, UnusableHash> {
    if let Some(rest) = hash.strip_prefix(pepper::PREFIX) {
        let (peppering, hash) = Peppering::split(rest)?;
        return classify(hash)?.with_pepper(peppering);
    }
    let malformed = UnusableHash::Malformed;
    let parts: Vec<&str> = hash.split('$').collect();
    match parts[..] {
        [function @ ("md5" | "sha1"), salt, digest] => {
            plain(function, salt.as_bytes().to_vec(), true, &unhex(digest).ok_or(malformed)?)
        }
        ["", "1", salt, digest] => {
            let digest = decode64(digest).filter(|digest| digest.len() == 16).ok_or(malformed)?;
            Ok(Imported::Fast(FastDigest::new(OldDigest::md5_crypt(salt.as_bytes().to_vec())?, digest)))
        }
        ["", kind @ ("5" | "6"), salt, digest] => sha_crypt(kind, crypt::DEFAULT_SHA_ROUNDS, salt, digest),
        ["", kind @ ("5" | "6"), rounds, salt, digest] => {
            let rounds = decimal(rounds.strip_prefix("rounds=").ok_or(malformed)?)?;
            sha_crypt(kind, rounds, salt, digest)
        }
        ["", "7", params, digest] => crypt_scrypt(params, digest),
        ["", name @ ("pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512"), rounds, salt, digest]
            if !rounds.contains('=') =>
        {
            passlib(name, rounds, salt, digest)
        }
        [method, salt, digest] if method.contains(':') => werkzeug(method, salt, digest),
        [digest] => one_part(digest),
        _ if hash.starts_with('{') => ldap(hash),
        _ => stored(hash),
    }
}

/// Classifies a stored form. PBKDF2 with few iterations is fast to guess, so it needs a layer.
pub(super) fn stored(hash: &str) -> Result<Imported, UnusableHash> {
    match hash.parse::<Stored>()? {
        Stored { peppering: None, hash: Hash::Pbkdf2 { algorithm, iterations, salt, output } }
            if iterations.get() < LEAST_PBKDF2_ITERATIONS =>
        {
            let how = OldDigest::pbkdf2(algorithm, iterations.get(), salt, output.len())?;
            Ok(Imported::Fast(FastDigest::new(how, output)))
        }
        known => Ok(Imported::Stored(hash.to_owned(), known.algorithm())),
    }
}

fn plain(function: &str, salt: Vec<u8>, salt_first: bool, digest: &[u8]) -> Result<Imported, UnusableHash> {
    let function = HashFunction::named(function).ok_or(UnusableHash::Unknown)?;
    if digest.len() != function.digest([&[], &[]]).len() {
        return Err(UnusableHash::Malformed);
    }
    let how = OldDigest::plain(function, salt, salt_first)?;
    Ok(Imported::Fast(FastDigest::new(how, digest.to_vec())))
}

pub(super) fn of_pbkdf2(
    algorithm: pbkdf2::Algorithm,
    iterations: u32,
    salt: &[u8],
    output: &[u8],
) -> Result<Imported, UnusableHash> {
    let name = legacy::pbkdf2_name(algorithm);
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    stored(&format!("${name}$i={iterations}${salt}${output}"))
}

/// Classifies PBKDF2 with HMAC of this hash function.
pub(super) fn of_pbkdf2_with(
    function: HashFunction,
    iterations: u32,
    salt: &[u8],
    output: &[u8],
) -> Result<Imported, UnusableHash> {
    let algorithm = match function {
        HashFunction::Md5 => return Err(UnusableHash::Unknown),
        HashFunction::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        HashFunction::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        HashFunction::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    of_pbkdf2(algorithm, iterations, salt, output)
}

pub(super) fn of_scrypt(
    log_n: u8,
    r: u32,
    p: u32,
    salt: &[u8],
    output: &[u8],
) -> Result<Imported, UnusableHash> {
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    stored(&format!("$scrypt$ln={log_n},r={r},p={p}${salt}${output}"))
}

/// Reads crypt's SHA-2. crypt writes no rounds outside its own bounds, so such a hash is malformed.
fn sha_crypt(kind: &str, rounds: u32, salt: &str, digest: &str) -> Result<Imported, UnusableHash> {
    let (function, length) =
        if kind == "5" { (HashFunction::Sha256, 32) } else { (HashFunction::Sha512, 64) };
    let how = OldDigest::sha_crypt(function, rounds, salt.as_bytes().to_vec())?;
    let digest = decode64(digest).filter(|digest| digest.len() == length).ok_or(UnusableHash::Malformed)?;
    Ok(Imported::Fast(FastDigest::new(how, digest)))
}

/// Reads crypt's scrypt: log₂ N, r and p in digits of crypt's base64, the lowest digit first, then the salt
/// as text.
fn crypt_scrypt(params: &str, digest: &str) -> Result<Imported, UnusableHash> {
    let malformed = UnusableHash::Malformed;
    let mut rest = params;
    let mut numbers = [0_u32; 3];
    for (number, digits) in numbers.iter_mut().zip(CRYPT_SCRYPT_DIGITS) {
        let (head, tail) = rest.split_at_checked(digits).ok_or(malformed)?;
        for byte in head.bytes().rev() {
            *number = *number << 6 | u32::from(crypt::digit(byte).ok_or(malformed)?);
        }
        rest = tail;
    }
    let [log_n, r, p] = numbers;
    let log_n = u8::try_from(log_n).map_err(|_| malformed)?;
    of_scrypt(log_n, r, p, rest.as_bytes(), &decode64(digest).ok_or(malformed)?)
}

/// Reads passlib's PBKDF2. passlib's base64 has `.` in place of `+`, and no padding.
fn passlib(name: &str, rounds: &str, salt: &str, digest: &str) -> Result<Imported, UnusableHash> {
    let algorithm = legacy::pbkdf2_named(name).ok_or(UnusableHash::Unknown)?;
    let bytes =
        |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).map_err(|_| UnusableHash::Malformed);
    of_pbkdf2(algorithm, decimal(rounds)?, &bytes(salt)?, &bytes(digest)?)
}

/// Reads Werkzeug's hashes: `pbkdf2:<function>:<iterations>` or `scrypt:<N>:<r>:<p>`, then the salt as text
/// and the hash in hexadecimal.
fn werkzeug(method: &str, salt: &str, digest: &str) -> Result<Imported, UnusableHash> {
    let malformed = UnusableHash::Malformed;
    let digest = || unhex(digest).ok_or(malformed);
    let parts: Vec<&str> = method.split(':').collect();
    match parts[..] {
        ["pbkdf2", function, iterations] => {
            let function = HashFunction::named(function).ok_or(UnusableHash::Unknown)?;
            of_pbkdf2_with(function, decimal(iterations)?, salt.as_bytes(), &digest()?)
        }
        ["scrypt", n, r, p] => {
            let n = decimal(n)?;
            let log_n = n.is_power_of_two().then(|| n.ilog2()).ok_or(malformed)?;
            let log_n = u8::try_from(log_n).map_err(|_| malformed)?;
            of_scrypt(log_n, decimal(r)?, decimal(p)?, salt.as_bytes(), &digest()?)
        }
        _ => Err(UnusableHash::Unknown),
    }
}

/// Reads LDAP's schemes (RFC 2307 and its usual extensions).
fn ldap(hash: &str) -> Result<Imported, UnusableHash> {
    let (scheme, value) =
        hash.strip_prefix('{').and_then(|rest| rest.split_once('}')).ok_or(UnusableHash::Unknown)?;
    let scheme = scheme.to_ascii_uppercase();
    let function = match scheme.as_str() {
        "CRYPT" if value.starts_with('$') => return classify(value),
        scheme @ ("PBKDF2" | "PBKDF2-SHA1" | "PBKDF2-SHA256" | "PBKDF2-SHA512") => {
            let parts: Vec<&str> = value.split('$').collect();
            let [rounds, salt, digest] = parts[..] else { return Err(UnusableHash::Malformed) };
            return passlib(&scheme.to_ascii_lowercase(), rounds, salt, digest);
        }
        "MD5" | "SMD5" => HashFunction::Md5,
        "SHA" | "SSHA" => HashFunction::Sha1,
        "SHA256" | "SSHA256" => HashFunction::Sha256,
        "SHA512" | "SSHA512" => HashFunction::Sha512,
        _ => return Err(UnusableHash::Unknown),
    };
    let bytes = STANDARD.decode(value).map_err(|_| UnusableHash::Malformed)?;
    let length = function.digest([&[], &[]]).len();
    let (digest, salt) = bytes.split_at_checked(length).ok_or(UnusableHash::Malformed)?;
    // The schemes with an S in front have a salt after the digest. The others have none.
    let is_salted = scheme.starts_with("SS") || scheme.starts_with("SM");
    if is_salted == salt.is_empty() {
        return Err(UnusableHash::Malformed);
    }
    let how = OldDigest::plain(function, salt.to_vec(), false)?;
    Ok(Imported::Fast(FastDigest::new(how, digest.to_vec())))
}

/// Reads an MD5 or SHA-1 in hexadecimal without a salt, as Django's oldest versions and many other products
/// store it, or a hash of ASP.NET Identity in base64.
fn one_part(hash: &str) -> Result<Imported, UnusableHash> {
    match (hash.len(), unhex(hash)) {
        (32, Some(digest)) => return plain("md5", Vec::new(), true, &digest),
        (40, Some(digest)) => return plain("sha1", Vec::new(), true, &digest),
        _ if hash.starts_with('{') => return ldap(hash),
        _ => {}
    }
    let Ok(bytes) = STANDARD.decode(hash) else { return Err(UnusableHash::Unknown) };
    match bytes.split_first() {
        Some((0, rest)) if bytes.len() == ASP_NET_2_BYTES => {
            let (salt, digest) = rest.split_at(ASP_NET_2_SALT_BYTES);
            of_pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, ASP_NET_2_ITERATIONS, salt, digest)
        }
        Some((1, rest)) if bytes.len() > ASP_NET_HEADER_BYTES => asp_net_3(rest),
        _ => Err(UnusableHash::Unknown),
    }
}

/// Reads the third version of ASP.NET Identity: the pseudo-random function, the iterations and the length of
/// the salt in four bytes each, then the salt and the hash.
fn asp_net_3(rest: &[u8]) -> Result<Imported, UnusableHash> {
    let malformed = UnusableHash::Malformed;
    let mut rest = rest;
    let mut numbers = [0_u32; 3];
    for number in &mut numbers {
        let (head, tail) = rest.split_first_chunk::<4>().ok_or(malformed)?;
        *number = u32::from_be_bytes(*head);
        rest = tail;
    }
    let [function, iterations, length] = numbers;
    let algorithm = match function {
        0 => pbkdf2::PBKDF2_HMAC_SHA1,
        1 => pbkdf2::PBKDF2_HMAC_SHA256,
        2 => pbkdf2::PBKDF2_HMAC_SHA512,
        _ => return Err(UnusableHash::Unknown),
    };
    let (salt, digest) = rest.split_at_checked(length as usize).ok_or(malformed)?;
    of_pbkdf2(algorithm, iterations, salt, digest)
}

/// Decodes hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
