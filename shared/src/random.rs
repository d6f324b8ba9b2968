//! Random bytes from the operating system. Nothing else in this repository makes random bytes.

/// Returns `N` random bytes from the operating system.
///
/// # Panics
/// If the operating system gives no random bytes. Without them no token is safe.
#[expect(clippy::disallowed_methods, reason = "the one source of randomness")]
#[expect(clippy::expect_used, reason = "without randomness no token may be made")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
