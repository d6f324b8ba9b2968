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

/// The hash; `None` where there is no memory for it.
pub(super) fn derive(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> Option<Vec<u8>> {
    let argon2 = kernel(algorithm, version, params)?;
    let output = HASHER.with_borrow_mut(|hasher| {
        let hasher = hasher.get_or_insert_with(|| argon2.hasher());
        hasher.set_argon2(argon2);
        hasher.hash_with_ad(password, salt, &[], params.data()).ok()
    })?;
    #[cfg(test)]
    FILLED.set(FILLED.get() + work(params));
    Some(output)
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

/// Whether the kernel, on this processor, says of Argon2id's test vector what RFC 9106 §5.3 says. It has code for each
/// kind of processor, and a wrong one would store hashes that no other can verify. Takes microseconds.
pub(super) fn is_sound() -> bool {
    const TAG: [u8; 32] = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53, 0xc9, 0xd0,
        0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01, 0xe6, 0x59,
    ];
    let argon2 = Params::new(32, 3, 4, Some(TAG.len()))
        .ok()
        .and_then(|params| kernel(Algorithm::Argon2id, Version::V0x13, &params));
    let tag = argon2.and_then(|argon2| argon2.hash_with_ad(&[1; 32], &[2; 16], &[3; 8], &[4; 12]).ok());
    tag.is_some_and(|tag| tag == TAG)
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
