//! Reads stored password hashes and legacy hashes. A hash that is accepted costs no more than documented, and
//! does not panic when it is run. A hash that names the pepper `a` is run with one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::fuzzing::password_hash;

/// The cost of the most expensive hash within the bounds: PBKDF2 with two million iterations of SHA-1 or
/// SHA-512. bcrypt at cost 14 costs a little less.
const MOST_EXPENSIVE: u32 = 4_000_000;

fuzz_target!(|input: &str| {
    let (stored, password) = input.split_once('\n').unwrap_or((input, "password"));
    if let Some(work) = password_hash(stored, password) {
        assert!(work <= MOST_EXPENSIVE, "{work}");
    }
});
