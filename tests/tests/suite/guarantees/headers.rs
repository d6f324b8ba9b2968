//! The headers of every reply, and requests that no route answers.

use postern_tests::deployment::{Deployment, PASSWORD_CONTRACTS};
use postern_tests::events::set_path;
use serde_json::{Value, json};

use crate::support::routes::{RouteUnderTest, Violation, assert_every_route, ensure, with_id};

/// A reply has the id of its request, is JSON or has no content, and must not be cached. Only the key set may be cached. Both slash forms
/// of a path are one route. Another method is refused, with the methods that are allowed.
pub(crate) async fn check(route: &RouteUnderTest) -> Result<(), Violation> {
    let id = "JKJaXmPLvHcESHA=";
    for event in &route.events {
        let event = with_id(event, id);
        let mut nothing = event.clone();
        nothing["body"] = Value::Null;
        nothing["headers"] = json!({"host": "api.example.com"});
        let mut other_slash = event.clone();
        let path = event["rawPath"].as_str().unwrap();
        set_path(&mut other_slash, &path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned));
        let mut other_method = event.clone();
        other_method["requestContext"]["http"]["method"] = json!("PATCH");
        let (deployment, _proxy) = route.deployment(|env| env).await;
        let (another, _proxy) = route.deployment(|env| env).await;
        for (deployment, request, status) in [
            (&deployment, &nothing, 200..500),
            (&deployment, &other_method, 405..406),
            (&deployment, &event, 200..300),
            (&another, &other_slash, 200..300),
        ] {
            let reply = route.send(deployment, request).await;
            let caching = if route.function == "jwks" && reply.status < 300 {
                "public, max-age=300"
            } else {
                "no-store"
            };
            let is_json = reply.status != 204;
            let right = [
                ("x-request-id", Some(id)),
                ("content-type", is_json.then_some("application/json; charset=utf-8")),
                ("x-content-type-options", Some("nosniff")),
                ("cache-control", Some(caching)),
            ];
            for (name, value) in right {
                ensure(reply.header(name) == value, || format!("{name} is not {value:?}: {reply:?}"))?;
            }
            ensure(status.contains(&reply.status), || format!("not in {status:?}: {reply:?}"))?;
            let has_content = serde_json::from_str::<Value>(&reply.text).is_ok();
            ensure(has_content == is_json, || format!("no JSON: {reply:?}"))?;
            let allowed = reply.header("allow").is_some_and(|allow| allow.contains(route.method.as_str()));
            ensure(allowed == (reply.status == 405), || {
                format!("{} is not allowed: {reply:?}", route.method)
            })?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn every_reply_has_the_id_of_its_request() {
    let deployment = Deployment::start().await;
    for contract in PASSWORD_CONTRACTS.into_iter().chain(["sso"]) {
        let mut event = deployment.event(contract, None);
        event["requestContext"]["requestId"] = json!("JKJaXmPLvHcESHA=");
        assert_eq!(deployment.invoke(contract, event).await.header("x-request-id"), Some("JKJaXmPLvHcESHA="));
    }
}

#[tokio::test]
async fn every_route_sends_the_headers_of_every_reply() {
    assert_every_route(|route| Box::pin(check(route))).await;
}
