//! Private JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037) as they stand in the signing secret, and their public halves.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use pkcs1::der::Encode;
use pkcs1::{RsaPrivateKey, RsaPublicKey, UintRef};
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::password::{PepperError, PepperId, Peppers};
use crate::second_factor::RecoveryKey;

/// The least length of an HS256 key, in bytes (RFC 7518 §3.2).
const LEAST_HMAC_BYTES: usize = 32;

/// One key of the ring, in the forms that [`super::provider`] takes.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
    /// None of a secret key, which has no half that others may know.
    public: Option<PublicHalf>,
}

/// What others need to verify, in the members of a JWK.
#[derive(Serialize)]
#[serde(tag = "kty")]
enum PublicHalf {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

/// The public half of a key as a JWK, which holds nothing of the private one.
#[derive(Serialize)]
pub struct PublicKey<'r> {
    #[serde(flatten)]
    half: &'r PublicHalf,
    kid: Option<&'r str>,
    alg: Algorithm,
    #[serde(rename = "use")]
    purpose: &'static str,
}

impl Key {
    /// The public half, if it has one.
    pub(super) fn public(&self) -> Option<PublicKey<'_>> {
        let half = self.public.as_ref()?;
        Some(PublicKey { half, kid: self.kid.as_deref(), alg: self.algorithm, purpose: "sig" })
    }

    /// Whether both keys make the same signatures.
    pub(super) fn signs_like(&self, other: &Self) -> bool {
        // HMAC pads its keys with zeros, so zeros at the end make no other key.
        let length = |key: &[u8]| key.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (ours, theirs) = (self.signing.as_bytes(), other.signing.as_bytes());
        self.algorithm == other.algorithm && ours.get(..length(ours)) == theirs.get(..length(theirs))
    }
}

/// Why the signing keys could not be read. Never shows key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError(String);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
    recovery_code_key: Option<String>,
    password_peppers: Option<Value>,
}

