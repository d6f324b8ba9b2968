//! Passwords: Argon2id (RFC 9106) and the decoy that makes every attempt cost the same.
//!
//! The one file that imports a password hash. New hashes use OWASP's parameters for Argon2id, 19 MiB and two
//! passes. An attempt for a user who does not exist, or has no password, or sent one that cannot be right, does the
//! same work on a decoy: what an attempt costs tells nothing. After a hash that is cheaper than a new one, the
//! decoy does the rest. A hash that is dearer, or of another algorithm, does show: that there is such a user, with
//! a hash that is not ours.

mod new;
mod stored;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

pub use self::new::{LEAST_BYTES, WeakPassword, check_new};
pub use self::stored::{Algorithm as HashAlgorithm, UnusableHash, examine};

/// The longest password that is looked at, in bytes.
pub const MAX_BYTES: usize = 1024;
/// The dearest memory of a stored hash, in KiB: a poisoned import must not stall a function.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The most passes of a stored hash.
pub const MAX_ITERATIONS: u32 = 10;
/// The most work of a stored hash, in KiB times passes: 27 new hashes.
pub const MAX_WORK: u32 = 1024 * 1024;

/// What new hashes cost, 19 MiB and two passes: the OWASP Password Storage Cheat Sheet, ASVS 5.
const PARAMS: Params = match Params::new(19_456, 2, 1, Some(32)) {
    Ok(params) => params,
    Err(_) => panic!("Argon2 defines this cost"),
};

/// As long as that of a new hash.
const DECOY_SALT: [u8; 16] = *b"ZZZZZZZZZZZZZZZZ";

/// Hashes and verifies passwords.
#[derive(Debug, Default)]
pub struct Passwords {
    verifications: AtomicU64,
}

/// Argon2 refused to hash: it does so for passwords of 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHashed;

