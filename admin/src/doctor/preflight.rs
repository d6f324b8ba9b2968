//! Checks that web pages may call the API (CORS, in the Fetch standard).

use crate::api::{Api, KEY_SET, ROUTES, Reply, Route};
use crate::check::Check;

/// The origin of the requests if the operator and the stack name none.
const ANY_ORIGIN: &str = "https://example.com";
const NAME: &str = "CORS";
/// The headers of a reply that clients of the contracts read.
const EXPOSED: [&str; 3] = ["retry-after", "www-authenticate", "x-request-id"];

/// Sends the preflight of each route, as a browser does, and one request with an origin.
pub(super) async fn check(api: &Api, named: Option<&str>) -> Vec<Check> {
    let origin = named.unwrap_or(ANY_ORIGIN);
    let mut faults: Vec<(String, Vec<String>)> = Vec::new();
    for route in ROUTES {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", route.method),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        let fault = match api.send("OPTIONS", &route.sample_path(), &asked, "").await {
            Ok(reply) => fault(&reply, route, origin),
            Err(error) => Some(error.message),
        };
        let Some(fault) = fault else { continue };
        let path = format!("{} {}", route.method, route.path);
        match faults.iter_mut().find(|(known, _)| *known == fault) {
            Some((_, paths)) => paths.push(path),
            None => faults.push((fault, vec![path])),
        }
    }
    if faults.is_empty() {
        return vec![exposed(api, origin).await];
    }
    let line = |(fault, paths): (String, Vec<String>)| {
        let of = if paths.len() == ROUTES.len() { "every route".to_owned() } else { paths.join(", ") };
        let what = "set AllowedOrigins, or name an origin of yours with --origin";
        let message = format!("the preflight of {of} from {origin}: {fault}; {what}");
        // Neither the operator nor the stack says that this origin may call the API.
        if named.is_none() && fault == REFUSED {
            Check::warn(NAME, message)
        } else {
            Check::fail(NAME, message)
        }
    };
    faults.into_iter().map(line).collect()
}

/// The fault of an origin that may not call the API.
const REFUSED: &str = "the origin is not allowed";

fn fault(reply: &Reply, route: &Route, origin: &str) -> Option<String> {
    let lists = |name: &str, item: &str| {
        reply.header(name).split(',').any(|listed| listed.trim().eq_ignore_ascii_case(item))
    };
    let any = |name: &str, item: &str| lists(name, item) || lists(name, "*");
    if !(200..300).contains(&reply.status) {
        return Some(format!("the status is {}", reply.words()));
    }
    if !any("access-control-allow-origin", origin) {
        return Some(REFUSED.to_owned());
    }
    if !any("access-control-allow-methods", route.method) {
        return Some(format!("the method {} is not allowed", route.method));
    }
    // The asterisk does not cover Authorization.
    if !lists("access-control-allow-headers", "authorization") {
        return Some("the header Authorization is not allowed".to_owned());
    }
    (!any("access-control-allow-headers", "content-type"))
        .then(|| "the header Content-Type is not allowed".to_owned())
}

async fn exposed(api: &Api, origin: &str) -> Check {
    let reply = match api.send("GET", KEY_SET, &[("origin", origin)], "").await {
        Ok(reply) => reply,
        Err(error) => return Check::fail(NAME, error.message),
    };
    let allowed = ["*", origin].contains(&reply.header("access-control-allow-origin"));
    let exposed = reply.header("access-control-expose-headers").to_ascii_lowercase();
    let hidden = EXPOSED.into_iter().find(|name| !exposed.split(',').any(|listed| listed.trim() == *name));
    match hidden {
        _ if !allowed => Check::fail(
            NAME,
            format!("the preflight allows {origin}, but the reply does not: no web page can read it"),
        ),
        Some(hidden) => Check::fail(
            NAME,
            format!("replies do not expose {hidden} to web pages; set ExposeHeaders as the template does"),
        ),
        None => Check::ok(NAME, format!("web pages of {origin} may call every route")),
    }
}
