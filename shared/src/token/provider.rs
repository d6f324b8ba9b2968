//! The cryptography of jsonwebtoken, by `ring`, which TLS uses too.
//!
//! jsonwebtoken's own providers would add aws-lc, which gathers entropy for long before the first signature,
//! or the crate `rsa`, which has a timing leak (RUSTSEC-2023-0071). [`super::jwk`] makes keys in the raw
//! forms that `ring` reads. Only RSA keys are in DER.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm,
};
use signature::{Signer, Verifier};

/// Makes `ring` the provider of this process. A later call does nothing.
pub(super) fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| Ok(Box::new(RingSigner::new(algorithm, key)?)),
        verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier::new(algorithm, key)?)),
        key_utils: KeyUtils::new_unimplemented(),
    };
    // It fails only if the provider was installed before.
    let _ = PROVIDER.install_default();
}

/// Checks that the second key verifies a signature of the first. `ring` finds most mismatched pairs when it
/// reads them, but some RSA pairs only when they sign.
pub(super) fn check(
    algorithm: Algorithm,
    signing: &EncodingKey,
    verifying: &DecodingKey,
) -> Result<(), Error> {
    let unusable = |_| Error::from(ErrorKind::InvalidKeyFormat);
    let signature = RingSigner::new(&algorithm, signing)?.try_sign(b"").map_err(unusable)?;
    RingVerifier::new(&algorithm, verifying)?.verify(b"", &signature).map_err(unusable)
}

enum RingSigner {
    Hs256(hmac::Key),
    Es256(Box<EcdsaKeyPair>, SystemRandom),
    EdDsa(Box<Ed25519KeyPair>),
    Rs256(Box<RsaKeyPair>, SystemRandom),
}

impl RingSigner {
    fn new(algorithm: &Algorithm, key: &EncodingKey) -> Result<Self, Error> {
        let unusable = |_| Error::from(ErrorKind::InvalidKeyFormat);
        let bytes = key.as_bytes();
        let private_and_public = || bytes.split_at_checked(32).ok_or(ErrorKind::InvalidKeyFormat);
        if *algorithm == Algorithm::HS256 {
            Ok(Self::Hs256(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
        } else if *algorithm == Algorithm::ES256 {
            let (private, public) = private_and_public()?;
            let random = SystemRandom::new();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                private,
                public,
                &random,
            );
            Ok(Self::Es256(Box::new(pair.map_err(unusable)?), random))
        } else if *algorithm == Algorithm::EdDSA {
            let (private, public) = private_and_public()?;
            let pair = Ed25519KeyPair::from_seed_and_public_key(private, public);
            Ok(Self::EdDsa(Box::new(pair.map_err(unusable)?)))
        } else if *algorithm == Algorithm::RS256 {
            let pair = RsaKeyPair::from_der(bytes).map_err(unusable)?;
            Ok(Self::Rs256(Box::new(pair), SystemRandom::new()))
        } else {
            Err(ErrorKind::InvalidAlgorithm.into())
        }
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(match self {
            Self::Hs256(key) => hmac::sign(key, message).as_ref().to_vec(),
            Self::Es256(pair, random) => {
                pair.sign(random, message).map_err(|_| signature::Error::new())?.as_ref().to_vec()
            }
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair, random) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature)
                    .map_err(|_| signature::Error::new())?;
                signature
            }
        })
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::HS256,
            Self::Es256(..) => Algorithm::ES256,
            Self::EdDsa(_) => Algorithm::EdDSA,
            Self::Rs256(..) => Algorithm::RS256,
        }
    }
}

enum RingVerifier {
    Hs256(hmac::Key),
    Public(Algorithm, &'static dyn VerificationAlgorithm, Vec<u8>),
}

impl RingVerifier {
    fn new(algorithm: &Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        let bytes = key.try_get_as_bytes()?;
        if *algorithm == Algorithm::HS256 {
            Ok(Self::Hs256(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
        } else if *algorithm == Algorithm::ES256 {
            Ok(Self::Public(*algorithm, &ECDSA_P256_SHA256_FIXED, bytes.to_vec()))
        } else if *algorithm == Algorithm::EdDSA {
            Ok(Self::Public(*algorithm, &ED25519, bytes.to_vec()))
        } else if *algorithm == Algorithm::RS256 {
            Ok(Self::Public(*algorithm, &RSA_PKCS1_2048_8192_SHA256, bytes.to_vec()))
        } else {
            Err(ErrorKind::InvalidAlgorithm.into())
        }
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        match self {
            Self::Hs256(key) => hmac::verify(key, message, signature),
            Self::Public(_, algorithm, public) => {
                UnparsedPublicKey::new(*algorithm, public).verify(message, signature)
            }
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Hs256(_) => Algorithm::HS256,
            Self::Public(algorithm, ..) => *algorithm,
        }
    }
}
