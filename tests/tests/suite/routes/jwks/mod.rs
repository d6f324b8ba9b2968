//! The routes of jwks.

mod discovery;
mod document;
pub(crate) mod key_set;
