//! The items in the table.

mod attempts;
mod conflicts;
mod import;
mod join;
mod new_sessions;
mod sessions;
mod users;
