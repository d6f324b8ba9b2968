//! The descriptions in `docs/api` say what the routes do, no more and no less.
//!
//! | module | what it compares with the descriptions |
//! |---|---|
//! | [`documents`] | each document with itself: references, links, names, closed schemas |
//! | [`routes`] | the routes of the template |
//! | [`requests`] | the requests of the sample events |
//! | [`replies`] | the replies to the sample events, and to the other requests of [`shown`] and [`rare`] |
//! | [`statuses`] | each described status with a reply that has it |
//! | [`words`] | each described member and word of a reply with a reply that has it |
//! | [`examples`] | each example with the body or the reply of a sample event |
//! | [`cors`] | the CORS settings of the template |

mod cors;
mod documents;
mod examples;
mod rare;
mod replies;
mod requests;
mod routes;
mod shown;
mod statuses;
mod words;
