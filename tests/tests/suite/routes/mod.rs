//! What one route answers.

mod account;
mod email;
mod events;
pub(crate) mod jwks;
mod mfa;
mod session;
mod sso;
