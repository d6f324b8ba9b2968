//! JWTs, the signing keys, and how the keys are reloaded.
//!
//! Only this module uses the crate jsonwebtoken.

mod jwk;
mod jwt;
mod key_set;
mod profile;
mod provider;
mod public;
mod reload;
#[cfg(test)]
mod tests;

pub use self::jwk::KeyError;
pub(crate) use self::jwt::SKEW;
pub use self::jwt::{SigningFailed, TokenError};
pub use self::key_set::{KeyDocument, KeySet, PASSWORD_PEPPERS, RECOVERY_CODE_KEY, SAMPLE_KEYS};
pub use self::profile::JwtProfile;
pub use self::public::{PublicKey, PublicKeySet};
pub use self::reload::{Keys, PublicKeys, Reloaded};
