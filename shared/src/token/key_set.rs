//! The key set in the signing secret.
//!
//! It is a JWK Set (RFC 7517) of private keys. The first key signs, and all of them verify. Beside its `keys`
//! it has the member `recovery_code_key`. If imported users have passwords that were hashed with a pepper, it
//! has the member `password_peppers` too.

use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroize;

use super::jwk::{self, Jwk, Key, KeyError, LEAST_HMAC_BYTES, PublicKey, bytes, encode};
use super::provider;
use crate::password::{PepperError, PepperId, Peppers};
use crate::second_factor::RecoveryKey;

/// The sample keys. They are public, and refused unless the table is on this machine.
pub const SAMPLE_KEYS: &str = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"cG9zdGVybiBzYW1wbGUga2V5LCBwdWJsaWM6IG5ldmVyIGRlcGxveSBpdA"}],"recovery_code_key":"cG9zdGVybiBzYW1wbGUgcmVjb3ZlcnkgY29kZSBrZXksIHB1YmxpYw"}"#;

/// The member that holds the keys.
const KEYS: &str = "keys";

/// The member that holds the key under which recovery codes are stored.
pub const RECOVERY_CODE_KEY: &str = "recovery_code_key";

/// The member that holds the peppers of imported passwords.
pub const PASSWORD_PEPPERS: &str = "password_peppers";

/// The signing keys, the key under which recovery codes are stored, and the peppers of imported passwords.
pub struct KeySet {
    pub(super) keys: Vec<Key>,
    /// The key of the recovery codes.
    pub recovery: RecoveryKey,
    /// The peppers of imported passwords.
    pub peppers: Peppers,
}

/// The JSON document of a key set, with its private members. It has no `Debug`. Its texts are wiped when it is
/// dropped.
pub struct KeyDocument {
    /// The keys, each a JWK.
    pub keys: Vec<Map<String, Value>>,
    /// All other members.
    pub members: Map<String, Value>,
}

impl KeySet {
    /// Reads a key set as [`KeyDocument::parse`] does.
    ///
    /// # Errors
    /// If a key is malformed, too weak, or of a kind that is not supported.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        KeyDocument::parse(text)?.key_set()
    }

    /// Returns whether one of these keys is a sample key.
    pub fn has_sample_key(&self) -> bool {
        Self::parse(SAMPLE_KEYS).is_ok_and(|sample| {
            let signs = sample.keys.iter().any(|public| self.keys.iter().any(|key| key.signs_like(public)));
            signs || self.recovery.digest(0, "") == sample.recovery.digest(0, "")
        })
    }

    /// Returns the public keys, with which others can verify tokens. A symmetric key has none, since a key
    /// that verifies can also sign.
    pub fn public_keys(&self) -> Vec<PublicKey<'_>> {
        self.keys.iter().filter_map(Key::public).collect()
    }

    /// Returns the document of the public keys: a JWK Set (RFC 7517 §5) as text, without any private member. It is
    /// `{"keys":[]}` if no key has a public half.
    pub fn public_document(&self) -> String {
        json!({KEYS: self.public_keys()}).to_string()
    }

    /// Returns the algorithms of the public keys, each once.
    pub fn public_algorithms(&self) -> Vec<impl Serialize + use<>> {
        let mut algorithms = Vec::new();
        for key in self.keys.iter().filter(|key| key.public().is_some()) {
            if !algorithms.contains(&key.algorithm) {
                algorithms.push(key.algorithm);
            }
        }
        algorithms
    }
}

