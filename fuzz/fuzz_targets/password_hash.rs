//! Stored password hashes, ours and those of elsewhere: none may ask for more than the documented cost, and none that
//! is taken breaks when it is run. Of those that name a pepper, such with the id `a` are run with one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::fuzzing::password_hash;

/// The dearest that the bounds let through: PBKDF2 with two million iterations of SHA-1 or SHA-512. bcrypt at cost 14 is
/// a little less.
const DEAREST: u32 = 4_000_000;

fuzz_target!(|input: &str| {
    let (stored, password) = input.split_once('\n').unwrap_or((input, "password"));
    if let Some(work) = password_hash(stored, password) {
        assert!(work <= DEAREST, "{work}");
    }
});
