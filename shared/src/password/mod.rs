//! Passwords: Argon2id (RFC 9106), the legacy hashes of imported users, and the decoy that makes every
//! attempt cost the same.
//!
//! Only this module uses the crates for password hashes. New hashes use OWASP's parameters for Argon2id, 19
//! MiB and two passes, or more if the settings say so. A legacy hash is verified as it is. When its user
//! signs in, a new hash replaces it.
//!
//! An attempt does the same work on a decoy if there is no such user, if the user has no password, or if the
//! password cannot be right. So its cost does not show whether the user exists. After a legacy hash that
//! is cheaper than a new hash, the decoy does the rest of the work. A legacy hash that is more expensive does
//! show that its user exists. While many users have such hashes, the setting `DECOY_HASH` adds a decoy of
//! their kind. Then every wrong password costs one hash of each kind.

mod algorithm;
mod argon2id;
mod classify;
mod cost;
mod crypt;
mod hash;
mod hints;
mod layered;
mod legacy;
mod limits;
mod parse;
mod pepper;
mod policy;
mod secret;
mod stored;

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Algorithm, Params, Version};
use thiserror::Error;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

pub use self::algorithm::{Algorithm as HashAlgorithm, FastKind};
pub use self::classify::{Imported, classify};
pub use self::cost::Cost;
use self::hash::Hash;
pub use self::hints::{BcryptOf, Firebase, SaltAndHash};
pub use self::layered::FastDigest;
pub use self::legacy::HashFunction;
pub use self::limits::{
    LEAST_PBKDF2_ITERATIONS, MAX_BCRYPT_COST, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PBKDF2_ITERATIONS,
    MAX_PHPASS_LOG, MAX_SCRYPT_LOG_N, MAX_SCRYPT_WORK, MAX_SHA_CRYPT_ROUNDS, MAX_WORK, MAX_YESCRYPT_WORK,
    UnusableHash,
};
pub use self::pepper::{
    HmacForm, HmacFunction, MAX_PEPPER_BYTES, MAX_PEPPERS, PepperError, PepperHow, PepperId, Peppering,
    Peppers,
};
pub(crate) use self::policy::is_common;
pub use self::policy::{PasswordPolicy, WeakPassword};
pub use self::secret::Password;
use self::stored::Stored;
pub use self::stored::algorithm_of;
use crate::environment::{ConfigError, Environment};

/// The longest password that is verified, in bytes.
pub const MAX_BYTES: usize = 1024;

/// The salt of the decoy. It is as long as the salt of a new hash.
const DECOY_SALT: [u8; 16] = *b"ZZZZZZZZZZZZZZZZ";

/// A legacy hash that every wrong password is checked against too.
pub struct Decoy(Hash);

/// Hashes and verifies passwords.
pub struct Passwords {
    cost: Cost,
    decoy: Option<Decoy>,
    verifications: AtomicU64,
}

/// Argon2 could not hash: the password has 4 GiB or more, or there is no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a password cannot be hashed")]
pub struct NotHashed;

impl Decoy {
    /// Reads `DECOY_HASH`: a stored form of the kind and the cost of the imported hashes. Of a layered hash only
    /// the old digest is computed, because every attempt costs a new hash already. Its salt and hash have no
    /// effect, and neither has a pepper, since combining it with a password costs nothing.
    ///
    /// # Errors
    /// If the variable is no stored form, if the hash would cost too much, or if it is Argon2id.
    pub fn from_env(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let Some(stored) = env.optional("DECOY_HASH") else { return Ok(None) };
        match stored.parse::<Stored>() {
            Ok(Stored { hash, .. }) if hash.algorithm() != HashAlgorithm::Argon2id => Ok(Some(Self(hash))),
            Ok(_) => Err(ConfigError::new("DECOY_HASH", "is an Argon2id hash, as every decoy already is")),
            Err(unusable) => Err(ConfigError::new("DECOY_HASH", "cannot be used").caused_by(unusable)),
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new(Cost::DEFAULT, None)
    }
}

impl Passwords {
    /// Makes new hashes with this cost. If a decoy is given, every wrong password also costs one hash of its
    /// kind.
    pub const fn new(cost: Cost, decoy: Option<Decoy>) -> Self {
        Self { cost, decoy, verifications: AtomicU64::new(0) }
    }

    /// Hashes a password in NFC. Returns a PHC string.
    ///
    /// # Errors
    /// If Argon2 cannot hash the password.
    pub fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, NotHashed> {
        let params = &self.cost.0;
        let composed = composed(password);
        let password = composed.as_deref().map_or(password, String::as_str).as_bytes();
        let output = argon2id::derive(Algorithm::Argon2id, Version::V0x13, params, password, &salt);
        output.and_then(|output| argon2id::phc(params, &salt, &output)).ok_or(NotHashed)
    }

    /// Puts a layer of Argon2id, at the cost of a new hash, over a digest that is fast to guess. Returns the
    /// stored form.
    ///
    /// # Errors
    /// If Argon2 cannot hash the digest.
    pub fn layer(&self, fast: &FastDigest, salt: [u8; 16]) -> Result<String, NotHashed> {
        let params = &self.cost.0;
        let output = argon2id::derive(Algorithm::Argon2id, Version::V0x13, params, &fast.digest, &salt);
        let phc = output.and_then(|output| argon2id::phc(params, &salt, &output)).ok_or(NotHashed)?;
        Ok(fast.prefix() + phc.trim_start_matches('$'))
    }

