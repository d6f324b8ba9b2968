//! Stored password hashes (PHC strings): none may ask for more than the documented cost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use postern::fuzzing::password_cost;
use postern::password::{MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_WORK};

fuzz_target!(|stored: &str| {
    if let Some([memory, iterations, lanes]) = password_cost(stored) {
        assert!((1..=MAX_MEMORY_KIB).contains(&memory), "{memory} KiB");
        assert!((1..=MAX_ITERATIONS).contains(&iterations), "{iterations} passes");
        assert!(memory * iterations <= MAX_WORK, "{memory} KiB, {iterations} passes");
        assert!((1..=16).contains(&lanes), "{lanes} lanes");
    }
});
