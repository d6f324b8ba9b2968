//! The compiled command at work on a table of its own, as an operator meets it: what it says, where, and its exit code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

mod changes;
mod cli;
mod doctor;
mod help;
mod keys;
mod mfa;
mod secrets;
mod table;
mod users;
