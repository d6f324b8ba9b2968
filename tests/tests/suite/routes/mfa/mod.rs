//! The routes of mfa.

mod account;
mod mfa;
mod sign_in;
