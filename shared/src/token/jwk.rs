//! One private JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use pkcs1::der::Encode;
use pkcs1::{RsaPrivateKey, RsaPublicKey, UintRef};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::public::{PublicHalf, PublicKey};

/// The least length of an HS256 key, in bytes (RFC 7518 §3.2).
pub(super) const LEAST_HMAC_BYTES: usize = 32;

/// Why a key set cannot be read. The error never shows key material.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct KeyError(pub(super) String);

/// One key, in the forms that [`super::provider`] reads.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// `None` for a symmetric key, since a key that verifies can also sign.
    public: Option<PublicHalf>,
}

impl Key {
    /// Returns the public half. Returns `None` for a symmetric key.
    pub(super) fn public(&self) -> Option<PublicKey> {
        Some(PublicKey::new(self.public.clone()?, self.kid.clone()?, self.algorithm))
    }

    /// Returns whether both keys make the same signatures.
    pub(super) fn signs_like(&self, other: &Self) -> bool {
        // HMAC pads a key with zeros, so keys that differ only in zeros at the end are the same key.
        let length = |key: &[u8]| key.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (ours, theirs) = (self.signing.as_bytes(), other.signing.as_bytes());
        self.algorithm == other.algorithm && ours.get(..length(ours)) == theirs.get(..length(theirs))
    }
}

/// The members of a JWK. They are borrowed from a [`KeyDocument`](super::KeyDocument), which wipes them.
#[derive(Deserialize)]
pub(super) struct Jwk<'a> {
    pub(super) kty: &'a str,
    pub(super) crv: Option<&'a str>,
    pub(super) alg: Option<&'a str>,
    pub(super) kid: Option<&'a str>,
    k: Option<&'a str>,
    d: Option<&'a str>,
    pub(super) x: Option<&'a str>,
    pub(super) y: Option<&'a str>,
    pub(super) n: Option<&'a str>,
    pub(super) e: Option<&'a str>,
    p: Option<&'a str>,
    q: Option<&'a str>,
    dp: Option<&'a str>,
    dq: Option<&'a str>,
    qi: Option<&'a str>,
}

/// Reads the key at this index of a set.
pub(super) fn key(index: usize, jwk: &Jwk<'_>) -> Result<Key, KeyError> {
    let wrong = |problem: &str| KeyError(format!("key {index} {problem}"));
    let part = |name: &str, value: Option<&str>, length: usize| {
        bytes(value)
            .filter(|bytes| bytes.len() == length)
            .ok_or_else(|| wrong(&format!("needs {name}: {length} bytes in base64url")))
    };
    let kid = || jwk.kid.map(str::to_owned);
    let (key, named) = match (jwk.kty, jwk.crv) {
        ("oct", None) => {
            let secret = bytes(jwk.k).ok_or_else(|| wrong("needs k in base64url"))?;
            (hs256(kid(), &secret).map_err(|error| wrong(&error.0))?, "HS256")
        }
        ("EC", Some("P-256")) => {
            let (d, x, y) = (part("d", jwk.d, 32)?, part("x", jwk.x, 32)?, part("y", jwk.y, 32)?);
            let public = [&[4][..], &x, &y].concat();
            let key = Key {
                kid: kid(),
                algorithm: Algorithm::ES256,
                signing: EncodingKey::from_ec_der(&Zeroizing::new([&d[..], &public].concat())),
                verifying: DecodingKey::from_ec_der(&public),
                public: Some(PublicHalf::Ec { crv: "P-256", x: encode(&x), y: encode(&y) }),
            };
            (key, "ES256")
        }
        ("OKP", Some("Ed25519")) => {
            let (d, x) = (part("d", jwk.d, 32)?, part("x", jwk.x, 32)?);
            let key = Key {
                kid: kid(),
                algorithm: Algorithm::EdDSA,
                signing: EncodingKey::from_ed_der(&Zeroizing::new([&d[..], &x].concat())),
                verifying: DecodingKey::from_ed_der(&x),
                public: Some(PublicHalf::Okp { crv: "Ed25519", x: encode(&x) }),
            };
            (key, "EdDSA")
        }
        ("RSA", None) => {
            let needed = "needs n, e, d, p, q, dp, dq and qi in base64url";
            let (private, public, half) = rsa(jwk).ok_or_else(|| wrong(needed))?;
            let key = Key {
                kid: kid(),
                algorithm: Algorithm::RS256,
                signing: EncodingKey::from_rsa_der(&private),
                verifying: DecodingKey::from_rsa_der(&public),
                public: Some(half),
            };
            (key, "RS256")
        }
        _ => {
            let kinds = "must be oct (HS256), EC P-256 (ES256), OKP Ed25519 (EdDSA) or RSA (RS256)";
            return Err(wrong(kinds));
        }
    };
    if jwk.alg.is_some_and(|alg| alg != named) {
        return Err(wrong(&format!("has an alg other than {named}, which its kty and crv require")));
    }
    if key.kid.is_none() && key.algorithm != Algorithm::HS256 {
        return Err(wrong("needs a kid: others find a public key by it"));
    }
    // A private half that does not fit the public half is found here, and not at the first sign-in.
    super::provider::check(key.algorithm, &key.signing, &key.verifying)
        .map_err(|_| wrong("is no valid key pair; an RSA key has 2048 to 4096 bits"))?;
    Ok(key)
}

