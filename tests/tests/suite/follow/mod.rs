//! What follows a sign-in, route by route.

mod holder;
mod session;
