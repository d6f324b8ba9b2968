//! The names of algorithms, as reports show them.

use std::fmt;

/// The algorithm of a stored password hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Argon2id (RFC 9106), which new passwords get.
    Argon2id,
    /// Argon2i.
    Argon2i,
    /// bcrypt.
    Bcrypt,
    /// bcrypt of the password followed by a suffix.
    BcryptWithSuffix,
    /// bcrypt of the password's SHA-256 in hexadecimal.
    BcryptSha256,
    /// bcrypt of another digest of the password, or of a digest in base64.
    BcryptDigest,
    /// bcrypt as WordPress 6.8 uses it.
    WordPress,
    /// bcrypt of an early crypt_blowfish, with its fault.
    BcryptSignExtended,
    /// yescrypt.
    Yescrypt,
    /// Firebase's scrypt.
    Firebase,
    /// A digest that is fast to guess, under a layer of Argon2id.
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
    /// A hash of a password that was combined with a pepper.
    Peppered,
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
            Self::Peppered => "peppered",
        })
    }
}

/// The kind of a digest that is fast to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FastKind {
    /// MD5, with a salt or without.
    Md5,
    /// SHA-1, with a salt or without.
    Sha1,
    /// SHA-256, with a salt or without.
    Sha256,
    /// SHA-512, with a salt or without.
    Sha512,
    /// crypt's MD5.
    Md5Crypt,
    /// crypt's SHA-256.
    Sha256Crypt,
    /// crypt's SHA-512.
    Sha512Crypt,
    /// PBKDF2 with few iterations.
    Pbkdf2,
}

impl fmt::Display for FastKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
            Self::Md5Crypt => "md5_crypt",
            Self::Sha256Crypt => "sha256_crypt",
            Self::Sha512Crypt => "sha512_crypt",
            Self::Pbkdf2 => "pbkdf2",
        })
    }
}
