//! The routes of session.

mod change_password;
mod resume;
mod sign_in;
mod sign_out;
