//! A hash without its pepper: its parts, its verification, and its cost.

use std::num::NonZeroU32;

use argon2::{Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;
use subtle::ConstantTimeEq;

use super::algorithm::Algorithm;
use super::argon2id;
use super::cost::Cost;
use super::crypt::{self, Yescrypt};
use super::layered::OldDigest;
use super::legacy::{self, HashFunction, Phpass};
use super::limits::LEAST_PBKDF2_ITERATIONS;
use super::pepper::PepperHow;

/// A hash whose cost is within the bounds.
pub(super) enum Hash {
    Argon2 { algorithm: argon2::Algorithm, version: Version, params: Params, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
    Pbkdf2 { algorithm: pbkdf2::Algorithm, iterations: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    Bcrypt { hash: String, cost: u32, of: BcryptInput },
    Phpass(Phpass),
    Yescrypt(Yescrypt),
    Firebase { params: scrypt::Params, salt: Vec<u8>, keystream: Vec<u8> },
    Layered { how: OldDigest, params: Params, salt: Vec<u8>, output: Vec<u8> },
}

/// The input of bcrypt.
pub(super) enum BcryptInput {
    Password,
    WithSuffix(String),
    Digest { function: HashFunction, in_base64: bool },
    WordPress,
    SignExtended,
}

impl BcryptInput {
    pub(super) const SHA256: Self = Self::Digest { function: HashFunction::Sha256, in_base64: false };
}

impl Hash {
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

    /// Returns whether the password has this hash. Returns `None` if there is no memory for the hash.
    pub(super) fn derives(&self, password: &[u8]) -> Option<bool> {
        let (derived, output) = match self {
            Self::Argon2 { algorithm, version, params, salt, output } => {
                (argon2id::derive(*algorithm, *version, params, password, salt), output)
            }
            Self::Scrypt { params, salt, output } => {
                (legacy::scrypt(params, password, salt, output.len()), output)
            }
            Self::Pbkdf2 { algorithm, iterations, salt, output } => {
                (Some(legacy::pbkdf2(*algorithm, *iterations, password, salt, output.len())), output)
            }
            Self::Bcrypt { hash, of, .. } => {
                return Some(match of {
                    BcryptInput::Password => legacy::bcrypt(password, hash),
                    BcryptInput::WithSuffix(suffix) => {
                        legacy::bcrypt(&[password, suffix.as_bytes()].concat(), hash)
                    }
                    BcryptInput::Digest { function, in_base64 } => {
                        let digest = function.digest([password, &[]]);
                        let text = if *in_base64 { STANDARD.encode(digest) } else { hex::encode(&digest) };
                        legacy::bcrypt(text.as_bytes(), hash)
                    }
                    BcryptInput::WordPress => {
                        legacy::bcrypt(legacy::wordpress_input(password).as_bytes(), hash)
                    }
                    BcryptInput::SignExtended => legacy::sign_extended_bcrypt(password, hash),
                });
            }
            Self::Phpass(phpass) => return Some(phpass.matches(password)),
            Self::Yescrypt(yescrypt) => {
                let accepted = password.len() <= crypt::MAX_PASSWORD_BYTES;
                let password = if accepted { password } else { &[] };
                return yescrypt.matches(password).map(|matches| matches && accepted);
            }
            Self::Firebase { params, salt, keystream } => {
                (legacy::firebase_keystream(params, password, salt), keystream)
            }
            Self::Layered { how, params, salt, output } => {
                // A password that the other product does not accept is wrong. It costs the same work.
                let old = how.of(password);
                let password = old.as_deref().unwrap_or_default();
                let derived =
                    argon2id::derive(argon2::Algorithm::Argon2id, Version::V0x13, params, password, salt);
                return derived.map(|derived| bool::from(derived.ct_eq(output)) && old.is_some());
            }
        };
        Some(derived?.ct_eq(output).into())
    }

    /// Returns what a verification of a password of this many bytes costs: how many blocks of one KiB Argon2
    /// fills in that time. For other algorithms it is an estimate.
    pub(super) fn work(&self, length: usize) -> u32 {
        match self {
            Self::Argon2 { params, .. } => argon2id::work(params),
            Self::Scrypt { params, .. } => legacy::scrypt_work(params),
            Self::Pbkdf2 { algorithm, iterations, output, .. } => {
                legacy::pbkdf2_work(*algorithm, iterations.get(), output.len())
            }
            Self::Bcrypt { cost, .. } => legacy::bcrypt_work(*cost),
            Self::Phpass(phpass) => phpass.work(length),
            Self::Yescrypt(yescrypt) => yescrypt.work(),
            Self::Firebase { params, .. } => legacy::scrypt_work(params),
            Self::Layered { how, params, .. } => argon2id::work(params).saturating_add(how.work(length)),
        }
    }

    /// Returns what the layer over an old digest costs. Other hashes have no layer.
    pub(super) fn layer_work(&self) -> u32 {
        match self {
            Self::Layered { params, .. } => argon2id::work(params),
            _ => 0,
        }
    }

    /// Does the work of a verification, but for the layer over an old digest, which costs as much as the decoy
    /// that every attempt has.
    pub(super) fn run_without_layer(&self, password: &[u8]) {
        match self {
            Self::Layered { how, .. } => {
                how.of(password);
            }
            _ => {
                self.derives(password);
            }
        }
    }

    /// Returns whether a new hash is better than this one.
    pub(super) fn is_outdated(&self, cost: &Cost) -> bool {
        match self {
            Self::Argon2 { algorithm, version, params, .. } => {
                *algorithm != argon2::Algorithm::Argon2id
                    || *version != Version::V0x13
                    || argon2id::work(params) < cost.work()
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

    /// Returns whether a hash of this kind is accepted with a pepper. PBKDF2 of few iterations is accepted
    /// only under a layer. phpass, yescrypt and Firebase's scrypt are not accepted, and neither is bcrypt of
    /// another input than the password itself. bcrypt is accepted only with an HMAC as text. It reads only 72
    /// bytes, and a pepper before the password can fill them. It also ends at a NUL, and the bytes of an HMAC
    /// may contain one.
    pub(super) fn goes_with(&self, how: PepperHow) -> bool {
        match self {
            Self::Argon2 { .. } | Self::Scrypt { .. } => true,
            Self::Pbkdf2 { iterations, .. } => iterations.get() >= LEAST_PBKDF2_ITERATIONS,
            Self::Bcrypt { of: BcryptInput::Password, .. } => how.is_hmac_as_text(),
            Self::Layered { how, .. } => how.goes_with_pepper(),
            Self::Bcrypt { .. } | Self::Phpass(_) | Self::Yescrypt(_) | Self::Firebase { .. } => false,
        }
    }

    /// Returns whether the hash depends on every byte of the right password. bcrypt reads only 72 bytes, and
    /// WordPress trims the password, so the user may have mistyped the rest. A new hash would make the mistyped
    /// text the password.
    pub(super) fn covers(&self, password: &str) -> bool {
        match self {
            Self::Bcrypt {
                of: BcryptInput::Password | BcryptInput::WithSuffix(_) | BcryptInput::SignExtended,
                ..
            } => password.len() <= legacy::BCRYPT_BYTES,
            Self::Bcrypt { of: BcryptInput::WordPress, .. } => {
                legacy::trimmed(password.as_bytes()).len() == password.len()
            }
            _ => true,
        }
    }
}
