//! Keycloak's credentials, as its export writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern::password::{HashFunction, Imported, SaltAndHash, UnusableHash, classify};
use serde_json::Value;

use super::decode::base64;

/// Returns a credential of Keycloak: an object with `secretData` and `credentialData`.
pub(super) fn credential(hash: &str) -> Option<Value> {
    if !hash.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Value>(hash).ok().filter(|value| value.get("secretData").is_some())
}

/// Reads the hash of a credential.
///
/// # Errors
/// If the hash cannot be used.
pub(super) fn classify_credential(credential: &Value) -> Result<Imported, UnusableHash> {
    let malformed = UnusableHash::Malformed;
    // Keycloak writes each as JSON within a JSON string.
    let part = |name: &str| match credential.get(name) {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| malformed),
        Some(value) => Ok(value.clone()),
        None => Err(malformed),
    };
    let (secret, how): (Value, Value) = (part("secretData")?, part("credentialData")?);
    let bytes = |name: &str| base64(secret.get(name).and_then(Value::as_str).ok_or(malformed)?);
    let (salt, hash) = (bytes("salt")?, bytes("value")?);
    let iterations = how.get("hashIterations").and_then(Value::as_u64).ok_or(malformed)?;
    let iterations = u32::try_from(iterations).map_err(|_| UnusableHash::TooExpensive)?;
    let function = match how.get("algorithm").and_then(Value::as_str).ok_or(malformed)? {
        "pbkdf2" => HashFunction::Sha1,
        "pbkdf2-sha256" => HashFunction::Sha256,
        "pbkdf2-sha512" => HashFunction::Sha512,
        "argon2" => {
            let param = |name: &str| how["additionalParameters"][name][0].as_str().ok_or(malformed);
            let version = match param("version")? {
                "1.3" => 19,
                "1.0" => 16,
                _ => return Err(UnusableHash::Unknown),
            };
            let (kind, memory, lanes) = (param("type")?, param("memory")?, param("parallelism")?);
            let [salt, hash] =
                [salt, hash].map(|bytes| STANDARD.encode(bytes).trim_end_matches('=').to_owned());
            return classify(&format!(
                "$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${hash}"
            ));
        }
        _ => return Err(UnusableHash::Unknown),
    };
    SaltAndHash::Pbkdf2(function, iterations).classify(&salt, &hash)
}
