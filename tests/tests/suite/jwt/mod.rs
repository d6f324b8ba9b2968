//! The known attacks on JWTs, each at sso with a key ring of HS256, ES256, EdDSA and RS256 keys. Every forged token is
//! refused in sso's words. The valid tokens are accepted in the same test. `key_rotation` changes the keys under a
//! running function.

mod claims;
mod headers;
mod key_rotation;
mod profiles;
mod signatures;
mod structure;
mod types;
