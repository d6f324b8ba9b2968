//! The routes of the template: each leads a request to the function that answers it, and none is left over. They rest only
//! on what API Gateway's guide says.

use std::collections::BTreeSet;

use lambda_http::http::{Method, StatusCode};
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use postern::http::{Edge, invoke, json, route};
use postern_local::functions::Function;
use postern_local::gateway;
use postern_local::gateway::route_table::{Chosen, DEFAULT, RouteTable};
use postern_local::template::Template;
use postern_tests::deployment::{Deployment, Reply};
use postern_tests::{binary, events};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

/// The part before the base path's route in the event of that sample.
const BASE_PATH: &str = "/auth";

/// The keys of the template's routes, each with the binary of its function.
fn keys() -> Vec<(String, String)> {
    Template::embedded().unwrap().routes().unwrap()
}

/// A method, a path, and the binary of the function that answers them.
type Request = (String, String, String);

/// Each request that a function answers: every route, with its slash and without it, and HEAD where there is GET.
async fn requests() -> Vec<Request> {
    let deployment = Deployment::start().await;
    let mut requests = Vec::new();
    for function in deployment.functions() {
        for (method, path) in function.routes {
            let head = (method == Method::GET).then_some(Method::HEAD);
            for method in [method.clone()].into_iter().chain(head) {
                for path in [(*path).to_owned(), format!("{path}/")] {
                    requests.push((method.to_string(), path, function.binary()));
                }
            }
        }
    }
    requests
}

/// The table of the template's routes. Each leads to the binary of its function.
fn table() -> RouteTable<String> {
    RouteTable::new(keys()).unwrap()
}

#[tokio::test]
async fn every_route_reaches_its_function_in_both_slash_forms() {
    let (requests, table) = (requests().await, table());
    assert!(requests.len() > 30);
    for (method, path, binary) in requests {
        let target = table.find(&method, &path).map(|chosen| chosen.target);
        assert_eq!(target, Some(&binary), "{method} {path}");
    }
}

#[tokio::test]
async fn every_route_of_the_template_is_chosen_for_a_request() {
    let (requests, table) = (requests().await, table());
    let chosen: BTreeSet<&str> =
        requests.iter().filter_map(|(method, path, _)| Some(table.find(method, path)?.key)).collect();
    let keys = keys();
    assert_eq!(chosen, keys.iter().map(|(key, _)| key.as_str()).collect());
}

/// The guide does not say how a path with a slash at its end matches a route without one. Whichever it is, the request
/// reaches the same function. It does not say either in which order methods and paths are compared, or that the rest of a
/// greedy variable may be empty.
#[tokio::test]
async fn template_relies_on_documented_matches_only() {
    let keys = keys();
    for (key, _) in &keys {
        let (method, path) = key.split_once(' ').unwrap();
        assert!(["DELETE", "GET", "HEAD", "POST"].contains(&method), "{key}");
        let variable = ["{path+}", "{id}"].into_iter().find(|variable| path.ends_with(variable));
        let literal = variable.map_or(path, |variable| path.strip_suffix(variable).unwrap());
        assert!(!literal.contains(['{', '}']) && variable.is_some() == literal.ends_with('/'), "{key}");
    }
    let table = table();
    for (method, path, binary) in requests().await {
        let chosen = table.find(&method, &path).unwrap();
        let expected = match path.strip_suffix('/') {
            None => format!("{method} {path}"),
            Some(without) => {
                let (parent, name) = without.rsplit_once('/').unwrap();
                assert_eq!(chosen.parameters["path"], format!("{name}/"), "{method} {path}");
                // If the slash did not count, the route without it would match.
                assert_eq!(table.find(&method, without).unwrap().target, &binary, "{method} {path}");
                format!("{method} {parent}/{{path+}}")
            }
        };
        assert_eq!(chosen.key, expected);
    }
}

/// The route that API Gateway chooses for a sample event of this function, or `$default`.
fn chosen<'r>(table: &'r RouteTable<Function>, event: &Value, contract: &str) -> (&'r str, Value) {
    let path = event["rawPath"].as_str().unwrap();
    let path = path.strip_prefix(BASE_PATH).unwrap_or(path);
    match table.find(event["requestContext"]["http"]["method"].as_str().unwrap(), path) {
        Some(Chosen { key, target, parameters }) if target.name == contract => match parameters.is_empty() {
            true => (key, Value::Null),
            false => (key, json!(parameters)),
        },
        _ => (DEFAULT, Value::Null),
    }
}

