//! The compiled command on a table of its own: its output and its exit codes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

mod attempts;
mod audit;
mod change;
mod changes;
mod cli;
mod cloudformation;
mod doctor;
mod doctor_url;
mod gateway;
mod help;
mod keys;
mod keys_place;
mod list;
mod logs;
mod mfa;
mod probe;
mod public_keys;
mod restore;
mod reused_ids;
mod secrets;
mod send_reset;
mod stack;
mod sts;
mod table;
mod upgrade;
mod user_arg;
mod users;
