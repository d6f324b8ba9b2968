//! Checks that the secret of the public keys holds the public halves of the signing keys.

use postern::token::PublicKeySet;

use super::key_set::difference;
use crate::check::Check;
use crate::keys::{Found, PublicPlace};
use crate::output::{Failure, count};

const NAME: &str = "public keys";
const PUBLISH: &str = "run `postern keys publish`";
/// The advice if the secret holds something that `postern` did not write.
const READ_FIRST: &str = "if no `postern keys` command was interrupted, somebody else wrote this secret: first read \
                          CloudTrail (PutSecretValue)";

/// Checks the secret. `None` if there is none to check: the keys are not in a secret, or none has a public half.
pub(super) fn check(found: &Found, public: Result<PublicPlace, Failure>) -> Option<Check> {
    let keys = found.key_set.public_keys();
    let (place, text) = match public {
        Err(failure) => return Some(Check::fail(NAME, failure.text())),
        Ok(PublicPlace::Secret { place, text }) => (place, text),
        Ok(PublicPlace::ByStack(_)) => {
            let message = "the stack is of an earlier version: its function jwks, which is public, can read the \
                           signing keys. Update it: docs/operating.md, \"Publish the public keys\"";
            return Some(Check::warn(NAME, message));
        }
        Ok(PublicPlace::Nowhere) if found.in_secret && !keys.is_empty() => {
            let message = "not checked: no option, stack or variable names their secret; use --stack, --public-secret \
                           or PUBLIC_KEYS_SECRET_ARN";
            return Some(Check::warn(NAME, message));
        }
        Ok(PublicPlace::Nowhere) => return None,
    };
    let Some(text) = text else {
        let message = format!(
            "{place} does not exist, or is empty; create it as docs/backup-and-restore.md, \"The public keys\", says"
        );
        return Some(Check::fail(NAME, message));
    };
    let held = match PublicKeySet::parse(&text) {
        Ok(held) => held,
        Err(error) => {
            let message = format!(
                "{place} holds no public keys: {error}; if it holds signing keys, the wrong secret is named. Otherwise, \
                 {READ_FIRST}. Then see docs/operating.md, \"Publish the public keys\""
            );
            return Some(Check::fail(NAME, message));
        }
    };
    let held = held.public_keys();
    Some(match (difference(held, &keys), keys.len()) {
        (Some(difference), _) => {
            let has_others = held.iter().any(|key| !keys.contains(key));
            let advice =
                if has_others { format!("{READ_FIRST}. Then {PUBLISH}") } else { PUBLISH.to_owned() };
            Check::fail(NAME, format!("{place} differs from {}: {difference}; {advice}", found.place))
        }
        (None, 0) => Check::ok(NAME, format!("none in {place}, because every key is HS256")),
        (None, some) => Check::ok(NAME, format!("{} in {place}", count(some, "public key"))),
    })
}
