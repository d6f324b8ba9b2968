//! The items in the table.

mod attempt_histories;
mod attempts;
mod conflicts;
mod import;
mod join;
mod known_address_histories;
mod new_sessions;
mod sessions;
mod users;
