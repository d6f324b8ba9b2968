//! The routes of email.

mod blacklist;
mod profile;
mod refresh;
mod sign_in;
