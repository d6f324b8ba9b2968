//! The routes of jwks.

mod discovery;
pub(crate) mod key_set;
