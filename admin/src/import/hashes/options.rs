//! The options that say how the password hashes of a file were made.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use postern::password::{BcryptOf, Firebase, HashFunction, PepperHow, PepperId, SaltAndHash};
use thiserror::Error;

/// How the password hashes of a file were made, if a hash alone does not show it.
#[derive(Args, Clone, Default)]
pub struct HashOptions {
    /// The digest of the password that bcrypt hashed, such as sha256-hex or sha512-base64.
    #[arg(long, value_name = "DIGEST", value_parser = bcrypt_of)]
    pub(super) bcrypt_of: Option<BcryptOf>,
    /// How hashes of the form SALT:HASH in hexadecimal were made: pbkdf2-sha512:i=10000 or
    /// scrypt:ln=14,r=8,p=1.
    #[arg(long, value_name = "METHOD", value_parser = salt_and_hash)]
    pub(super) salt_and_hash: Option<SaltAndHash>,
    /// The product used the salt of SALT:HASH as text, and not as the bytes of its hexadecimal digits.
    #[arg(long, requires = "salt_and_hash")]
    pub(super) salt_is_text: bool,
    /// The file with the `hash_config` that Firebase's console shows. With it, hashes are of the form
    /// HASH:SALT.
    #[arg(long, value_name = "FILE", conflicts_with = "salt_and_hash")]
    pub(super) firebase_config: Option<PathBuf>,
    /// The id of the pepper that each password was combined with before it was hashed. First add the pepper
    /// to the signing secret with `postern keys pepper add`.
    #[arg(long, value_name = "ID", requires = "pepper_how", conflicts_with_all = ["bcrypt_of", "firebase_config"])]
    pub(super) pepper_id: Option<PepperId>,
    /// How the pepper was combined: prefix or suffix, or an HMAC such as hmac-sha256, hmac-sha256-hex or
    /// hmac-sha256-base64.
    #[arg(long, value_name = "HOW", requires = "pepper_id", value_parser = pepper_how)]
    pub(super) pepper_how: Option<PepperHow>,
    /// Reject a user whose password hash cannot be used. Without this option, such a user is imported without
    /// a password.
    #[arg(long)]
    pub(super) reject_unusable: bool,
}

/// Parses the digest that bcrypt hashed.
pub(super) fn bcrypt_of(text: &str) -> Result<BcryptOf, String> {
    let (function, encoding) = text.split_once('-').unwrap_or((text, ""));
    let in_base64 = match encoding {
        "hex" => Some(false),
        "base64" => Some(true),
        _ => None,
    };
    let of = HashFunction::named(function).zip(in_base64);
    of.map(|(function, in_base64)| BcryptOf { function, in_base64 }).ok_or_else(|| {
        "it is md5, sha1, sha256 or sha512, then -hex or -base64, such as sha256-hex".to_owned()
    })
}

/// Parses how a pepper was combined with the password.
pub(super) fn pepper_how(text: &str) -> Result<PepperHow, String> {
    PepperHow::named(text)
        .ok_or_else(|| format!("it is one of {}", PepperHow::names().collect::<Vec<_>>().join(", ")))
}

/// Parses how hashes of the form SALT:HASH were made.
pub(super) fn salt_and_hash(text: &str) -> Result<SaltAndHash, String> {
    let wanted = || "it is such as pbkdf2-sha512:i=10000 or scrypt:ln=14,r=8,p=1".to_owned();
    let (method, params) = text.split_once(':').ok_or_else(wanted)?;
    let params: Vec<(&str, u32)> = params
        .split(',')
        .map(|param| param.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?))))
        .collect::<Option<_>>()
        .ok_or_else(wanted)?;
    match (method, &params[..]) {
        ("scrypt", [("ln", log_n), ("r", r), ("p", p)]) => {
            Ok(SaltAndHash::Scrypt(u8::try_from(*log_n).map_err(|_| wanted())?, *r, *p))
        }
        (method, [("i", iterations)]) => {
            let function = method.strip_prefix("pbkdf2-").and_then(HashFunction::named);
            let function = function.filter(|function| *function != HashFunction::Md5).ok_or_else(wanted)?;
            Ok(SaltAndHash::Pbkdf2(function, *iterations))
        }
        _ => Err(wanted()),
    }
}

/// Why Firebase's parameters are not usable. The error never shows a value, since one of them is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("`{name}` {problem}")]
pub(super) struct MalformedParameters {
    name: &'static str,
    problem: &'static str,
}

/// Parses lines of `name: value,`, as Firebase's console shows them.
pub(super) fn firebase(text: &str) -> Result<Firebase, MalformedParameters> {
    let value = |name: &'static str| {
        let lines = text.lines().filter_map(|line| line.trim().trim_end_matches(',').split_once(':'));
        let mut values = lines.filter(|(key, _)| key.trim().trim_matches('"') == name);
        let value = values.next().map(|(_, value)| value.trim().trim_matches('"'));
        value.ok_or(MalformedParameters { name, problem: "is missing" })
    };
    let is = |name, problem| MalformedParameters { name, problem };
    let bytes = |name| STANDARD.decode(value(name)?).map_err(|_| is(name, "is not base64"));
    let number = |name| value(name)?.parse::<u32>().map_err(|_| is(name, "is no number"));
    Ok(Firebase {
        signer_key: bytes("base64_signer_key")?,
        salt_separator: bytes("base64_salt_separator")?,
        rounds: number("rounds")?,
        mem_cost: u8::try_from(number("mem_cost")?).map_err(|_| is("mem_cost", "is too large"))?,
    })
}
