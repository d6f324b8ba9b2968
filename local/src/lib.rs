//! All contracts on one port of this machine, over an embedded DynamoDB API. `cargo run` starts them, and the
//! tests use them.
//!
//! | module | contents |
//! |---|---|
//! | [`dynamodb`] | the embedded DynamoDB API |
//! | [`demo`] | the demo users |
//! | [`functions`] | the five contracts, the key set and the mailer, each as a Lambda function with events and replies in JSON |
//! | [`mail`] | the stand-ins for SQS and SES, and the mailbox |
//! | [`descriptions`] | the OpenAPI descriptions of the contracts, `docs/api/*.yaml` |
//! | [`template`] | the routes and the CORS settings of `template.yaml` |
//! | `guard` | refuses web pages at the stand-ins for AWS |
//! | [`gateway`] | the stand-in for API Gateway: chooses the function of each HTTP request, makes the event and the HTTP response, and adds CORS headers |
//! | [`audit_log`] | the audit events in a file, for `postern --local attempts` |
//! | [`page`] | the page on which one can try each route, at `/` |
//! | [`request_log`] | the line that is printed for each request |
//! | [`yaml`] | YAML as JSON values |

mod audit_line;
pub mod audit_log;
pub mod demo;
pub mod descriptions;
pub mod dynamodb;
pub mod functions;
pub mod gateway;
mod guard;
pub mod mail;
pub mod page;
pub mod request_log;
pub mod template;
pub mod yaml;
