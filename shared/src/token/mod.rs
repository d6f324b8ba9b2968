//! JWTs (RFC 7519): a ring of keys that signs with its first key and verifies with all of them.
//!
//! The one place that imports jsonwebtoken. The algorithm belongs to the key and is never taken from the token
//! (RFC 8725 §3.1). What a token must *say* to be of one contract and one kind is that contract's to check.

mod jwk;
mod provider;
mod reload;

use std::time::Duration;

use jsonwebtoken::{Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::jwk::{Key, Secret};
pub use self::jwk::{KeyError, PublicKey};
pub use self::reload::Keys;
use crate::clock::Timestamp;
use crate::password::Peppers;
use crate::second_factor::RecoveryKey;

/// How far the clock of a backend that mints tokens may be ahead of ours (RFC 7519 §4.1.5 allows some leeway).
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// The longest token that is looked at, in bytes. API Gateway's headers end at 10 KiB.
const MAX_BYTES: usize = 8 * 1024;

/// The keys of the samples: public, and refused wherever the table is not on this machine.
pub const SAMPLE_KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"cG9zdGVybiBzYW1wbGUga2V5LCBwdWJsaWM6IG5ldmVyIGRlcGxveSBpdA"}],"recovery_code_key":"cG9zdGVybiBzYW1wbGUgcmVjb3ZlcnkgY29kZSBrZXksIHB1YmxpYw"}"#;

/// The signing keys, the key under which recovery codes are stored, and the peppers of imported passwords.
pub struct KeyRing {
    keys: Vec<Key>,
    /// The key of the recovery codes.
    pub recovery: RecoveryKey,
    /// The peppers of imported passwords.
    pub peppers: Peppers,
}

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It was good, and its time is over.
    Expired,
    /// It names a key that is not in the ring, or not yet.
    UnknownKey,
    /// Anything else: malformed, tampered with, of another key, algorithm or kind.
    Invalid,
}

/// A token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningFailed;

impl KeyRing {
    /// Reads a JWK Set (RFC 7517) of private keys, with `recovery_code_key` beside its `keys`, and `password_peppers`
    /// where there are any; or, from what is
    /// no JSON object, makes one HS256 key, so that a generated secret works as it is.
    ///
    /// # Errors
    /// If a key is malformed, too weak, or of a kind that is not supported.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        provider::install();
        let Secret { keys, recovery, peppers } = jwk::parse(text)?;
        Ok(Self { keys, recovery, peppers })
    }

    /// Whether one of these keys is a sample.
    pub fn has_sample_key(&self) -> bool {
        Self::parse(SAMPLE_KEYS).is_ok_and(|sample| {
            let signs = sample.keys.iter().any(|public| self.keys.iter().any(|key| key.signs_like(public)));
            signs || self.recovery.digest(0, "") == sample.recovery.digest(0, "")
        })
    }

    /// What others need to verify these keys' tokens: of HS256 keys nothing, since whoever can verify with one can sign.
    pub fn public_keys(&self) -> Vec<PublicKey<'_>> {
        self.keys.iter().filter_map(Key::public).collect()
    }

    /// Signs these claims with the first key.
    ///
    /// # Errors
    /// If the claims are no JSON object, or the key fails.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let key = self.keys.first().ok_or(SigningFailed)?;
        let mut header = Header::new(key.algorithm);
        header.kid.clone_from(&key.kid);
        jsonwebtoken::encode(&header, claims, &key.signing).map_err(|_| SigningFailed)
    }

    /// The claims of a token that one of these keys signed and that is valid now.
    ///
    /// A token with a `kid` is checked with the key of that name; one without, with every HS256 key.
    ///
    /// # Errors
    /// If it is not acceptable.
    pub fn verify<C: DeserializeOwned>(&self, token: &str, now: Timestamp) -> Result<C, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // RFC 7515 §4.1.11: extensions that must be understood are not.
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        if header.kid.is_some() && !self.keys.iter().any(|key| key.kid == header.kid) {
            return Err(TokenError::UnknownKey);
        }
        let candidates = self.keys.iter().filter(|key| match &header.kid {
            Some(_) => key.kid == header.kid,
            None => key.algorithm == jsonwebtoken::Algorithm::HS256,
        });
        let mut validation = Validation::default();
        validation.required_spec_claims.clear();
        // These two look at the machine's clock and at contracts; the first is checked below, with our `now`.
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = candidates
            .filter(|key| key.algorithm == header.alg)
            .find_map(|key| {
                validation.algorithms = vec![key.algorithm];
                jsonwebtoken::decode::<Value>(token, &key.verifying, &validation).ok()
            })
            .ok_or(TokenError::Invalid)?
            .claims;
        let seconds = |name| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(TokenError::Invalid),
        };
        let now = now.millis() as f64 / 1000.0;
        let expires = seconds("exp")?.ok_or(TokenError::Invalid)?;
        // A backend that shares a key may have a clock ahead of ours; our own tokens have no such claim.
        if seconds("nbf")?.is_some_and(|not_before| not_before > now + SKEW.as_secs_f64()) {
            return Err(TokenError::Invalid);
        }
        if expires <= now {
            return Err(TokenError::Expired);
        }
        serde_json::from_value(claims).map_err(|_| TokenError::Invalid)
    }
}

#[cfg(test)]
mod tests;
