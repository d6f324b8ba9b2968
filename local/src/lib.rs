//! All contracts on one port of this machine, over an embedded DynamoDB API. `cargo run` starts them, and the
//! tests use them.
//!
//! | module | contents |
//! |---|---|
//! | [`dynamodb`] | the embedded DynamoDB API |
//! | [`demo`] | the demo users |
//! | [`functions`] | the five contracts and the key set, each as a Lambda function with events and replies in JSON |
//! | [`gateway`] | the part of API Gateway: makes an event of each HTTP request and an HTTP response of each reply, and adds CORS headers |

pub mod demo;
pub mod dynamodb;
pub mod functions;
pub mod gateway;
