//! Paths, methods, queries and events that a client or a bug can send, whatever the body is.

use lambda_http::http::Method;
use postern::http::NotAnEvent;
use postern_local::functions::InvocationFailed;
use postern_tests::contracts::takes_password;
use postern_tests::deployment::{CONTRACTS, Deployment};
use postern_tests::events::set_path;
use serde_json::{Value, json};

use super::malformed::good_body;
use crate::support::words::assert_reply;

/// The event with this path, as API Gateway sends it.
fn at(mut event: Value, path: &str) -> Value {
    set_path(&mut event, path);
    event
}

/// The event with this path, as an API with only the route `$default` sends it.
fn of_default_route(mut event: Value, path: &str) -> Value {
    set_path(&mut event, "");
    event["rawPath"] = json!(path);
    event
}

#[tokio::test]
async fn route_answers_in_both_slash_forms_and_in_no_other() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        let path = event["rawPath"].as_str().unwrap().trim_end_matches('/').to_owned();
        for path in [path.clone(), format!("{path}/")] {
            for event in [at(event.clone(), &path), of_default_route(event.clone(), &path)] {
                let reply = deployment.invoke(contract, event).await;
                assert_eq!((reply.status, reply.header("location")), (200, None), "{path}");
            }
        }
        let (head, last) = path.rsplit_once('/').unwrap();
        let (first, rest) = last.split_at(1);
        for path in [
            path.to_uppercase(),
            format!("{head}/{}{rest}", first.to_uppercase()),
            format!("{path}//"),
            format!("/{path}"),
            format!("{path}/x"),
            "/".to_owned(),
            String::new(),
        ] {
            for event in [at(event.clone(), &path), of_default_route(event.clone(), &path)] {
                let reply = deployment.invoke(contract, event).await;
                assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), &path);
            }
        }
        let encoded = of_default_route(event.clone(), &format!("{path}%2F"));
        let reply = deployment.invoke(contract, encoded).await;
        assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), &path);
    }
}

/// Behind a custom domain with a base path, `rawPath` may begin with it, and at a stage with a name with the name. The
/// route that API Gateway chose does not.
#[tokio::test]
async fn base_path_and_stage_before_the_path_change_nothing() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        let path = event["rawPath"].as_str().unwrap().trim_end_matches('/').to_owned();
        for before in ["/auth", "/auth/v1", "/prod", "/signin", "/api/sign-in", ""] {
            for slash in ["", "/"] {
                let mut event = at(event.clone(), &format!("{path}{slash}"));
                let whole = format!("{before}{path}{slash}");
                event["rawPath"] = json!(whole);
                event["requestContext"]["http"]["path"] = json!(whole);
                event["requestContext"]["stage"] = json!("prod");
                assert_eq!(deployment.invoke(contract, event).await.status, 200, "{whole}");
            }
        }
        // AWS's pages do not say whether the value of a greedy variable keeps the slash.
        let mut without = at(event, &format!("{path}/"));
        let name = path.rsplit('/').next().unwrap();
        assert_eq!(without["pathParameters"]["path"], format!("{name}/"), "{contract}");
        without["pathParameters"]["path"] = json!(name);
        assert_eq!(deployment.invoke(contract, without.clone()).await.status, 200, "{contract}");
        // An event may have no path at all.
        without["rawPath"] = Value::Null;
        assert_eq!(deployment.invoke(contract, without.clone()).await.status, 200, "{contract}");
        without["pathParameters"] = Value::Null;
        let reply = deployment.invoke(contract, without).await;
        assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), contract);
    }
}

#[tokio::test]
async fn request_with_another_method_is_not_allowed() {
    let deployment = Deployment::start().await;
    let before = deployment.app.passwords().verifications();
    for contract in CONTRACTS {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        {
            let body = takes_password(contract).then(|| good_body(contract).to_string());
            let mut event = deployment.event(contract, body.as_deref());
            event["requestContext"]["http"]["method"] = json!(method.as_str());
            let reply = deployment.invoke(contract, event).await;
            let text = r#"{"message":"Method Not Allowed"}"#;
            assert_reply(&reply, 405, text, json!({"allow": "POST"}), &format!("{method} {contract}"));
        }
    }
    assert_eq!(deployment.app.passwords().verifications(), before);
}

#[tokio::test]
async fn unusual_queries_and_hosts_change_nothing() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        for query in ["a=b", "<>\"", "%zz", "%", "a b", "ü=☃", "a=%00&a=%ff", "{}|\\^`[]", "????", "&&&=&"]
        {
            let mut event = event.clone();
            event["rawQueryString"] = json!(query);
            event["queryStringParameters"] = json!({"a": "<>\"%zz ☃", "": ""});
            assert_eq!(deployment.invoke(contract, event).await.status, 200, "{contract} ?{query}");
        }
        for host in ["", "☃", "a b", "<>\"", "a:b:c", "[::1", "user@example.com:99999", "%zz", "/", "?"] {
            let mut event = event.clone();
            for name in ["host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"] {
                event["headers"][name] = json!(host);
            }
            event["requestContext"]["domainName"] = json!(host);
            assert_eq!(deployment.invoke(contract, event).await.status, 200, "{contract} host {host}");
        }
    }
}

/// API Gateway sends none of these, and lambda_http would panic on them.
#[tokio::test]
async fn event_that_api_gateway_cannot_send_is_an_invocation_error() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let event = deployment.right_sign_in(contract).await;
        let not_an_event = async |event: Value, what: &str| {
            let outcome = deployment.function(contract).invoke(event).await;
            assert_eq!(outcome, Err(InvocationFailed(NotAnEvent.to_string())), "{contract} {what}");
        };
        for body in ["!!!", "e30", "e30=e30=", "e3 0=", "{}", "e31="] {
            let mut event = event.clone();
            event["body"] = json!(body);
            event["isBase64Encoded"] = json!(true);
            not_an_event(event, body).await;
        }
        let mut crowded = event.clone();
        crowded["headers"]
            .as_object_mut()
            .unwrap()
            .extend((0..33_000).map(|i| (format!("x-{i}"), json!(""))));
        not_an_event(crowded, "33,000 headers").await;
        for event in [json!({}), json!([]), json!(null), json!({"headers": 1}), json!({"requestContext": {}})]
        {
            not_an_event(event.clone(), &event.to_string()).await;
        }
    }
}

#[tokio::test]
async fn paths_and_queries_longer_than_any_uri_are_answered() {
    let deployment = Deployment::start().await;
    for contract in CONTRACTS {
        let mut event = deployment.right_sign_in(contract).await;
        for query in ["a".repeat(70_000), "%00".repeat(20_000), "a".repeat(65_534)] {
            event["rawQueryString"] = json!(query);
            assert_eq!(deployment.invoke(contract, event.clone()).await.status, 200, "{contract}");
        }
        for path in ["/a".repeat(40_000), format!("/{}", "ü".repeat(11_000))] {
            let reply = deployment.invoke(contract, at(event.clone(), &path)).await;
            assert_reply(&reply, 404, r#"{"message":"Not Found"}"#, json!({}), contract);
        }
        event["requestContext"]["stage"] = json!("a".repeat(70_000));
        assert_eq!(deployment.invoke(contract, event).await.status, 200, "{contract}");
    }
}
