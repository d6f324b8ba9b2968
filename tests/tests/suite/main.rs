//! The cross-contract suites, in one binary, since each binary links the whole AWS SDK.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod argon2_kernel;
mod attacks;
mod bodies;
mod conflicts;
mod deadline;
mod discretion;
mod events;
mod faults;
mod fields;
mod follow;
mod gateway;
mod import;
mod join;
mod jwks;
mod jwt;
mod keys;
mod kill;
mod lost;
mod malformed;
mod mfa;
mod policy;
mod properties;
mod proxy;
mod races;
mod raw;
mod refresh;
mod renewal;
mod replies;
mod secrecy;
mod sessions;
mod throttling;
mod tokens;
mod unicode;
mod units;
mod users;
mod words;
