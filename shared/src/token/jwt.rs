//! JWTs (RFC 7519). The first key of a set signs them, and all its keys verify them.
//!
//! The algorithm belongs to the key, and is never taken from the token (RFC 8725 §3.1). The profile says which
//! contract a token is of.

use std::time::Duration;

use jsonwebtoken::{Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::key_set::KeySet;
use super::profile::JwtProfile;
use crate::clock::Timestamp;

/// How far the clock of a backend that signs tokens may be ahead of this one (RFC 7519 §4.1.5 allows some
/// leeway).
pub(crate) const SKEW: Duration = Duration::from_secs(60);

/// The longest token that is verified, in bytes. API Gateway accepts headers of up to 10 KiB.
const MAX_BYTES: usize = 8 * 1024;

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token names a key that is not in the set. The key may be newer than the set.
    #[error("the token names an unknown key")]
    UnknownKey,
    /// The token is malformed, was changed, is signed with another key or algorithm, or has another profile.
    #[error("the token is invalid")]
    Invalid,
}

/// The claims as they are signed.
#[derive(Serialize)]
struct SignedClaims<'a, C> {
    #[serde(flatten)]
    profile: &'a JwtProfile,
    #[serde(flatten)]
    claims: &'a C,
}

/// A token could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token cannot be signed")]
pub struct SigningFailed;

impl KeySet {
    /// Signs a token of this profile, with these claims, by the first key.
    ///
    /// # Errors
    /// If the claims are no JSON object, or the key cannot sign.
    pub fn sign(&self, profile: &JwtProfile, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let key = self.keys.first().ok_or(SigningFailed)?;
        let mut header = Header::new(key.algorithm);
        header.typ = Some(profile.typ.clone());
        header.kid.clone_from(&key.kid);
        let claims = SignedClaims { profile, claims };
        jsonwebtoken::encode(&header, &claims, &key.signing).map_err(|_| SigningFailed)
    }

    /// Returns the claims of a token of this profile that one of these keys signed and that is valid now.
    ///
    /// A token with a `kid` is checked with the key of that name, and a token without one with every HS256
    /// key.
    ///
    /// # Errors
    /// If the token is expired, invalid, or signed with an unknown key.
    pub fn verify<C: DeserializeOwned>(
        &self,
        profile: &JwtProfile,
        token: &str,
        now: Timestamp,
    ) -> Result<C, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Postern supports no critical extension, so it must reject the token (RFC 7515 §4.1.11).
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
        // The crate would check `exp` with the machine's clock. It is checked below with `now` instead. The
        // profile checks `aud`.
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
        // The clock of a backend that shares a key may be ahead of this one. Postern's own tokens have no
        // `nbf`.
        if seconds("nbf")?.is_some_and(|not_before| not_before > now + SKEW.as_secs_f64()) {
            return Err(TokenError::Invalid);
        }
        if expires <= now {
            return Err(TokenError::Expired);
        }
        if !profile.is_of(header.typ.as_deref(), &claims) {
            return Err(TokenError::Invalid);
        }
        serde_json::from_value(claims).map_err(|_| TokenError::Invalid)
    }
}
