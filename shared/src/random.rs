//! Randomness from the operating system: the one source of it.

/// `N` random bytes from the operating system.
///
/// # Panics
/// If the operating system has no randomness to give: nothing safe can follow.
#[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
#[expect(clippy::expect_used, reason = "without randomness no token may be made")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
