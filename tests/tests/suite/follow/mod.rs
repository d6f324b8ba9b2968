//! What follows a sign-in, route by route.

mod holder;
mod mfa;
mod session;
