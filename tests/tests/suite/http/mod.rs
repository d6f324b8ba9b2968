//! How requests are read, and the local gateway.

mod bodies;
mod gateway;
mod malformed;
mod properties;
mod requests;
mod template;