#[cfg(test)]
thread_local! {
    /// The work that this thread has done.
    static FILLED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

thread_local! {
    /// Argon2's memory, kept between hashes: fresh memory costs thousands of page faults each time.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

impl Passwords {
    /// A new PHC string for this password.
    ///
    /// # Errors
    /// If Argon2 refuses.
    pub fn hash(&self, password: &str, salt: [u8; 16]) -> Result<String, NotHashed> {
        let output = derive(Algorithm::Argon2id, Version::V0x13, &PARAMS, password.as_bytes(), &salt);
        output.and_then(|output| phc(&salt, &output)).ok_or(NotHashed)
    }

    /// Whether the password is the stored one. Does the work of one new hash, whatever is stored or sent; more
    /// only where the stored hash costs more.
    pub fn verify(&self, stored: Option<&str>, password: &str) -> bool {
        self.verifications.fetch_add(1, Ordering::Relaxed);
        let stored = stored.filter(|_| password.len() <= MAX_BYTES);
        let usable = stored.and_then(Stored::parse);
        if stored.is_some() && usable.is_none() {
            tracing::error!("a stored password hash cannot be read, or costs more than is allowed");
        }
        let right = usable.as_ref().is_some_and(|hash| hash.matches(password));
        if !right {
            // What the decoy says is not used, so nobody gains from guessing its password.
            let spent = usable.as_ref().map_or(0, |hash| work(&hash.params));
            decoy(if password.len() <= MAX_BYTES { password } else { "" }, spent);
        }
        right
    }

    /// How many verifications this process has run, so that tests can count the work of an attempt.
    pub fn verifications(&self) -> u64 {
        self.verifications.load(Ordering::Relaxed)
    }
}

/// What a hash costs: blocks of a KiB filled.
const fn work(params: &Params) -> u32 {
    params.m_cost() * params.t_cost()
}

/// Does what is left of the work of a new hash. After a hash that costs as much that is nothing; after a cheaper
/// one, brought along from elsewhere, the rest, or the clock would tell that there is such a user.
fn decoy(password: &str, spent: u32) {
    let Some(left) = work(&PARAMS).checked_sub(spent).filter(|left| *left > 0) else { return };
    let memory = (left / PARAMS.t_cost()).max(Params::MIN_M_COST);
    if let Ok(params) = Params::new(memory, PARAMS.t_cost(), PARAMS.p_cost(), PARAMS.output_len()) {
        let _ = derive(Algorithm::Argon2id, Version::V0x13, &params, password.as_bytes(), &DECOY_SALT);
    }
}

/// A stored hash within bounds.
struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Stored {
    fn parse(stored: &str) -> Option<Self> {
        let hash = PasswordHash::new(stored).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash.version.map_or(Ok(Version::V0x13), Version::try_from).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let within = params.m_cost() <= MAX_MEMORY_KIB
            && params.t_cost() <= MAX_ITERATIONS
            && work(&params) <= MAX_WORK
            && params.p_cost() <= 16;
        let (salt, output) = (hash.salt?.as_ref().to_vec(), hash.hash?.as_bytes().to_vec());
        // Argon2d leaks its memory accesses to whoever shares the cache, and an output under 128 bits can collide.
        let sound = algorithm != Algorithm::Argon2d && output.len() >= 16;
        (within && sound).then_some(Self { algorithm, version, params, salt, output })
    }

    fn matches(&self, password: &str) -> bool {
        let derived = derive(self.algorithm, self.version, &self.params, password.as_bytes(), &self.salt);
        derived.is_some_and(|derived| derived.ct_eq(&self.output).into())
    }
}

/// What the fuzzer checks of a stored hash that is taken: memory in KiB, passes and lanes.
#[cfg(fuzzing)]
pub(crate) fn cost(stored: &str) -> Option<[u32; 3]> {
    Stored::parse(stored).map(|Stored { params, .. }| [params.m_cost(), params.t_cost(), params.p_cost()])
}

fn derive(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> Option<Vec<u8>> {
    #[cfg(test)]
    FILLED.set(FILLED.get() + work(params));
    let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
    MEMORY.with_borrow_mut(|memory| {
        let blocks = params.block_count();
        if memory.len() < blocks {
            memory.resize(blocks, Block::new());
        }
        let argon2 = Argon2::new(algorithm, version, params.clone());
        let memory = memory.get_mut(..blocks)?;
        argon2.hash_password_into_with_memory(password, salt, &mut output, memory).ok()
    })?;
    Some(output)
}

fn phc(salt: &[u8], output: &[u8]) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: (&PARAMS).try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_verifies_and_nothing_else_does() {
        let passwords = Passwords::default();
        let hash = passwords.hash("pässwörd ☃", [7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(Some(&hash), "pässwörd ☃"));
        for wrong in ["pässwörd ☃ ", "PÄSSWÖRD ☃", "", "passwort"] {
            assert!(!passwords.verify(Some(&hash), wrong), "{wrong}");
        }
    }

    /// The reference implementation's own output, from the `phc_strings` tests of the Argon2 specification.
    #[test]
    fn another_implementations_hashes_verify() {
        let reference =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(Passwords::default().verify(Some(reference), "password"));
        assert!(!Passwords::default().verify(Some(reference), "Password"));
    }

    /// A wrong password costs the work of a new hash, whatever is stored; only a dearer hash costs more.
    #[test]
    fn the_decoy_makes_up_for_what_was_not_spent() {
        let new = work(&PARAMS);
        let hash = |params: &str| {
            format!("$argon2id$v=19${params}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
        };
        for (stored, expected) in [
            (None, new),
            (Some("!".to_owned()), new),
            (Some(hash("m=19456,t=2,p=1")), new),
            (Some(hash("m=4096,t=3,p=1")), new),
            (Some(hash("m=8,t=1,p=1")), new),
            (Some(hash("m=19448,t=2,p=1")), new),
            (Some(hash("m=65536,t=2,p=1")), 65_536 * 2),
        ] {
            FILLED.set(0);
            assert!(!Passwords::default().verify(stored.as_deref(), "x"));
            let filled = FILLED.get();
            assert!(filled.abs_diff(expected) <= 16, "{stored:?}: {filled} and not {expected}");
        }
    }

    #[test]
    fn every_attempt_is_one_verification() {
        let passwords = Passwords::default();
        let hash = passwords.hash("right", [1; 16]).unwrap();
        let before = passwords.verifications();
        assert!(!passwords.verify(None, "right"));
        assert!(!passwords.verify(Some("no hash"), "right"));
        assert!(!passwords.verify(Some(&hash), &"x".repeat(MAX_BYTES + 1)));
        assert!(passwords.verify(Some(&hash), "right"));
        assert_eq!(passwords.verifications() - before, 4);
    }

    #[test]
    fn hashes_out_of_bounds_are_not_run() {
        let tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for head in [
            "$argon2id$v=19$m=262145,t=2,p=1",
            "$argon2id$v=19$m=19456,t=11,p=1",
            "$argon2id$v=19$m=262144,t=5,p=1",
            "$argon2id$v=19$m=19456,t=2,p=17",
            "$argon2d$v=19$m=19456,t=2,p=1",
        ] {
            assert!(Stored::parse(&format!("{head}{tail}")).is_none(), "{head}");
        }
        for head in ["$argon2i$v=19$m=4096,t=3,p=1", "$argon2id$v=19$m=262144,t=4,p=1"] {
            assert!(Stored::parse(&format!("{head}{tail}")).is_some(), "{head}");
        }
        assert!(Stored::parse("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO0").is_none());
    }
}
