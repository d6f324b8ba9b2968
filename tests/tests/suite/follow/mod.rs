//! The routes that follow a sign-in, as their clients use them.

mod account;
mod audit;
mod email;
mod faults;
mod http;
mod rotation;
mod sso;
mod tabs;
mod trips;
