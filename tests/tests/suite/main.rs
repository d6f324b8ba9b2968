//! The cross-contract suites, in one binary, since each binary links the whole AWS SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod guarantees;
mod http;
mod jwt;
mod password;
mod routes;
mod store;
mod support;
