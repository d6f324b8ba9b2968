//! The compiled command on a table of its own: its output and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

mod changes;
mod cli;
mod cloudformation;
mod doctor;
mod doctor_url;
mod gateway;
mod help;
mod keys;
mod mfa;
mod probe;
mod secrets;
mod stack;
mod table;
mod users;
