//! What holds for every route.

mod audit;
mod crashes;
mod deadline;
mod faults;
mod indistinguishable;
mod lockout;
mod races;
mod request_units;
mod retries;
mod rotation;
mod round_trips;
mod second_factor;
mod secrecy;
mod sign_in;
mod unicode;
