//! Argon2 (RFC 9106). The parameters and PHC strings are those of the crate `argon2`. The kernel is that of
//! `argon2-rust`, which uses the vector instructions of the processor (docs/argon2-kernel.md).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Argon2, Hasher};

#[cfg(test)]
thread_local! {
    /// The work of this thread: how many blocks of one KiB it filled.
    pub(super) static FILLED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// The memory for hashes that is not in use. It is mapped at the start, each hash wipes it, and the next hash
/// uses it again. New memory would cost hundreds of page faults for each hash. Hashes that run at the same
/// time have memory of their own. It belongs to no thread, since the runtime ends threads that are idle.
static IDLE: Mutex<Vec<Hasher>> = Mutex::new(Vec::new());

/// Returns what a hash costs: how many blocks of one KiB it fills.
pub(super) const fn work(params: &Params) -> u32 {
    params.m_cost() * params.t_cost()
}

/// Returns the hash. Returns `None` if there is no memory for it.
pub(super) fn derive(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> Option<Vec<u8>> {
    let argon2 = kernel(algorithm, version, params)?;
    // If the hash panics, its memory is wiped and given back to the system.
    let mut hasher = idle().pop().unwrap_or_else(|| argon2.hasher());
    hasher.set_argon2(argon2);
    let output = hasher.hash_with_ad(password, salt, &[], params.data()).ok();
    idle().push(hasher);
    #[cfg(test)]
    FILLED.set(FILLED.get() + output.as_ref().map_or(0, |_| work(params)));
    output
}

/// Maps the memory for a hash with these parameters, and writes to all of it, on a thread of its own. Only a
/// write makes the kernel give the memory. A hash that comes meanwhile waits, and then uses it.
pub(super) fn map_memory(params: &Params) {
    // One pass writes to all of the memory.
    let once = Params::new(params.m_cost(), 1, params.p_cost(), params.output_len());
    let argon2 = once.ok().and_then(|once| kernel(Algorithm::Argon2id, Version::V0x13, &once));
    let map = move || {
        let mut idle = idle();
        if let (true, Some(argon2)) = (idle.is_empty(), argon2) {
            let mut hasher = argon2.hasher();
            if hasher.hash(&KNOWN_ANSWER_PASSWORD, &KNOWN_ANSWER_SALT).is_ok() {
                idle.push(hasher);
            }
        }
    };
    // If there is no thread, the first hash maps its memory itself.
    let _ = thread::Builder::new().spawn(map);
}

fn idle() -> MutexGuard<'static, Vec<Hasher>> {
    // After a panic the list is still a list of hashers that are not in use.
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the kernel for these parameters. It uses only this thread.
fn kernel(algorithm: Algorithm, version: Version, params: &Params) -> Option<Argon2> {
    let algorithm = argon2_rust::Algorithm::from_u32(algorithm as u32)?;
    let version = argon2_rust::Version::from_u32(version.into())?;
    let output = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let params = argon2_rust::Params::builder()
        .memory(Memory::kib(params.m_cost().into()))
        .passes(params.t_cost())
        .lanes(params.p_cost())
        .threads(1)
        .tag_len(TagLen::bytes(u64::try_from(output).ok()?))
        .build();
    Some(Argon2::new(algorithm, version, params.ok()?))
}

/// Returns whether the kernel computes the right hash on this processor. The kernel has code of its own for
/// each kind of processor, and wrong code would store hashes that no other processor can verify. The test
/// uses the least memory, since each cold start waits for it. It makes two passes, which cover first and
/// later passes, and both kinds of Argon2id's addressing.
pub(super) fn self_test() -> bool {
    let argon2 =
        known_answer_params().and_then(|params| kernel(Algorithm::Argon2id, Version::V0x13, &params));
    let tag = argon2.and_then(|argon2| argon2.hash(&KNOWN_ANSWER_PASSWORD, &KNOWN_ANSWER_SALT).ok());
    tag.is_some_and(|tag| tag == KNOWN_ANSWER_TAG)
}

pub(super) fn known_answer_params() -> Option<Params> {
    Params::new(8, 2, 1, Some(KNOWN_ANSWER_TAG.len())).ok()
}

pub(super) const KNOWN_ANSWER_PASSWORD: [u8; 32] = [1; 32];
pub(super) const KNOWN_ANSWER_SALT: [u8; 16] = [2; 16];
/// The reference implementation of Argon2, in C, made this tag.
pub(super) const KNOWN_ANSWER_TAG: [u8; 32] = [
    0xe9, 0xc9, 0xf8, 0x61, 0x52, 0x10, 0x2c, 0xc2, 0x0b, 0x79, 0x93, 0x69, 0x24, 0xd2, 0xfb, 0xde, 0x0d,
    0x44, 0x57, 0x2c, 0x57, 0xd7, 0x22, 0x23, 0x45, 0xb6, 0xae, 0x3f, 0x07, 0x61, 0x2a, 0xc0,
];

/// Returns the PHC string of an Argon2id hash.
pub(super) fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Option<String> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(hash.to_string())
}
