//! The routes of account.

mod token;