    /// Returns whether the password is the stored one, as it was sent or in NFC. Does the work of one new
    /// hash in any case, or of two if the password in NFC is another string. Does more work only if the
    /// stored hash costs more. If the pepper of the stored hash is not among these peppers, no password is
    /// right.
    pub fn verify(&self, stored: Option<&str>, password: &str, peppers: &Peppers) -> bool {
        let right = self.verify_as_it_is(stored, password, peppers);
        let composed = composed(password);
        right || composed.is_some_and(|composed| self.verify_as_it_is(stored, &composed, peppers))
    }

    fn verify_as_it_is(&self, stored: Option<&str>, password: &str, peppers: &Peppers) -> bool {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        let stored = stored.filter(|_| password.len() <= MAX_BYTES);
        let usable = stored.and_then(|stored| match stored.parse::<Stored>() {
            Ok(usable) => Some(usable),
            Err(reason) => {
                tracing::error!(cause = %reason, "a stored password hash cannot be used");
                None
            }
        });
        let verified = usable.and_then(|stored| match stored.matches(password, peppers) {
            Ok(matches) => Some((stored.hash, matches)),
            Err(reason) => {
                tracing::error!(cause = %reason, "a password cannot be verified, and counts as a wrong one");
                None
            }
        });
        let right = matches!(verified, Some((_, true)));
        if !right {
            // The result of the decoy is not used, so a password that fits the decoy is still wrong.
            let password = if password.len() <= MAX_BYTES { password } else { "" };
            // The decoy does the rest of the work.
            let hash = verified.map(|(hash, _)| hash);
            let spent = hash.as_ref().map_or(0, |hash| hash.work(password.len()));
            match (&self.decoy, &hash) {
                (Some(Decoy(like)), Some(hash)) if hash.algorithm() == like.algorithm() => {
                    self.run_decoy(password, hash.layer_work())
                }
                (Some(Decoy(like)), _) => {
                    self.run_decoy(password, spent);
                    like.run_without_layer(password.as_bytes());
                }
                (None, _) => self.run_decoy(password, spent),
            }
        }
        right
    }

    /// Returns whether a new hash should replace the stored one, whose password was just verified: if it is
    /// not Argon2id, or costs less than a new one does now. Returns `false` if the hash does not
    /// depend on the whole password.
    pub fn is_upgrade_due(&self, stored: &str, password: &str) -> bool {
        let Ok(stored) = stored.parse::<Stored>() else { return false };
        let composed = composed(password);
        let covered = stored.covers(password) && composed.as_deref().is_none_or(|nfc| stored.covers(nfc));
        stored.is_outdated(&self.cost) && covered
    }

    /// Returns how many verifications this process has run. Tests count the work of an attempt with it.
    pub fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }

    /// Does the rest of the work of a new hash after this much work: nothing after a hash that costs as much
    /// or more. Without it, the time would show that the user exists.
    fn run_decoy(&self, password: &str, spent: u32) {
        let new = &self.cost.0;
        let Some(left) = self.cost.work().checked_sub(spent).filter(|left| *left > 0) else { return };
        let memory = (left / new.t_cost()).max(Params::MIN_M_COST);
        if let Ok(params) = Params::new(memory, new.t_cost(), new.p_cost(), new.output_len()) {
            let _ = argon2id::derive(
                Algorithm::Argon2id,
                Version::V0x13,
                &params,
                password.as_bytes(),
                &DECOY_SALT,
            );
        }
    }
}

/// Returns the password in NFC, if that is another string. Some systems send a letter and its accent as two
/// characters (NIST SP 800-63B-4 §3.1.1.2). Returns `None` for a text that is too long for a password.
fn composed(password: &str) -> Option<Zeroizing<String>> {
    if password.is_ascii() || password.len() > MAX_BYTES || is_nfc(password) {
        return None;
    }
    Some(Zeroizing::new(password.nfc().collect()))
}

/// Runs a known-answer test. Returns whether this processor computes Argon2 as RFC 9106 says.
pub fn self_test() -> bool {
    argon2id::self_test()
}

/// Maps the memory for new hashes of this cost, on a thread of its own. Without it, the first hash of the
/// process would take the time to map its memory, about a third longer.
pub fn map_memory(cost: &Cost) {
    argon2id::map_memory(&cost.0);
}

/// Returns what a stored hash costs, if it can be used. Runs it if it costs little. For the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn run_if_cheap(stored: &str, password: &str) -> Option<u32> {
    match classify(stored).ok()? {
        Imported::Stored(stored, _) => {
            let stored: Stored = stored.parse().ok()?;
            let work = stored.hash.work(password.len());
            if work <= 1000 {
                let pepper = |id: &str| Some((id.parse().ok()?, b"pepper".to_vec()));
                let peppers = Peppers::new(pepper("a")).ok()?;
                let _ = stored.matches(password, &peppers);
            }
            Some(work)
        }
        Imported::Fast(fast) => {
            let work = fast.how.work(password.len());
            if work <= 1000 {
                fast.how.of(password.as_bytes());
            }
            Some(work)
        }
    }
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
