//! The code that all of Postern's functions share. Nothing here names a contract.
//!
//! Start with [`app`]. Every attempt to sign in takes one path there, to a user or to a [`refusal`].
//!
//! | module | contents |
//! |---|---|
//! | [`app`] | the path of a sign-in, and what follows one |
//! | [`refusal`] | every reason why a sign-in is refused |
//! | [`identity`] | login names in the form in which they are looked up, and users |
//! | [`password`] | password hashes: Argon2id, those of other products, and the decoy |
//! | [`second_factor`] | TOTP and recovery codes |
//! | [`password_reset`] | codes that reset a forgotten password |
//! | [`mail`] | what is put on the queue of the mailer |
//! | [`throttle`] | how many attempts are admitted: pure functions of a counter and the time |
//! | [`session`] | sessions, and their tokens |
//! | [`token`] | JWTs, the signing keys, and how the keys are reloaded |
//! | [`store`] | the DynamoDB table: requests with conditions |
//! | [`http`] | requests from API Gateway, replies to it, and the `main` of a function |
//! | [`environment`] | environment variables |
//! | [`error`] | why a function does not start, and an error with its causes in one line of text |
//! | [`config`] | the configuration that every function with a table needs |
//! | [`audit`] | one event per attempt |
//! | [`logging`] | JSON lines |
//! | [`local_endpoint`] | where the table and the mailer's queue of `cargo run` are |
//! | [`clock`], [`random`] | the only sources of time and randomness |

pub mod app;
pub mod audit;
mod aws;
pub mod clock;
pub mod config;
pub mod environment;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod http;
pub mod identity;
pub mod local_endpoint;
pub mod logging;
pub mod mail;
pub mod password;
pub mod password_reset;
pub mod random;
pub mod refusal;
pub mod second_factor;
pub mod session;
pub mod store;
pub mod throttle;
pub mod token;

pub use crate::app::App;
pub use crate::refusal::Refusal;
