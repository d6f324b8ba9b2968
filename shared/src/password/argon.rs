//! Argon2 (RFC 9106): the parameters and PHC strings of the crate `argon2`, the kernel of `argon2-rust`, which picks the
//! vector instructions of the processor that it runs on (docs/argon2-kernel.md).

use std::cell::RefCell;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Params, Version};
use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Argon2, Hasher};

#[cfg(test)]
thread_local! {
    /// The work that this thread has done.
    pub(super) static FILLED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

thread_local! {
    /// Its memory is mapped by the first hash, wiped after each one, and kept for the next: fresh memory costs
    /// thousands of page faults each time.
    static HASHER: RefCell<Option<Hasher>> = const { RefCell::new(None) };
}

/// What a hash costs: blocks of a KiB filled.
pub(super) const fn work(params: &Params) -> u32 {
    params.m_cost() * params.t_cost()
}

pub(super) fn derive(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> Option<Vec<u8>> {
    #[cfg(test)]
    FILLED.set(FILLED.get() + work(params));
    let argon2 = kernel(algorithm, version, params)?;
    HASHER.with_borrow_mut(|hasher| {
        let hasher = hasher.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        hasher.hash_with_ad(password, salt, &[], params.data()).ok()
    })
}

/// The kernel for these parameters, on this thread alone: a Lambda has one processor.
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

/// The PHC string of an Argon2id hash.
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