/// An event with `$default` is one that no API of this template sends to its function: of a method that no route has.
#[tokio::test]
async fn sample_events_are_as_api_gateway_sends_them() {
    let deployment = Deployment::start().await;
    let table = gateway::routes(&Template::embedded().unwrap(), deployment.functions()).unwrap();
    for sample in events::all(None) {
        let (event, name) = (&sample.event, format!("{}/{}", sample.contract, sample.name));
        let (key, parameters) = chosen(&table, event, &sample.contract);
        assert_eq!(
            (event["routeKey"].as_str(), &event["pathParameters"]),
            (Some(key), &parameters),
            "{name}"
        );
        assert_eq!(event["requestContext"]["routeKey"], event["routeKey"], "{name}");
        assert_eq!(event["requestContext"]["http"]["path"], event["rawPath"], "{name}");
        assert!(key != DEFAULT || name.ends_with("/wrong-method"), "{name}");
    }
}

/// Whatever a caller writes into the path, the function answers on a route that matches what API Gateway matched.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn caller_reaches_only_routes_that_api_gateway_matched() {
    let deployment = Deployment::start().await;
    let routes: Vec<(Method, &str)> =
        deployment.functions().iter().flat_map(|function| function.routes.iter().cloned()).collect();
    let paths: Vec<String> = routes.iter().map(|(_, path)| (*path).to_owned()).collect();
    let hostile =
        ["", "/", "//", "..", "%2F", "%2e%2e", "{path+}", "?", "#", "\0", "ü", "POST /signin", "$default"];
    let texts = [paths.clone(), hostile.map(str::to_owned).to_vec()].concat();
    let text = proptest::collection::vec(select(texts), 0..4).prop_map(|parts| parts.concat());
    let below = (select(paths), 0..20_usize).prop_map(|(path, from)| {
        let from = path.char_indices().map(|(at, _)| at).nth(from).unwrap_or(path.len());
        format!("{}/", &path[from..])
    });
    let value = prop_oneof![text.clone(), below];
    let strategy = (select(keys()), value, text);
    let config = Config { cases: 2_000, failure_persistence: None, ..Config::default() };
    tokio::task::block_in_place(|| {
        TestRunner::new(config)
            .run(&strategy, |((key, _), value, raw)| {
                let method = key.split_once(' ').unwrap().0.to_owned();
                let event = json!({
                    "version": "2.0",
                    "routeKey": key,
                    "rawPath": raw,
                    "pathParameters": {"path": value, "id": value},
                    "requestContext": {"http": {"method": method, "path": raw}},
                });
                let Some(reached) = route_of(event, &routes) else { return Ok(()) };
                let matched = RouteTable::new([(key.clone(), ())]).unwrap();
                let is_matched = |path: &str| matched.find(&method, path).is_some();
                // AWS's page does not say whether the variable may be empty. If it is, the path is the one above it.
                let is_above = value.is_empty() && key == format!("{method} {reached}/{{path+}}");
                assert!(
                    is_above || is_matched(&reached) || is_matched(&format!("{reached}/")),
                    "{key}: {value} is {reached}"
                );
                Ok(())
            })
            .unwrap();
    });
}

/// The route on which a function with these routes answers an event.
fn route_of(event: Value, routes: &[(Method, &str)]) -> Option<String> {
    let edge = Edge::default();
    let reply = invoke(
        &edge,
        |request| std::future::ready(json(StatusCode::OK, &route(&request, routes))),
        LambdaEvent::new(to_raw_value(&event).unwrap(), Context::default()),
    );
    let reply = tokio::runtime::Handle::current().block_on(reply).unwrap();
    Reply::of(&serde_json::to_value(reply).unwrap()).json().as_str().map(str::to_owned)
}

/// A route that is missing there fails here and not only under `cargo lambda watch`.
#[tokio::test]
async fn every_route_is_in_cargo_lambda_watch() {
    let manifest = std::fs::read_to_string(binary::in_workspace("Cargo.toml")).unwrap();
    for (_, path, binary) in requests().await {
        assert!(manifest.contains(&format!("\n\"{path}\" = \"{binary}\"\n")), "{path}");
    }
}
