//! New private keys, as JWKs (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use postern::random::random;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rsa::rand_core::OsRng;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Map, Value, json};

use crate::output::{Exit, Failure};

/// The size of a new RSA key (RFC 7518 §3.3).
const RSA_BITS: usize = 2048;

/// The algorithm that a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// HMAC with SHA-256. Every verifier can sign.
    #[value(name = "HS256", alias = "hs256")]
    Hs256,
    /// ECDSA on P-256. Clients verify by /.well-known/jwks.json.
    #[value(name = "ES256", alias = "es256")]
    Es256,
    /// Ed25519. Clients verify by /.well-known/jwks.json.
    #[value(name = "EdDSA", alias = "eddsa", alias = "EDDSA")]
    EdDsa,
    /// RSA of 2048 bits. Clients verify by /.well-known/jwks.json. API Gateway's JWT authorizer takes no other kind.
    #[value(name = "RS256", alias = "rs256")]
    Rs256,
}

/// Makes a private key without a kid.
pub(super) fn generate(alg: Algorithm) -> Result<Map<String, Value>, Failure> {
    let failed = || Failure::new(Exit::Failed, "a key cannot be made");
    let key = match alg {
        Algorithm::Hs256 => json!({"kty": "oct", "alg": "HS256", "k": encode(&random::<32>())}),
        Algorithm::Es256 => {
            // One in 2^32 numbers of 256 bits is above the curve's order, and is no key.
            let secret =
                (0..8).find_map(|_| SecretKey::from_slice(&random::<32>()).ok()).ok_or_else(failed)?;
            let point = secret.public_key().to_encoded_point(false);
            let (Some(x), Some(y)) = (point.x(), point.y()) else { return Err(failed()) };
            let d = encode(&secret.to_bytes());
            json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "x": encode(x), "y": encode(y), "d": d})
        }
        Algorithm::EdDsa => {
            let seed = random::<32>();
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| failed())?;
            let x = encode(pair.public_key().as_ref());
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x, "d": encode(&seed)})
        }
        Algorithm::Rs256 => return rs256().ok_or_else(failed),
    };
    Ok(object(key))
}

/// Makes a private RSA key without a kid (RFC 7518 §6.3).
fn rs256() -> Option<Map<String, Value>> {
    let key = RsaPrivateKey::new(&mut OsRng, RSA_BITS).ok()?;
    let [p, q] = key.primes() else { return None };
    let number = |number: &BigUint| encode(&number.to_bytes_be());
    Some(object(json!({
        "kty": "RSA",
        "alg": "RS256",
        "n": number(key.n()),
        "e": number(key.e()),
        "d": number(key.d()),
        "p": number(p),
        "q": number(q),
        "dp": number(key.dp()?),
        "dq": number(key.dq()?),
        "qi": number(&key.crt_coefficient()?),
    })))
}

/// Encodes bytes in base64url without padding, as JWKs have it.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the members of an object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
