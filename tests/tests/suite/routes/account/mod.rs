//! The routes of account.

mod revoke_token;
mod sign_in;
mod token;
