//! What holds for every route.

mod audit;
mod crashes;
mod deadline;
pub(crate) mod faults;
mod indistinguishable;
mod lockout;
mod races;
pub(crate) mod request_units;
pub(crate) mod retries;
pub(crate) mod rotation;
mod round_trips;
mod second_factor;
mod secrecy;
mod sign_in;
mod unicode;
