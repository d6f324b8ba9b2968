//! The descriptions in `docs/api` say what the routes do, no more and no less.
//!
//! | module | what it compares with the descriptions |
//! |---|---|
//! | [`documents`] | each document with itself: references, links, names, closed schemas |
//! | [`routes`] | the routes of the template |
//! | [`requests`] | the requests of the sample events |
//! | [`replies`] | the replies to the sample events, and some that no sample event gets |
//! | [`statuses`] | each described status with a reply that has it |
//! | [`examples`] | each example with the body or the reply of a sample event |
//! | [`cors`] | the CORS settings of the template |

mod cors;
mod documents;
mod examples;
mod replies;
mod requests;
mod routes;
mod statuses;