impl KeyDocument {
    /// Reads a JWK Set. Any other text is read as one HS256 key, so that a generated secret needs no
    /// conversion. The key of the recovery codes is then derived from it.
    ///
    /// # Errors
    /// If the text is JSON but not a JWK Set, or if it is too short for a key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        // A JSON array or string is a malformed key set, and not a generated secret.
        if !text.starts_with(['{', '[', '"']) {
            return Self::derive(text);
        }
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else { return Err(not_a_set()) };
        let Some(Value::Array(keys)) = members.remove(KEYS) else { return Err(not_a_set()) };
        let keys = keys.into_iter().map(|key| match key {
            Value::Object(key) => Ok(key),
            _ => Err(not_a_set()),
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, members })
    }

    /// Makes a set from a secret that is one HS256 key.
    fn derive(secret: &str) -> Result<Self, KeyError> {
        if secret.len() < LEAST_HMAC_BYTES {
            return Err(jwk::too_short(secret.len()));
        }
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let recovery = hmac::sign(&derivation, b"postern recovery codes");
        let key = [("kty", "oct".to_owned()), ("alg", "HS256".to_owned()), ("k", encode(secret.as_bytes()))];
        Ok(Self {
            keys: vec![key.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()],
            members: Map::from_iter([(RECOVERY_CODE_KEY.to_owned(), encode(recovery.as_ref()).into())]),
        })
    }

    /// Returns the document as one JSON object, private members included.
    pub fn to_json(&self) -> Value {
        let mut members = self.members.clone();
        members.insert(KEYS.to_owned(), json!(self.keys));
        Value::Object(members)
    }

    /// Reads the keys of this document.
    ///
    /// # Errors
    /// If there is no key, or a member is malformed, too weak, or of a kind that is not supported.
    pub fn key_set(&self) -> Result<KeySet, KeyError> {
        provider::install();
        if self.keys.is_empty() {
            return Err(KeyError("must have at least one key".to_owned()));
        }
        let jwks: Vec<Jwk<'_>> = self
            .keys
            .iter()
            .map(|key| Jwk::deserialize(key).map_err(|_| not_a_set()))
            .collect::<Result<_, _>>()?;
        let keys: Vec<Key> =
            jwks.iter().enumerate().map(|(index, jwk)| jwk::key(index, jwk)).collect::<Result<_, _>>()?;
        for (index, key) in keys.iter().enumerate() {
            if key.kid.is_some() && keys.iter().take(index).any(|earlier| earlier.kid == key.kid) {
                return Err(KeyError(format!("key {index} has the kid of an earlier key")));
            }
        }
        let recovery = match self.members.get(RECOVERY_CODE_KEY) {
            None | Some(Value::Null) => None,
            Some(Value::String(key)) => bytes(Some(key)),
            Some(_) => return Err(not_a_set()),
        };
        let recovery = recovery.filter(|key| key.len() >= LEAST_HMAC_BYTES).ok_or_else(|| {
            KeyError(
                "needs the member recovery_code_key beside keys: at least 32 random bytes in base64url, under \
                 which recovery codes are stored"
                    .to_owned(),
            )
        })?;
        let peppers = peppers(self.members.get(PASSWORD_PEPPERS))?;
        Ok(KeySet { keys, recovery: RecoveryKey::new(&recovery), peppers })
    }
}

impl Drop for KeyDocument {
    fn drop(&mut self) {
        self.keys.iter_mut().chain([&mut self.members]).for_each(wipe);
    }
}

/// Wipes the texts of an object, and of the objects in it.
fn wipe(object: &mut Map<String, Value>) {
    for value in object.values_mut() {
        match value {
            Value::String(text) => text.zeroize(),
            Value::Object(object) => wipe(object),
            _ => {}
        }
    }
}

fn not_a_set() -> KeyError {
    KeyError("must be a JWK Set, {\"keys\":[…],\"recovery_code_key\":\"…\"}".to_owned())
}

/// Reads the peppers of imported passwords: an object with an id and bytes in base64url for each.
fn peppers(member: Option<&Value>) -> Result<Peppers, KeyError> {
    let wrong = |problem: String| KeyError(format!("has password_peppers that cannot be used: {problem}"));
    let object = match member {
        None | Some(Value::Null) => return Ok(Peppers::default()),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(wrong("they must be an object, {\"id\":\"base64url\"}".to_owned())),
    };
    let read = |(id, pepper): (&String, &Value)| {
        let id: PepperId = id.parse().map_err(|error: PepperError| wrong(error.to_string()))?;
        let pepper = bytes(pepper.as_str());
        let pepper = pepper.ok_or_else(|| wrong(format!("the pepper {id} must be bytes in base64url")))?;
        Ok((id, pepper))
    };
    let read: Vec<_> = object.iter().map(read).collect::<Result<_, _>>()?;
    Peppers::new(read).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wiping_empties_the_texts_of_an_object_and_of_the_objects_in_it() {
        let mut document = json!({"k": "text", "password_peppers": {"a": "text"}});
        wipe(document.as_object_mut().unwrap());
        assert_eq!(document, json!({"k": "", "password_peppers": {"a": ""}}));
    }
}
