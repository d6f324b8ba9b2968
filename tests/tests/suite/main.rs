//! The cross-contract suites, in one binary, since each binary links the whole AWS SDK.
//!
//! | a test of … | goes to |
//! |---|---|
//! | what one route answers | `routes/<contract>/<route>.rs` |
//! | what holds for every route, or for several: faults, races, lockout, audit | `guarantees/<guarantee>.rs` |
//! | the same guarantee, looked at more closely for some routes | `guarantees/<guarantee>/<routes>.rs` |
//! | which tokens are valid, and which forgeries are refused | `jwt/` |
//! | how a password is hashed, and when a hash is upgraded | `password/` |
//! | what the table holds, and what an operator does with it | `store/` |
//! | how requests are read: paths, methods, bodies | `http/` |
//! | that `docs/api` describes what the routes do | `descriptions/` |
//! | which mails are sent, and what they say | `mailer/` |
//!
//! If a guarantee and a route both fit, the guarantee wins: "email's refresh when the table is down" is in
//! `guarantees/faults/refresh.rs`. Helpers are in `support/`. A test is named subject, condition, outcome.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod descriptions;
mod guarantees;
mod http;
mod jwt;
mod mailer;
mod password;
mod routes;
mod store;
mod support;
