//! The edge in front of the API: a request without its secret does nothing, and a request with it comes from the address
//! that the edge names.

use postern::environment::Environment;
use postern_tests::contracts;
use postern_tests::deployment::{Deployment, PASSWORD_ROUTES, Reply, credentials, name_at};
use postern_tests::edge::{self, DIGEST, FORBIDDEN, NEXT_DIGEST, NEXT_SECRET, SECRET};
use postern_tests::logs;
use serde_json::{Value, json};

use crate::support::proxy::Proxy;
use crate::support::raw;
use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_id, with_password};

const VIEWER: &str = "203.0.113.7:46532";

/// Requests that did not come through the edge, each with what is wrong.
fn forged(event: &Value) -> Vec<(&'static str, Value)> {
    let mut only_address = edge::sends(event, SECRET, VIEWER);
    only_address["headers"].as_object_mut().unwrap().remove("x-postern-edge");
    let mut only_secret = edge::sends(event, SECRET, VIEWER);
    only_secret["headers"].as_object_mut().unwrap().remove("cloudfront-viewer-address");
    // API Gateway joins repeated headers with a comma.
    let twice = format!("{SECRET},{SECRET}");
    vec![
        ("no header", event.clone()),
        ("an address and no secret", only_address),
        ("an empty secret", edge::sends(event, "", VIEWER)),
        ("a wrong secret", edge::sends(event, NEXT_SECRET, VIEWER)),
        ("the digest in place of the secret", edge::sends(event, DIGEST, VIEWER)),
        ("the secret twice", edge::sends(event, &twice, VIEWER)),
        ("a wrong secret and the right one", edge::sends(event, &format!("{NEXT_SECRET},{SECRET}"), VIEWER)),
        ("a secret and no address", only_secret),
        ("an empty address", edge::sends(event, SECRET, "")),
        ("an address without a port", edge::sends(event, SECRET, "203.0.113.7")),
        ("two addresses", edge::sends(event, SECRET, &format!("{VIEWER},{VIEWER}"))),
    ]
}

/// The addresses that the log names for a request.
fn logged_addresses(request_id: &str) -> Vec<Value> {
    let lines = logs::so_far();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["request_id"] == json!(request_id) && !line["address"].is_null())
        .map(|line| line["address"].clone())
        .collect()
}

/// How many failures are counted from an address now.
async fn failures_from(deployment: &Deployment, address: &str) -> i64 {
    raw::failures(deployment, &raw::counter_from(deployment, address, 300)).await
}

/// Behind an edge, a forged request is refused before the table is called or a password is hashed, and a request from the
/// edge comes from the edge's viewer. If the edge is optional or there is none, a forged request comes from where API
/// Gateway says.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    for (at, event) in route.events.iter().enumerate() {
        let source = event["requestContext"]["http"]["sourceIp"].as_str().unwrap();
        // Each has a deployment of its own, since a request may change the user.
        for (setting, change, secret, is_edge) in CASES {
            let what = format!("edge {setting}, its secret is sent: {}", secret == SECRET);
            let address = if is_edge { "203.0.113.7" } else { source };
            let (deployment, proxy) = route.deployment(change).await;
            if setting == "required" {
                refuses_forged(route, &deployment, &proxy, event).await?;
            }
            if let Some(wrong) = with_password(event, "wrong") {
                route.send(&deployment, &edge::sends(&wrong, secret, VIEWER)).await;
                let counted = failures_from(&deployment, address).await;
                ensure(counted == 1, || format!("{what}: {counted} failures are counted from {address}"))?;
            }
            let id = format!("{what} {} {} {at}", route.method, route.path);
            let reply = route.send(&deployment, &with_id(&edge::sends(event, secret, VIEWER), &id)).await;
            ensure((200..300).contains(&reply.status), || format!("{what}: {reply:?}"))?;
            let logged = logged_addresses(&id);
            ensure(logged.iter().all(|logged| logged == address), || format!("{what}: {logged:?}"))?;
            let shown = logs::so_far().contains(secret) || format!("{reply:?}").contains(secret);
            ensure(!shown, || format!("{what}: the secret is shown"))?;
        }
    }
    Ok(())
}

type Change = fn(Environment) -> Environment;

/// The edge's settings, the secret that is sent, and whether the request then counts as one through the edge.
const CASES: [(&str, Change, &str, bool); 4] = [
    ("required", edge::on, SECRET, true),
    ("optional", optional, SECRET, true),
    ("optional", optional, NEXT_SECRET, false),
    ("none", |env| env, SECRET, false),
];

fn optional(env: Environment) -> Environment {
    edge::on(env).with("EDGE_OPTIONAL", "true")
}

async fn refuses_forged(
    route: &RouteUnderTest,
    deployment: &Deployment,
    proxy: &Proxy,
    event: &Value,
) -> Result<(), Violation> {
    let before = deployment.app.passwords().verifications();
    for (what, event) in forged(event) {
        let reply = route.send(deployment, &event).await;
        let id = reply.header("x-request-id");
        let is_forbidden = reply.status == 403 && reply.text == FORBIDDEN && id == Some("test-request");
        ensure(is_forbidden, || format!("{what} is not refused: {reply:?}"))?;
        let calls = proxy.calls();
        ensure(calls.is_empty(), || format!("{what} calls the table: {calls:?}"))?;
        let hashes = deployment.app.passwords().verifications() - before;
        ensure(hashes == 0, || format!("{what} is hashed"))?;
    }
    Ok(())
}

#[tokio::test]
async fn every_route_answers_only_through_the_edge_if_there_is_one() {
    assert_every_route(|route| Box::pin(check(route))).await;
}

