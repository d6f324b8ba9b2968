//! Checks that the replies to an unknown user and to a wrong password are the same.
//!
//! Each comparison is two sign-ins that fail. They count as failures of the user's names, of a random name, and of
//! the caller's address.

use std::collections::BTreeMap;

use postern::random::random;
use postern::store::operator::UserRecord;
use serde_json::json;

use crate::api::{Api, Contract, PASSWORD_CONTRACTS, Reply, Unreachable};
use crate::check::Check;
use crate::output::Failure;

const NAME: &str = "same replies";
/// The headers that belong to one request, and differ between any two replies.
const OF_ONE_REQUEST: [&str; 8] = [
    "age",
    "apigw-requestid",
    "date",
    "x-amz-cf-id",
    "x-amz-cf-pop",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-request-id",
];

/// The result of a comparison of two replies.
enum Compared {
    Same,
    /// The email contract's documentation asks for another reply to an unknown user.
    Documented,
    Skipped(String),
    Differ(String),
}

/// Compares the replies of each contract.
pub(super) async fn check(api: &Api, user: Option<&Result<UserRecord, Failure>>) -> Vec<Check> {
    let user = match user {
        Some(Ok(user)) => user,
        Some(Err(failure)) => return vec![Check::fail(NAME, failure.text())],
        None => {
            let message = "an unknown user and a wrong password were not compared; name a user for it with --user. \
                           It costs that user three failed sign-ins by the username and one by the e-mail address";
            return vec![Check::warn(NAME, message)];
        }
    };
    let (mut same, mut checks) = (Vec::new(), Vec::new());
    let unknown = hex::encode(random::<12>());
    for contract in PASSWORD_CONTRACTS {
        let name = contract.name;
        match compare(api, contract, user, &unknown).await {
            Ok(Compared::Same) => same.push(name),
            Ok(Compared::Documented) => {
                let message = format!(
                    "{name} tells that a user is unknown, as its documentation says; HideUnknownUsers=true ends that"
                );
                checks.push(Check::ok(NAME, message));
            }
            Ok(Compared::Skipped(why)) => checks.push(Check::warn(NAME, format!("{name}: not compared: {why}"))),
            Ok(Compared::Differ(how)) => checks.push(Check::fail(
                NAME,
                format!(
                    "{name}: the reply tells whether a user exists: {how}; look for a proxy that changes replies"
                ),
            )),
            Err(error) => checks.push(Check::fail(NAME, format!("{name}: {}", error.message))),
        }
    }
    if !same.is_empty() {
        let message = format!("{}: an unknown user is answered like a wrong password", same.join(", "));
        checks.insert(0, Check::ok(NAME, message));
    }
    checks
}

async fn compare(
    api: &Api,
    contract: &Contract,
    user: &UserRecord,
    unknown: &str,
) -> Result<Compared, Unreachable> {
    let (known, unknown) = match contract.member {
        "email" if user.email.is_empty() => {
            return Ok(Compared::Skipped("the user has no e-mail address".to_owned()));
        }
        "email" => (user.email.clone(), format!("{unknown}@example.com")),
        _ => (user.username.clone(), unknown.to_owned()),
    };
    let password = hex::encode(random::<16>());
    let sign_in = async |name: &str| {
        api.post(contract.sign_in, &json!({contract.member: name, "password": password})).await
    };
    let (known, unknown) = (sign_in(&known).await?, sign_in(&unknown).await?);
    if let Some(waits) = [&known, &unknown].into_iter().find(|reply| reply.status == 429) {
        let message = format!(
            "too many failures ({}); check again in {} s",
            waits.words(),
            waits.header("retry-after")
        );
        return Ok(Compared::Skipped(message));
    }
    let (status, of_unknown) = (known.status, unknown.status);
    if !(400..500).contains(&status) {
        return Ok(Compared::Differ(format!("a wrong password is answered {}", known.words())));
    }
    if contract.name == "email" && (status, of_unknown) == (400, 404) {
        return Ok(Compared::Documented);
    }
    if status != of_unknown {
        return Ok(Compared::Differ(format!(
            "{of_unknown} for an unknown user, {status} for a wrong password"
        )));
    }
    if known.body != unknown.body {
        let (of_unknown, of_known) = (unknown.words(), known.words());
        return Ok(Compared::Differ(format!(
            "{of_unknown} for an unknown user, {of_known} for a wrong password"
        )));
    }
    Ok(match header_that_differs(&known, &unknown) {
        Some(name) => Compared::Differ(format!("the header {name} differs")),
        None => Compared::Same,
    })
}

fn header_that_differs(known: &Reply, unknown: &Reply) -> Option<String> {
    let headers = |reply: &Reply| {
        let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, value) in &reply.headers {
            all.entry(name.to_string()).or_default().push(value.as_bytes().to_vec());
        }
        all.retain(|name, _| !OF_ONE_REQUEST.contains(&name.as_str()));
        all
    };
    let (known, unknown) = (headers(known), headers(unknown));
    known.keys().chain(unknown.keys()).find(|name| known.get(*name) != unknown.get(*name)).cloned()
}
