//! Password hashes.

mod argon2_kernel;
mod hash_upgrade;
mod uncovered_passwords;
