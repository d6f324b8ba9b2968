//! The routes that follow a sign-in: what the tokens of a sign-in are good for, and when they no longer are.

mod account;
mod audit;
mod email;
mod faults;
pub(crate) mod holder;
mod http;
mod mfa;
mod rotation;
mod session;
mod sso;
mod tabs;
mod trips;
mod units;
