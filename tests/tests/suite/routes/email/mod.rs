//! The routes of email.

mod blacklist;
mod obtain_token;
mod profile;
mod refresh;
mod sign_in;
mod verify_token;
