//! `edge.yaml` fits the functions: it sends the headers that they read, under the names that they know.

use std::collections::BTreeSet;
use std::fs;

use postern_local::demo;
use postern_tests::binary::in_workspace;
use postern_tests::deployment::Deployment;
use postern_tests::edge;
use postern_tests::events;
use serde_json::json;

fn template() -> String {
    fs::read_to_string(in_workspace("edge.yaml")).unwrap()
}

/// The viewer's headers that the edge passes on, in lower case.
fn forwarded() -> BTreeSet<String> {
    let template = template();
    let lists = template.split("Headers: [").skip(1).map(|rest| rest.split_once(']').unwrap().0);
    let names: BTreeSet<String> = lists.flat_map(|list| list.split(", ")).map(str::to_lowercase).collect();
    assert!(names.len() > 5, "the lists of headers were not found");
    names
}

#[test]
fn edge_sends_its_secret_and_the_viewers_address_under_the_names_that_functions_read() {
    let event = edge::sends(&json!({"headers": {}}), edge::SECRET, "203.0.113.7:46532");
    let read: BTreeSet<_> = event["headers"].as_object().unwrap().keys().cloned().collect();
    let template = template();
    let (_, name) = template.split_once("HeaderName: ").unwrap();
    let name = name.split_once(',').unwrap().0;
    assert_eq!(template.matches("HeaderName: ").count(), 1);
    assert_eq!(read, BTreeSet::from([name.to_owned(), "cloudfront-viewer-address".to_owned()]));
    assert!(forwarded().contains("cloudfront-viewer-address"));
    // The policies must not name what the origin's settings add.
    assert!(!forwarded().contains(name));
}

/// The functions know no secret of fewer than 32 bytes.
#[test]
fn edge_takes_only_secrets_that_the_functions_can_know() {
    let template = template();
    let (_, parameter) = template.split_once("\n  OriginSecret:\n").unwrap();
    let pattern = parameter.split_once("AllowedPattern: ").unwrap().1.lines().next().unwrap();
    assert_eq!(pattern, "^[0-9a-f]{64}$");
    for secret in [edge::SECRET, edge::NEXT_SECRET] {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        assert!(secret.len() == 64 && secret.bytes().all(is_digit), "{secret}");
    }
}

/// AWS WAF counts an IPv6 caller by the whole address. HTTP APIs have IPv4 only by default, and the edge
/// must not give callers more addresses.
#[test]
fn edge_and_api_are_reached_by_ipv4_only() {
    assert!(template().contains("\n        IPV6Enabled: false\n"));
    let api = fs::read_to_string(in_workspace("template.yaml")).unwrap();
    assert!(!api.contains("IpAddressType"));
}

/// What API Gateway's CORS reads ("Configure CORS for HTTP APIs") is passed on too.
#[test]
fn edge_passes_on_the_headers_of_cors() {
    for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
        assert!(forwarded().contains(name), "{name}");
    }
}

/// The edge sends a request with these headers and no others. All sample events get the replies of their snapshots.
#[tokio::test]
async fn every_event_gets_the_same_reply_through_the_edge() {
    let forwarded = forwarded();
    for contract in events::all(None).into_iter().map(|sample| sample.contract).collect::<BTreeSet<_>>() {
        let deployment = Deployment::start_with(edge::on).await;
        demo::begin_sessions(&deployment.app, &deployment.store).await.unwrap();
        for sample in events::all(Some(&contract)) {
            let mut event = sample.event.clone();
            event["headers"]
                .as_object_mut()
                .unwrap()
                .retain(|name, _| forwarded.contains(&name.to_lowercase()));
            let event = edge::sends(&event, edge::SECRET, "203.0.113.7:46532");
            events::assert_reply(&sample, &deployment.invoke(&contract, event).await);
        }
    }
}
