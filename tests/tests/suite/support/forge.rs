//! Tokens signed by hand, validly or not, for a key ring with a key of every kind.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postern_tests::deployment::Deployment;
use ring::rand::SystemRandom;
use ring::rsa::KeyPairComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair,
};
use ring::{hmac, signature};
use serde_json::{Value, json};

use crate::support::jwt::encode;
use crate::support::words::{Refused, assert_reply, words};

/// RFC 7515 A.1.
const K: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/// RFC 7515 A.3.
const EC: [&str; 3] = [
    "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
];
/// RFC 8037 A.1.
const OKP: [&str; 2] =
    ["nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"];
/// RFC 7515 A.2.
const RSA: &str = include_str!("../../../../shared/src/token/tests/rsa.jwk.json");

/// A key of the ring, which is also its `kid`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key {
    Hs,
    Es,
    Ed,
    Rs,
}

pub(crate) const KEYS: [Key; 4] = [Key::Hs, Key::Es, Key::Ed, Key::Rs];

impl Key {
    pub(crate) const fn kid(self) -> &'static str {
        match self {
            Self::Hs => "hs",
            Self::Es => "es",
            Self::Ed => "ed",
            Self::Rs => "rs",
        }
    }

    pub(crate) const fn algorithm(self) -> &'static str {
        match self {
            Self::Hs => "HS256",
            Self::Es => "ES256",
            Self::Ed => "EdDSA",
            Self::Rs => "RS256",
        }
    }

    /// The header of its valid tokens.
    pub(crate) fn header(self) -> Value {
        json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.kid()})
    }

    /// Its signature, whatever algorithm the header names.
    pub(crate) fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Hs => hmac_with(hmac::HMAC_SHA256, &decode(K), message),
            Self::Es => {
                let [d, x, y] = EC.map(decode);
                let (kind, point) = (&ECDSA_P256_SHA256_FIXED_SIGNING, [&[4][..], &x, &y].concat());
                let pair =
                    EcdsaKeyPair::from_private_key_and_public_key(kind, &d, &point, &SystemRandom::new());
                pair.unwrap().sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            Self::Ed => {
                let [d, x] = OKP.map(decode);
                Ed25519KeyPair::from_seed_and_public_key(&d, &x).unwrap().sign(message).as_ref().to_vec()
            }
            Self::Rs => rsa_with(&RSA_PKCS1_SHA256, message),
        }
    }

    /// Its public key in the forms in which it is published, which an attacker has.
    pub(crate) fn public_forms(self) -> Vec<Vec<u8>> {
        let (raw, spki) = match self {
            Self::Hs => return Vec::new(),
            Self::Es => {
                let [_, x, y] = EC.map(decode);
                let point = [&[4][..], &x, &y].concat();
                let algorithm = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
                let spki = [&unhex(algorithm)[..], &point].concat();
                (vec![point, [&x[..], &y].concat(), x], spki)
            }
            Self::Ed => {
                let x = decode(OKP[1]);
                let spki = [&unhex("302a300506032b6570032100")[..], &x].concat();
                (vec![x], spki)
            }
            Self::Rs => {
                let (modulus, exponent) = (decode(rsa_part("n").as_str()), decode(rsa_part("e").as_str()));
                let numbers = [der(2, &[&[0][..], &modulus].concat()), der(2, &exponent)].concat();
                let pkcs1 = der(0x30, &numbers);
                let algorithm = unhex("300d06092a864886f70d0101010500");
                let bits = der(3, &[&[0][..], &pkcs1].concat());
                let spki = der(0x30, &[algorithm, bits].concat());
                (vec![modulus, pkcs1], spki)
            }
        };
        let mut forms = Vec::new();
        for label in ["PUBLIC KEY", "RSA PUBLIC KEY"] {
            for der in raw.iter().chain([&spki]) {
                let text = base64::engine::general_purpose::STANDARD.encode(der);
                let lines: Vec<&str> =
                    text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
                let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n"));
                forms.extend([text.into_bytes(), format!("{pem}\n").into_bytes(), pem.into_bytes()]);
            }
        }
        forms.extend(raw);
        forms.extend([spki, self.public_jwk().to_string().into_bytes()]);
        forms
    }

    pub(crate) fn public_jwk(self) -> Value {
        match self {
            Self::Hs => json!({"kty": "oct", "kid": "hs"}),
            Self::Es => json!({"kty": "EC", "crv": "P-256", "x": EC[1], "y": EC[2], "kid": "es"}),
            Self::Ed => json!({"kty": "OKP", "crv": "Ed25519", "x": OKP[1], "kid": "ed"}),
            Self::Rs => json!({"kty": "RSA", "n": rsa_part("n"), "e": rsa_part("e"), "kid": "rs"}),
        }
    }

    pub(crate) fn private_jwk(self) -> Value {
        let mut jwk = self.public_jwk();
        match self {
            Self::Hs => jwk["k"] = json!(K),
            Self::Es => jwk["d"] = json!(EC[0]),
            Self::Ed => jwk["d"] = json!(OKP[0]),
            Self::Rs => {
                for part in ["d", "p", "q", "dp", "dq", "qi"] {
                    jwk[part] = json!(rsa_part(part));
                }
            }
        }
        jwk
    }
}