/// Returns the halves of an RSA key: the private and the public one in DER (RFC 8017 appendix A.1), and the
/// public one as members of a JWK.
fn rsa(jwk: &Jwk<'_>) -> Option<(Zeroizing<Vec<u8>>, Vec<u8>, PublicHalf)> {
    let parts = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi];
    let parts: Vec<_> = parts.into_iter().map(bytes).collect::<Option<_>>()?;
    let parts: Vec<UintRef<'_>> =
        parts.iter().map(|part| UintRef::new(part)).collect::<Result<_, _>>().ok()?;
    let [modulus, public_exponent, private_exponent, prime1, prime2, exponent1, exponent2, coefficient] =
        parts.try_into().ok()?;
    let public = RsaPublicKey { modulus, public_exponent };
    let private = RsaPrivateKey {
        modulus,
        public_exponent,
        private_exponent,
        prime1,
        prime2,
        exponent1,
        exponent2,
        coefficient,
        other_prime_infos: None,
    };
    let half = PublicHalf::Rsa { n: encode(modulus.as_bytes()), e: encode(public_exponent.as_bytes()) };
    Some((Zeroizing::new(private.to_der().ok()?), public.to_der().ok()?, half))
}

fn hs256(kid: Option<String>, secret: &[u8]) -> Result<Key, KeyError> {
    if secret.len() < LEAST_HMAC_BYTES {
        return Err(too_short(secret.len()));
    }
    Ok(Key {
        kid,
        algorithm: Algorithm::HS256,
        signing: EncodingKey::from_secret(secret),
        verifying: DecodingKey::from_secret(secret),
        public: None,
    })
}

pub(super) fn too_short(length: usize) -> KeyError {
    KeyError(format!("is an HS256 key of {length} bytes; 32 are the least"))
}

/// Checks that no two keys of a set have the same kid.
pub(super) fn differ<'a>(kids: impl Iterator<Item = Option<&'a str>>) -> Result<(), KeyError> {
    let mut earlier = Vec::new();
    for (index, kid) in kids.enumerate() {
        if kid.is_some() && earlier.contains(&kid) {
            return Err(KeyError(format!("key {index} has the kid of an earlier key")));
        }
        earlier.push(kid);
    }
    Ok(())
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn bytes(value: Option<&str>) -> Option<Zeroizing<Vec<u8>>> {
    URL_SAFE_NO_PAD.decode(value?.trim_end_matches('=')).ok().map(Zeroizing::new)
}
