//! The routes of session.

mod change_password;
mod delete_session;
mod list_sessions;
mod resume;
mod sign_in;
mod sign_out;
