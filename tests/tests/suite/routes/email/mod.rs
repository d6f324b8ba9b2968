//! The routes of email.

mod refresh;
