//! How requests are read, and how they come in.

mod bodies;
mod gateway;
mod malformed;
mod properties;
