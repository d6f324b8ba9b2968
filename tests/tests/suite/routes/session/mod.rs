//! The routes of session.

mod change_password;
mod check_reset_code;
mod delete_session;
mod list_sessions;
mod reset_password;
mod resume;
mod send_reset_code;
mod sign_in;
mod sign_out;
