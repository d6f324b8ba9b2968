//! Helpers that the suites share.

pub(crate) mod account;
pub(crate) mod email;
pub(crate) mod forge;
pub(crate) mod jwt;
pub(crate) mod mfa;
pub(crate) mod operations;
pub(crate) mod proxy;
pub(crate) mod raw;
pub(crate) mod replies;
pub(crate) mod reset;
pub(crate) mod routes;
pub(crate) mod samples;
pub(crate) mod session;
pub(crate) mod session_jwt;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod signed_in;
pub(crate) mod tokens;
pub(crate) mod units;
pub(crate) mod words;
