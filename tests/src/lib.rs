//! The harness of the suites over all contracts. A test sends Lambda events to the functions, which use a real
//! DynamoDB API.
//!
//! | module | what it is for |
//! |---|---|
//! | [`contracts`] | the facts about each contract that the suites need |
//! | [`deployment`] | a whole deployment in this process, with a clock of its own |
//! | [`edge`] | requests as CloudFront sends them |
//! | [`events`] | the sample events, and the replies they must get |
//! | [`runtime_api`] | a stand-in for Lambda's Runtime API, for the compiled binaries |
//! | [`binary`] | the compiled binaries |
//! | [`concurrent`] | a compiled binary that handles several requests at once |
//! | [`logs`] | every log line of this process |
//! | [`table`] | the embedded DynamoDB API |
//! | [`secrets_manager`] | a stand-in for Secrets Manager |
//! | [`calls`] | records the calls to AWS, for `.ci/privileges` |
//! | [`meter`] | what a request costs at the table |
//! | [`relay`] | a relay between the functions and their table |
//! | [`template`] | the stack's template |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a harness fails by panicking")]

pub mod binary;
pub mod calls;
pub mod concurrent;
pub mod contracts;
pub mod deployment;
pub mod edge;
pub mod events;
pub mod logs;
pub mod meter;
pub mod queue;
pub mod relay;
pub mod runtime_api;
pub mod secrets_manager;
pub mod table;
pub mod template;
