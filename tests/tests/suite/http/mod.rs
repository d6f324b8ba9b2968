//! How requests are read, the local gateway, and what the edge passes on.

mod bodies;
mod edge;
mod gateway;
mod malformed;
mod properties;
mod requests;
mod template;
