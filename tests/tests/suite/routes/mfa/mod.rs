//! The routes of mfa.

mod account;
#[allow(clippy::module_inception, reason = "the contract and its route have one name")]
mod mfa;
mod sign_in;
