//! The classical attacks on JWTs, each at sso with a ring that holds HS256, ES256, EdDSA and RS256 keys at once.
//! Every one is refused in sso's words, and the good tokens are accepted in the same test.

pub(crate) mod forge;
mod form;
mod headers;
mod says;
mod signatures;
