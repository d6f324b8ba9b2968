//! The routes of sso.

mod sign_in;
