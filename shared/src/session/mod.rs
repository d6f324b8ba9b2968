//! Sessions. With the token of a session, a client is signed in without a password.

mod new;
mod rotation;
mod token;

pub use self::new::{NewSession, SessionRequest, lifetimes};
pub use self::rotation::{CLEAN_ROTATIONS, GRACE, MAX_LOST_REPLY, RefreshPolicy, Session, lost_reply};
pub(crate) use self::rotation::{Generation, Verdict, is_id};
pub use self::token::{SecretHash, SessionSecret, SessionToken};
