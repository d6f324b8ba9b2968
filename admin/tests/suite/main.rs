//! The compiled command on a table of its own: its output and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

mod change;
mod changes;
mod cli;
mod cloudformation;
mod doctor;
mod help;
mod keys;
mod mfa;
mod restore;
mod secrets;
mod stack;
mod table;
mod users;
