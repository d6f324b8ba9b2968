//! What holds for every route.
//!
//! Each guarantee has a `check` of one route, and a test that runs it over the `ROUTES` of every function. A route that is
//! added is under every guarantee by its sample events. [`caught`] shows that each check catches the routes that break it.
//! The other tests of a guarantee look more closely at the routes that need it.

mod alarms;
mod audit;
mod caught;
mod common_passwords;
mod crashes;
mod deadline;
mod documented;
mod edge;
mod faults;
mod headers;
mod indistinguishable;
mod lockout;
mod password_reset;
mod races;
mod refusal_step;
mod request_units;
mod retries;
mod rotation;
mod round_trips;
mod second_factor;
mod secrecy;
mod settings;
mod sign_in;
mod unicode;
