//! The routes of mfa.

mod account;
mod mfa;
