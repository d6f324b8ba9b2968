//! Checks that the secret of the public keys holds the public halves of the signing keys.

use super::key_set::difference;
use crate::check::Check;
use crate::keys::{Found, Published, keys_of, public_halves};
use crate::output::{Failure, count};

const NAME: &str = "public keys";
const PUBLISH: &str = "run `postern keys publish`";

/// Checks the secret. `None` if there is none to check: the keys are not in a secret, or none has a public half.
pub(super) fn check(found: &Found, published: Result<Published, Failure>) -> Option<Check> {
    let keys = public_halves(&found.key_set);
    let (place, text) = match published {
        Err(failure) => return Some(Check::fail(NAME, failure.text())),
        Ok(Published::Secret { place, text }) => (place, text),
        Ok(Published::ByStack(_)) => {
            let message = "the stack is of an earlier version: its function jwks, which is public, can read the signing keys. \
                           Update it: docs/operating.md, \"Publish the public keys\"";
            return Some(Check::warn(NAME, message));
        }
        Ok(Published::Nowhere) if found.in_secret && !keys.is_empty() => {
            let message = format!(
                "not compared with {}, since their secret is not known; name it with --public-secret or \
                 PUBLIC_KEYS_SECRET_ARN",
                found.place
            );
            return Some(Check::warn(NAME, message));
        }
        Ok(Published::Nowhere) => return None,
    };
    let wrong = match text.as_deref().map(keys_of) {
        None => Some("is not there, or empty".to_owned()),
        Some(None) => Some("does not hold a JWK Set with the member `keys` only".to_owned()),
        Some(Some(held)) => {
            difference(&held, &keys).map(|difference| format!("differs from {}: {difference}", found.place))
        }
    };
    Some(match (wrong, keys.len()) {
        (Some(wrong), _) => Check::fail(NAME, format!("{place} {wrong}; {PUBLISH}")),
        (None, 0) => Check::ok(NAME, format!("none in {place}, because every key is HS256")),
        (None, some) => Check::ok(NAME, format!("{} in {place}", count(some, "public key"))),
    })
}
