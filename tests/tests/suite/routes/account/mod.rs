//! The routes of account.

mod recover;
mod reset;
mod revoke_token;
mod sign_in;
mod token;
