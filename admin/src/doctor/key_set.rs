//! Checks that the published key set is that of the signing keys, and that caches do not keep it for too long.

use std::collections::BTreeSet;

use postern::token::{PublicKey, PublicKeySet};

use crate::api::Reply;
use crate::check::Check;
use crate::keys::Found;
use crate::output::{count, plain};

const NAME: &str = "key set";
/// For how many seconds a cache may keep the key set. `postern keys rotate` waits for it.
const MAX_AGE: u64 = 300;

/// Checks the reply with the key set.
pub(super) fn check(reply: &Reply, found: Option<&Found>) -> Vec<Check> {
    let why = match PublicKeySet::parse(&reply.body) {
        Ok(published) if reply.status == 200 => {
            return vec![compare(published.public_keys(), found), caching(reply)];
        }
        Err(error) if reply.status == 200 => format!("it {error}"),
        _ => reply.words(),
    };
    vec![Check::fail(
        NAME,
        format!("the reply is no JWK Set of public keys: {why}; read the log of the function jwks"),
    )]
}

fn compare(published: &[PublicKey], found: Option<&Found>) -> Check {
    let Some(found) = found else {
        return Check::warn(NAME, "not compared with the signing keys, which cannot be read from here");
    };
    let keys = found.key_set.public_keys();
    let Some(wrong) = difference(published, &keys) else {
        let message = match keys.len() {
            0 => "empty, because every key is HS256 and has no public half".to_owned(),
            some => format!("{} of {}", count(some, "public key"), found.place),
        };
        return Check::ok(NAME, message);
    };
    Check::fail(
        NAME,
        format!(
            "{wrong}, compared with {}. If `public keys` says FAIL, correct that first. If the keys were changed in \
             the last ten minutes, wait and check again; otherwise read the log of the function jwks, and look for a \
             cache in front of the API",
            found.place
        ),
    )
}

/// Returns how published keys differ from the public halves of the signing keys. Their order does not count.
pub(super) fn difference(published: &[PublicKey], keys: &[PublicKey]) -> Option<String> {
    let kids = |of: &[PublicKey], without: &[PublicKey]| {
        let kid = |key: &PublicKey| plain(key.kid());
        let kids: BTreeSet<String> = of.iter().filter(|key| !without.contains(key)).map(kid).collect();
        kids.into_iter().collect::<Vec<_>>().join(", ")
    };
    match (kids(keys, published).as_str(), kids(published, keys).as_str()) {
        ("", "") => None,
        (missing, "") => Some(format!("the key {missing} is missing")),
        ("", extra) => Some(format!("the key {extra} is not one of the signing keys")),
        (missing, extra) if missing == extra => Some(format!("the key {missing} has other members")),
        (missing, extra) => {
            Some(format!("the key {missing} is missing, and {extra} is not one of the signing keys"))
        }
    }
}

fn caching(reply: &Reply) -> Check {
    let control = reply.header("cache-control").to_ascii_lowercase();
    let age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    match age {
        Some(age) if age <= MAX_AGE => {
            Check::ok("key set age", format!("caches keep it for {age} s at most"))
        }
        _ => Check::fail(
            "key set age",
            format!(
                "caches may keep it for longer than {MAX_AGE} s (Cache-Control: {control}), so a new key may sign \
                 before every verifier knows it; leave the header as the function sets it"
            ),
        ),
    }
}
