//! The checks of the HTTP API: its connection, routes and clock. The other checks of the API are beside this file.

use postern::clock::now;
use postern::store::operator::UserRecord;
use tokio::task::JoinSet;

use super::clock::{clock, date};
use super::{key_set, preflight, same_replies};
use crate::api::{Api, KEY_SET, ROUTES, Reply, Route, Unreachable};
use crate::check::Check;
use crate::keys::Found;
use crate::output::{Failure, count};

/// The values that the checks expect of the API.
pub(super) struct Expected<'a> {
    /// The signing keys, if they can be read.
    pub(super) keys: Option<&'a Found>,
    /// A web origin that may call the API, if the operator or the stack names one.
    pub(super) origin: Option<&'a str>,
    /// The user whose replies are compared with those to an unknown user, or why that user is not found.
    pub(super) user: Option<Result<UserRecord, Failure>>,
}

/// Checks the API. If it cannot be reached, that is the only check.
pub(super) async fn check(api: &Api, expected: &Expected<'_>) -> Vec<Check> {
    let mut checks = vec![match connection(api).await {
        Ok(check) => check,
        Err(check) => return vec![check],
    }];
    checks.extend(routes(api).await);
    checks.extend(preflight::check(api, expected.origin).await);
    match api.send("GET", KEY_SET, &[], "").await {
        Ok(reply) => {
            checks.extend(
                date(reply.header("date")).map(|theirs| clock("API clock", "the API", now(), theirs)),
            );
            checks.extend(key_set::check(&reply, expected.keys));
        }
        Err(error) => checks.push(Check::fail("key set", error.message)),
    }
    checks.extend(same_replies::check(api, expected.user.as_ref()).await);
    checks
}

async fn connection(api: &Api) -> Result<Check, Check> {
    let url = api.at("");
    let unreachable = |error: Unreachable| {
        let message = format!("{url}: {}; {}", error.message, error.what_to_do());
        Check::fail("connection", message)
    };
    if let Some(version) = api.tls_version().await.map_err(unreachable)? {
        return Ok(Check::ok(
            "connection",
            format!("{url} answers by {version}, with a certificate that is trusted"),
        ));
    }
    api.send("GET", KEY_SET, &[], "").await.map_err(unreachable)?;
    Ok(match api.sends_plaintext() {
        true => Check::warn(
            "connection",
            format!("{url} answers without TLS: passwords and tokens can be read on the way; use https"),
        ),
        false => Check::ok("connection", format!("{url} answers on this machine, without TLS")),
    })
}

/// Sends a request to each route, with and without a slash at its end, and HEAD too if the route is one of GET.
/// The functions get their requests in parallel.
async fn routes(api: &Api) -> Vec<Check> {
    let mut functions: Vec<&'static str> = ROUTES.iter().map(|route| route.function).collect();
    functions.dedup();
    let mut running = JoinSet::new();
    for (place, function) in functions.into_iter().enumerate() {
        let api = api.clone();
        running.spawn(async move { (place, of_function(&api, function).await) });
    }
    let mut found = running.join_all().await;
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().flat_map(|(_, checks)| checks).collect()
}

/// Checks the routes of a function. There is one line if all of them answer, else one for each fault.
async fn of_function(api: &Api, function: &'static str) -> Vec<Check> {
    let mut faults: Vec<(String, Vec<String>)> = Vec::new();
    let mut asked = 0;
    for route in ROUTES.iter().filter(|route| route.function == function) {
        asked += 1;
        let methods = if route.method == "GET" { &["GET", "HEAD"][..] } else { &[route.method] };
        for (method, slash) in methods.iter().flat_map(|method| [(method, ""), (method, "/")]) {
            let path = format!("{}{slash}", route.sample_path());
            let Some(fault) = fault(api, route, method, &path).await else { continue };
            let named = format!("{method} {path}");
            match faults.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, paths)) => paths.push(named),
                None => faults.push((fault, vec![named])),
            }
        }
    }
    if faults.is_empty() {
        let message = format!("{function}: {}, with and without a slash", count(asked, "route"));
        return vec![Check::ok("routes", message)];
    }
    let line = |(fault, paths): (String, Vec<String>)| {
        Check::fail("routes", format!("{function}: {}: {fault}", paths.join(", ")))
    };
    faults.into_iter().map(line).collect()
}

/// Returns what is wrong with a route, and what to do. The request is refused before anything is read or
/// counted.
async fn fault(api: &Api, route: &Route, method: &str, path: &str) -> Option<String> {
    let body = if route.method == "POST" { "{}" } else { "" };
    match api.send(method, path, &[("content-type", "application/json")], body).await {
        Ok(reply) if reply.is_of_function() && is_of_route(&reply, route) => None,
        Ok(reply) => Some(format!("{} and not {}: {}", reply.words(), route.status, why(&reply))),
        Err(error) => Some(format!("{}; {}", error.message, error.what_to_do())),
    }
}

/// Returns whether the route answers with this status.
fn is_of_route(reply: &Reply, route: &Route) -> bool {
    reply.status == route.status || Some(reply.status) == route.without_setting
}

/// Why a reply is not that of the route, and what to do.
fn why(reply: &Reply) -> &'static str {
    match (reply.status, reply.is_of_function()) {
        (404 | 405, true) => {
            "the function answers, but sees another path: does the URL, or the mapping of its domain, have a base path \
             that the functions do not know?"
        }
        (404, false) => {
            "there is no such route: is the URL right, with its base path, and is this version of the template \
             deployed?"
        }
        (500, false) => "the function did not start, or crashed; read its log",
        (500 | 503, true) => "look for lines of the level ERROR in the function's log",
        (403, false) => "nothing is mapped to this path, or something in front of the API refuses",
        (429, false) => {
            "the limit of API Gateway, or of the edge for one address; raise ApiRateLimit, or check again"
        }
        (300..400, _) => "a redirect, which clients of the contracts do not follow",
        _ => "does another program, or another version of Postern, answer at this URL?",
    }
}