/// A signature of the RSA key with another padding or hash.
pub(crate) fn rsa_with(encoding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let [n, e, d, p, q, dp, dq, qi] =
        ["n", "e", "d", "p", "q", "dp", "dq", "qi"].map(|p| decode(&rsa_part(p)));
    let public_key = signature::RsaPublicKeyComponents { n, e };
    let parts = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: qi };
    let pair = RsaKeyPair::from_components(&parts).unwrap();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// The HMAC of a message with any hash, under any key.
pub(crate) fn hmac_with(algorithm: hmac::Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

/// The HMAC key of the ring.
pub(crate) fn hmac_key() -> Vec<u8> {
    decode(K)
}

/// A token of this header, these claims and this signature function.
pub(crate) fn token(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
    let signature = sign(message.as_bytes());
    format!("{message}.{}", encode(&signature))
}

/// A token with these claims and a valid signature.
pub(crate) fn signed(key: Key, claims: &Value) -> String {
    token(&key.header().to_string(), &claims.to_string(), |message| key.sign(message))
}

/// The claims of a valid access token of johndoe.
pub(crate) fn claims(deployment: &Deployment) -> Value {
    let iat = deployment.now().secs();
    json!({"token_type": "access", "exp": iat + 3600, "iat": iat, "jti": "x", "user_id": 1})
}

/// A token's three parts.
pub(crate) fn split(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// A deployment with a key of every kind. The HS256 key signs.
pub(crate) async fn deployment() -> Deployment {
    let keys = KEYS.map(Key::private_jwk);
    let set = json!({"keys": keys, "recovery_code_key": encode(&[9; 32])}).to_string();
    Deployment::start_with(|env| env.with("SIGNING_KEYS", set)).await
}

/// Every test ends with this: the valid token of each kind is accepted, so the attack was the reason of the refusal.
pub(crate) async fn assert_good_ones_are_accepted(deployment: &Deployment) {
    for key in KEYS {
        assert_accepted(deployment, &signed(key, &claims(deployment)), key.kid()).await;
    }
}

pub(crate) async fn assert_accepted(deployment: &Deployment, token: &str, of: &str) {
    let text = r#"{"id":1,"ext_id":42,"username":"johndoe","role":"moderator","tags":[3,5]}"#;
    assert_reply(&deployment.sso(token).await, 200, text, json!({}), of);
}

/// 401 in sso's words.
pub(crate) async fn assert_refused(deployment: &Deployment, token: &str, of: &str) {
    let (status, text) = words("sso", Refused::Wrong);
    let more = json!({"www-authenticate": "Bearer error=\"invalid_token\""});
    assert_reply(&deployment.sso(token).await, status, &text, more, of);
}

fn rsa_part(name: &str) -> String {
    serde_json::from_str::<Value>(RSA).unwrap()[name].as_str().unwrap().to_owned()
}

/// A value in DER.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}

pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
