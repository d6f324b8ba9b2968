//! Argon2 (RFC 9106), with memory that is kept between hashes.

use std::cell::RefCell;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

#[cfg(test)]
thread_local! {
    /// The work that this thread has done.
    pub(super) static FILLED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

thread_local! {
    /// Argon2's memory: fresh memory costs thousands of page faults each time.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
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
