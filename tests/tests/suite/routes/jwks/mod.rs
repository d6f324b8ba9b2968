//! The routes of jwks.

pub(crate) mod key_set;
