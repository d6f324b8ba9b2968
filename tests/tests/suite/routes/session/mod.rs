//! The routes of session.

mod change_password;
mod resume;
mod sign_out;
