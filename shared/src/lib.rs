//! What Postern's sign-in functions share. Nothing in here names a contract.
//!
//! Start with [`app`]: the one path from what someone claims to a user or a [`refusal`].
//!
//! | module | what it is for |
//! |---|---|
//! | [`app`] | the path of a sign-in: resolve, charge, verify, decide, settle |
//! | [`refusal`] | every reason for which a sign-in does not happen |
//! | [`name`] | login names, in the one form under which they are looked up |
//! | [`password`] | Argon2id, and the decoy for those who have no password |
//! | [`mfa`] | TOTP and recovery codes |
//! | [`throttle`] | how many attempts are admitted: pure functions of a counter and the time |
//! | [`user`] | a user |
//! | [`session`] | session tokens |
//! | [`token`] | JWTs and the key ring |
//! | [`keys`] | where the keys come from, and when they are read again |
//! | [`store`] | the DynamoDB table: a few verbs with conditions |
//! | [`http`] | API Gateway's requests in, replies out; a function's `main` |
//! | [`config`] | the environment, read once |
//! | [`audit`] | one event per attempt |
//! | [`logging`] | JSON lines |
//! | [`local_endpoint`] | where the table of `cargo run` is |
//! | [`ambient`] | the time and randomness |

pub mod ambient;
pub mod app;
pub mod audit;
mod aws;
pub mod config;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod http;
pub mod keys;
pub mod local_endpoint;
pub mod logging;
pub mod mfa;
pub mod name;
pub mod password;
pub mod refusal;
pub mod session;
pub mod store;
pub mod throttle;
pub mod token;
pub mod user;

pub use crate::app::App;
pub use crate::refusal::Refusal;
