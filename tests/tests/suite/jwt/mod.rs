//! The classical attacks on JWTs, each at sso with a ring that holds HS256, ES256, EdDSA and RS256 keys at once.
//! Every one is refused in sso's words, and the good tokens are accepted in the same test.

mod claims;
mod headers;
mod key_rotation;
mod signatures;
mod structure;
