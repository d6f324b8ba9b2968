//! The public key set: the keys with which others verify tokens.
//!
//! It is a JWK Set (RFC 7517 §5) of public keys. It is in a secret of its own, so that the function that shows it
//! cannot read a private key. A set with a private member is refused as a whole: it was not made for everybody.

use jsonwebtoken::Algorithm;
use pkcs1::UintRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::jwk::{self, Jwk, KeyError, bytes, encode};
use super::key_set::{KeyDocument, PASSWORD_PEPPERS, RECOVERY_CODE_KEY};

/// The private members of a JWK (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

/// The members of the signing secret that are private too.
const PRIVATE_BESIDE_KEYS: [&str; 2] = [RECOVERY_CODE_KEY, PASSWORD_PEPPERS];

/// The public members of a JWK, with which others can verify signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
pub(super) enum PublicHalf {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

/// The public half of a key, as a JWK without any private member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    #[serde(flatten)]
    half: PublicHalf,
    kid: String,
    alg: Algorithm,
    #[serde(rename = "use")]
    purpose: &'static str,
}

/// A JWK Set of public keys (RFC 7517 §5). It may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKeySet {
    keys: Vec<PublicKey>,
}

impl PublicKey {
    pub(super) fn new(half: PublicHalf, kid: String, alg: Algorithm) -> Self {
        Self { half, kid, alg, purpose: "sig" }
    }

    /// Returns the id of the key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Reads the key at this index of a set.
    fn parse(index: usize, key: &Map<String, Value>) -> Result<Self, KeyError> {
        let wrong = |problem: &str| KeyError(format!("key {index} {problem}"));
        if let Some(name) = PRIVATE.iter().find(|name| key.contains_key(**name)) {
            return Err(wrong(&format!("has the private member {name}; a public key has none")));
        }
        let jwk = Jwk::deserialize(key).map_err(|_| not_a_public_set())?;
        let part = |name: &str, value: Option<&str>| {
            let part = bytes(value).filter(|bytes| bytes.len() == 32);
            let part = part.ok_or_else(|| wrong(&format!("needs {name}: 32 bytes in base64url")))?;
            Ok(encode(&part))
        };
        let number = |value: Option<&str>| Some(encode(UintRef::new(&bytes(value)?).ok()?.as_bytes()));
        let (half, alg, named) = match (jwk.kty, jwk.crv) {
            ("EC", Some("P-256")) => {
                let half = PublicHalf::Ec { crv: "P-256", x: part("x", jwk.x)?, y: part("y", jwk.y)? };
                (half, Algorithm::ES256, "ES256")
            }
            ("OKP", Some("Ed25519")) => {
                (PublicHalf::Okp { crv: "Ed25519", x: part("x", jwk.x)? }, Algorithm::EdDSA, "EdDSA")
            }
            ("RSA", None) => {
                let (Some(n), Some(e)) = (number(jwk.n), number(jwk.e)) else {
                    return Err(wrong("needs n and e in base64url"));
                };
                (PublicHalf::Rsa { n, e }, Algorithm::RS256, "RS256")
            }
            _ => return Err(wrong("must be EC P-256 (ES256), OKP Ed25519 (EdDSA) or RSA (RS256)")),
        };
        if jwk.alg.is_some_and(|alg| alg != named) {
            return Err(wrong(&format!("has an alg other than {named}, which its kty and crv require")));
        }
        let kid = jwk.kid.ok_or_else(|| wrong("needs a kid: others find a public key by it"))?;
        Ok(Self::new(half, kid.to_owned(), alg))
    }
}

impl PublicKeySet {
    pub(super) fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys }
    }

    /// Reads a JWK Set of public keys. Members that it does not know are left out.
    ///
    /// # Errors
    /// If the text is no JWK Set. If a member is private, also one beside `keys`. If a key is malformed, or of a kind
    /// that Postern does not sign with. The error names the member, and never its value.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        // The document wipes its texts, which may be private. It would read a text that is no object as an HS256 key.
        if !text.trim_start().starts_with('{') {
            return Err(not_a_public_set());
        }
        let document = KeyDocument::parse(text).map_err(|_| not_a_public_set())?;
        if let Some(name) = PRIVATE_BESIDE_KEYS.iter().find(|name| document.members.contains_key(**name)) {
            return Err(KeyError(format!("has the private member {name}; a public key set has none")));
        }
        let keys = document.keys.iter().enumerate().map(|(index, key)| PublicKey::parse(index, key));
        let keys: Vec<PublicKey> = keys.collect::<Result<_, _>>()?;
        jwk::differ(keys.iter().map(|key| Some(key.kid.as_str())))?;
        Ok(Self { keys })
    }

    /// Returns the keys.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Returns the algorithms of the keys, each once.
    pub fn public_algorithms(&self) -> Vec<impl Serialize + use<>> {
        let mut algorithms = Vec::new();
        for key in &self.keys {
            if !algorithms.contains(&key.alg) {
                algorithms.push(key.alg);
            }
        }
        algorithms
    }

    pub(super) fn document(&self) -> String {
        // Objects of texts are always JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn not_a_public_set() -> KeyError {
    KeyError("must be a JWK Set of public keys, {\"keys\":[…]}".to_owned())
}
