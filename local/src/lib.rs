//! Every contract on one port of this machine, over an embedded DynamoDB API: what `cargo run` starts and what
//! the tests run against.
//!
//! | module | what it is for |
//! |---|---|
//! | [`dynamodb`] | the embedded DynamoDB API |
//! | [`demo`] | the demo users |
//! | [`functions`] | the five contracts and the key set, each as a Lambda function that takes an event and gives a reply |
//! | [`gateway`] | API Gateway's part: HTTP to event, reply to HTTP, CORS |

pub mod demo;
pub mod dynamodb;
pub mod functions;
pub mod gateway;