/// What the signing secret holds.
pub(super) struct Secret {
    pub(super) keys: Vec<Key>,
    pub(super) recovery: RecoveryKey,
    pub(super) peppers: Peppers,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    k: Option<String>,
    d: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Secret, KeyError> {
    let text = text.trim();
    // A JSON array or string is a key set gone wrong, and no one's chosen secret.
    if !text.starts_with(['{', '[', '"']) {
        let key = hs256(None, text.as_bytes())?;
        // Derived, so that one generated secret is enough; a key set that replaces the secret carries this on.
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        let recovery = hmac::sign(&derivation, b"postern recovery codes");
        let recovery = RecoveryKey::new(recovery.as_ref());
        return Ok(Secret { keys: vec![key], recovery, peppers: Peppers::default() });
    }
    let set: JwkSet = serde_json::from_str(text)
        .map_err(|_| KeyError("must be a JWK Set, {\"keys\":[…],\"recovery_code_key\":\"…\"}".to_owned()))?;
    if set.keys.is_empty() {
        return Err(KeyError("must have at least one key".to_owned()));
    }
    let keys: Vec<Key> = set.keys.iter().enumerate().map(|(i, jwk)| key(i, jwk)).collect::<Result<_, _>>()?;
    for (i, key) in keys.iter().enumerate() {
        if key.kid.is_some() && keys.iter().take(i).any(|earlier| earlier.kid == key.kid) {
            return Err(KeyError(format!("key {i} has the kid of an earlier key")));
        }
    }
    let recovery = bytes(set.recovery_code_key.as_deref()).filter(|key| key.len() >= LEAST_HMAC_BYTES).ok_or_else(
        || {
            KeyError(
                "needs the member recovery_code_key beside keys: at least 32 random bytes in base64url, under \
                 which recovery codes are stored"
                    .to_owned(),
            )
        },
    )?;
    let peppers = peppers(set.password_peppers)?;
    Ok(Secret { keys, recovery: RecoveryKey::new(&recovery), peppers })
}

/// The peppers of imported passwords: an object of ids and of bytes in base64url.
fn peppers(member: Option<Value>) -> Result<Peppers, KeyError> {
    let wrong = |problem: String| KeyError(format!("has password_peppers that cannot be used: {problem}"));
    let object = match member {
        None => return Ok(Peppers::default()),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(wrong("they must be an object, {\"id\":\"base64url\"}".to_owned())),
    };
    let read = |(id, pepper): (String, Value)| {
        let id: PepperId = id.parse().map_err(|error: PepperError| wrong(error.to_string()))?;
        let pepper = bytes(pepper.as_str());
        let pepper = pepper.ok_or_else(|| wrong(format!("the pepper {id} must be bytes in base64url")))?;
        Ok((id, pepper))
    };
    let read: Vec<_> = object.into_iter().map(read).collect::<Result<_, _>>()?;
    Peppers::new(read).map_err(|error| wrong(error.to_string()))
}

fn key(index: usize, jwk: &Jwk) -> Result<Key, KeyError> {
    let wrong = |problem: &str| KeyError(format!("key {index} {problem}"));
    let part = |name: &str, value: &Option<String>, length: usize| {
        bytes(value.as_deref())
            .filter(|bytes| bytes.len() == length)
            .ok_or_else(|| wrong(&format!("needs {name}: {length} bytes in base64url")))
    };
    let (key, named) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("oct", None) => {
            let secret = bytes(jwk.k.as_deref()).ok_or_else(|| wrong("needs k in base64url"))?;
            (hs256(jwk.kid.clone(), &secret).map_err(|error| wrong(&error.0))?, "HS256")
        }
        ("EC", Some("P-256")) => {
            let (d, x, y) = (part("d", &jwk.d, 32)?, part("x", &jwk.x, 32)?, part("y", &jwk.y, 32)?);
            let public = [&[4][..], &x, &y].concat();
            let key = Key {
                kid: jwk.kid.clone(),
                algorithm: Algorithm::ES256,
                signing: EncodingKey::from_ec_der(&[&d[..], &public].concat()),
                verifying: DecodingKey::from_ec_der(&public),
                public: Some(PublicHalf::Ec { crv: "P-256", x: encode(&x), y: encode(&y) }),
            };
            (key, "ES256")
        }
        ("OKP", Some("Ed25519")) => {
            let (d, x) = (part("d", &jwk.d, 32)?, part("x", &jwk.x, 32)?);
            let key = Key {
                kid: jwk.kid.clone(),
                algorithm: Algorithm::EdDSA,
                signing: EncodingKey::from_ed_der(&[&d[..], &x].concat()),
                verifying: DecodingKey::from_ed_der(&x),
                public: Some(PublicHalf::Okp { crv: "Ed25519", x: encode(&x) }),
            };
            (key, "EdDSA")
        }
        ("RSA", None) => {
            let needed = "needs n, e, d, p, q, dp, dq and qi in base64url";
            let (private, public, half) = rsa(jwk).ok_or_else(|| wrong(needed))?;
            let key = Key {
                kid: jwk.kid.clone(),
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
    if jwk.alg.as_deref().is_some_and(|alg| alg != named) {
        return Err(wrong(&format!("has an alg that is not {named}, which is what its kty and crv are for")));
    }
    if key.kid.is_none() && key.algorithm != Algorithm::HS256 {
        return Err(wrong("needs a kid: others find a public key by it"));
    }
    // A private half that does not belong to the public one is found here and not at the first sign-in.
    super::provider::check(key.algorithm, &key.signing, &key.verifying)
        .map_err(|_| wrong("is no valid key pair; an RSA key has 2048 to 4096 bits"))?;
    Ok(key)
}

/// An RSA key's private and public half, each in DER (RFC 8017 appendix A.1), and the public one as it is shown.
fn rsa(jwk: &Jwk) -> Option<(Vec<u8>, Vec<u8>, PublicHalf)> {
    let parts = [&jwk.n, &jwk.e, &jwk.d, &jwk.p, &jwk.q, &jwk.dp, &jwk.dq, &jwk.qi];
    let parts: Vec<Vec<u8>> = parts.into_iter().map(|part| bytes(part.as_deref())).collect::<Option<_>>()?;
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
    Some((private.to_der().ok()?, public.to_der().ok()?, half))
}

fn hs256(kid: Option<String>, secret: &[u8]) -> Result<Key, KeyError> {
    if secret.len() < LEAST_HMAC_BYTES {
        return Err(KeyError(format!("is an HS256 key of {} bytes; 32 are the least", secret.len())));
    }
    Ok(Key {
        kid,
        algorithm: Algorithm::HS256,
        signing: EncodingKey::from_secret(secret),
        verifying: DecodingKey::from_secret(secret),
        public: None,
    })
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(value?.trim_end_matches('=')).ok()
}