/// A sign-in attempt through the edge with a wrong password.
async fn from(deployment: &Deployment, contract: &str, viewer: &str, name: &str) -> Reply {
    let body = contracts::body(contract, &credentials(contract, &name_at(contract, name), "wrong"));
    let event = deployment.event(contract, Some(&body));
    deployment.invoke(contract, edge::sends(&event, SECRET, viewer)).await
}

#[tokio::test]
async fn address_limit_counts_the_edges_viewer_and_not_the_edge() {
    let behind_edge = |env| edge::on(env).with("THROTTLE_ADDRESS_LIMIT", "2");
    for contract in PASSWORD_ROUTES {
        let deployment = Deployment::start_with(behind_edge).await;
        for (viewers, other) in [
            (["203.0.113.7:1", "203.0.113.7:2", "203.0.113.7:65535"], "203.0.113.8:1"),
            // A /64 counts as one address.
            (["2001:db8::1:1", "2001:db8::2:65535", "2001:db8:0:0:ffff::1:443"], "2001:db8:0:1::1:1"),
        ] {
            for (at, viewer) in viewers.into_iter().enumerate() {
                let reply = from(&deployment, contract, viewer, &format!("n{at}")).await;
                assert_eq!(reply.status == 429, at == 2, "{contract} {viewer}: {reply:?}");
            }
            let reply = from(&deployment, contract, other, "n").await;
            assert_ne!(reply.status, 429, "{contract} {other}");
        }
    }
}

/// A viewer address that is not from the edge takes no limit away: without an edge it is not read, and behind an edge the
/// request is refused.
#[tokio::test]
async fn forged_viewer_address_does_not_lift_the_address_limit() {
    for is_on in [false, true] {
        let deployment = Deployment::start_with(|env| {
            let env = env.with("THROTTLE_ADDRESS_LIMIT", "2");
            if is_on { edge::on(env) } else { env }
        })
        .await;
        let mut statuses = Vec::new();
        for at in 0..4 {
            let body = credentials("account", &format!("n{at}"), "wrong").to_string();
            let mut event = deployment.event("account", Some(&body));
            event["headers"]["cloudfront-viewer-address"] = json!(format!("203.0.113.{at}:443"));
            statuses.push(deployment.invoke("account", event).await.status);
        }
        assert_eq!(statuses, if is_on { [403; 4] } else { [401, 401, 429, 429] }, "edge {is_on}");
    }
}

/// The settings in the order in which docs/edge.md puts an edge in front, replaces its secret and takes it away.
/// Settings that follow each other have a kind of request in common that both accept, and clients send that kind.
#[tokio::test]
async fn edge_is_put_in_front_rotated_and_taken_away_while_requests_go_on() {
    let mut deployment = Deployment::start().await;
    let both = format!("{DIGEST},{NEXT_DIGEST}");
    let optional = "true";
    let mut accepted_before = [true, true, true];
    // What the functions accept: no secret, the old one, the new one.
    for (digests, is_optional, accepted) in [
        ("", "false", [true, true, true]),
        (DIGEST, optional, [true, true, true]),
        (DIGEST, "false", [false, true, false]),
        (&both, "false", [false, true, true]),
        (NEXT_DIGEST, "false", [false, false, true]),
        (NEXT_DIGEST, optional, [true, true, true]),
        ("", "false", [true, true, true]),
    ] {
        deployment
            .restart(|env| env.with("EDGE_SECRET_SHA256", digests).with("EDGE_OPTIONAL", is_optional))
            .await;
        assert!(accepted.iter().zip(accepted_before).any(|(now, before)| *now && before), "{digests}");
        accepted_before = accepted;
        let event = deployment.sign_in_of("mfa", "jimmy", "correct horse battery staple").await;
        let requests =
            [event.clone(), edge::sends(&event, SECRET, VIEWER), edge::sends(&event, NEXT_SECRET, VIEWER)];
        for (request, is_accepted) in requests.into_iter().zip(accepted) {
            let reply = deployment.invoke("mfa", request).await;
            assert_eq!(reply.status, if is_accepted { 200 } else { 403 }, "{digests}: {reply:?}");
        }
    }
}

/// The name of a header has no case (RFC 9110 §5.1).
#[tokio::test]
async fn names_of_the_edges_headers_may_be_in_any_case() {
    let deployment = Deployment::start_with(edge::on).await;
    for (secret, address) in
        [("X-Postern-Edge", "CloudFront-Viewer-Address"), ("X-POSTERN-EDGE", "CLOUDFRONT-VIEWER-ADDRESS")]
    {
        let mut event = deployment.right_sign_in("mfa").await;
        event["headers"][secret] = json!(SECRET);
        event["headers"][address] = json!(VIEWER);
        assert_eq!(deployment.invoke("mfa", event).await.status, 200, "{secret}");
    }
}

/// An edge that sends its secret and no address is set up wrongly. The log says so.
#[tokio::test]
async fn edge_without_a_viewer_address_is_named_in_the_log() {
    let deployment = Deployment::start_with(edge::on).await;
    for (viewer, is_logged) in [("", true), (VIEWER, false)] {
        let id = format!("edge without an address {is_logged}");
        let event = with_id(&edge::sends(&deployment.event("mfa", Some("{}")), SECRET, viewer), &id);
        deployment.invoke("mfa", event).await;
        let logged = logs::so_far();
        let mut lines = logged.lines().filter(|line| line.contains(&id));
        assert_eq!(lines.any(|line| line.contains("CloudFront-Viewer-Address")), is_logged, "{viewer}");
    }
}
