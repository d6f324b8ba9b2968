//! The requests of the sample events are as described, with their credentials.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Body;
use lambda_http::http::header::CONTENT_TYPE;
use postern::http::{Forms, Request, members};
use postern_tests::events::SampleEvent;
use serde_json::{Map, Value, json};

use super::shown::{self, Shown, WITHOUT_CREDENTIALS};
use crate::support::operations::{self, Operation, assert_none};
use crate::support::samples;

/// The media type of an event's body, and the body as a contract reads it. Nothing if there is no body, or if it
/// cannot be read.
pub(super) fn body(event: &Value) -> Option<(&'static str, Value)> {
    let text = event["body"].as_str()?;
    let bytes = match event["isBase64Encoded"] == Value::Bool(true) {
        true => STANDARD.decode(text).unwrap(),
        false => text.as_bytes().to_vec(),
    };
    let is_json = bytes.trim_ascii_start().starts_with(b"{");
    let content_type = event["headers"]["content-type"].as_str().unwrap_or_default();
    let mut request = Request::new(Body::Binary(bytes));
    request.headers_mut().insert(CONTENT_TYPE, content_type.parse().unwrap());
    let kind = match media_type(event) {
        _ if is_json => "application/json",
        "multipart/form-data" => "multipart/form-data",
        _ => "application/x-www-form-urlencoded",
    };
    let members = members(&request, Forms::UrlencodedAndMultipart).ok()?;
    Some((kind, Value::Object(members)))
}

fn media_type(event: &Value) -> &str {
    event["headers"]["content-type"].as_str().unwrap_or_default().split(';').next().unwrap_or_default()
}

#[tokio::test]
async fn every_request_that_succeeds_is_as_described() {
    let mut differences = Vec::new();
    for (sample, reply) in samples::replies().await {
        let Some(operation) = operations::of(sample).filter(|_| reply.status < 300) else { continue };
        let Some(described) = operation.request_body() else { continue };
        let found = match body(&sample.event) {
            None if described["required"] == Value::Bool(true) => vec!["the body is missing".to_owned()],
            None => vec![],
            Some((kind, body)) => match described["content"].get(kind) {
                None => vec![format!("{kind} is not described")],
                Some(_) if described["content"].get(media_type(&sample.event)).is_none() => {
                    vec![format!("{} is not described", media_type(&sample.event))]
                }
                Some(content) => operation.misfits(&content["schema"], &body),
            },
        };
        differences.extend(found.iter().map(|each| format!("{operation:?}, {}: {each}", sample.name)));
    }
    assert_none(&differences);
}

/// The credentials of a request that succeeds are those of a described security scheme. If the operation asks for some,
/// the request has them, and without them the reply is 401.
#[tokio::test]
async fn credentials_are_sent_exactly_where_they_are_described() {
    for (sample, reply) in samples::replies().await {
        let Some(operation) = operations::of(sample).filter(|_| reply.status < 300) else { continue };
        let at = format!("{operation:?}, {}", sample.name);
        let sent = schemes(&operation).into_iter().filter(|scheme| is_sent(scheme, &sample.event)).count();
        let all_sent = usize::from(!sample.event["headers"]["authorization"].is_null())
            + usize::from(sample.event["rawQueryString"] != json!(""));
        assert_eq!(sent, all_sent, "{at}: the credentials are not described");
        assert!(
            sent > 0 || !operation.asks_for_credentials(),
            "{at}: the described credentials are not sent"
        );
    }
    let mut seen = 0;
    for Shown { operation, how, reply, .. } in shown::all().await {
        if how == WITHOUT_CREDENTIALS {
            assert_eq!(reply.status, 401, "{operation:?}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no operation asks for credentials");
}

/// The security schemes of an operation.
fn schemes(operation: &Operation) -> Vec<&'static Value> {
    let all = &operation.description.document["components"]["securitySchemes"];
    let alternatives = operation.security().iter().filter_map(Value::as_object);
    alternatives.flat_map(|schemes| schemes.keys()).map(|name| all.get(name).unwrap()).collect()
}

/// Whether an event has the credentials of a scheme.
fn is_sent(scheme: &Value, event: &Value) -> bool {
    let authorization = event["headers"]["authorization"].as_str().unwrap_or_default().to_lowercase();
    match (scheme["type"].as_str(), scheme["scheme"].as_str(), scheme["in"].as_str()) {
        (Some("http"), Some(name), None) => authorization.starts_with(&format!("{name} ")),
        (Some("apiKey"), None, Some("query")) => {
            event["queryStringParameters"].get(scheme["name"].as_str().unwrap()).is_some()
        }
        _ => panic!("{scheme} is not checked"),
    }
}

/// A request that a contract refuses as malformed must not fit the schema.
#[tokio::test]
async fn request_that_is_malformed_does_not_fit_its_schema() {
    let is_malformed = |sample: &SampleEvent| {
        let (_, case) = sample.name.split_once('/').unwrap();
        case.starts_with("malformed") || case.starts_with("missing")
    };
    let mut seen = 0;
    for (sample, reply) in samples::replies().await.iter().filter(|(sample, _)| is_malformed(sample)) {
        let operation = operations::of(sample)
            .unwrap_or_else(|| panic!("{}/{} has no operation", sample.contract, sample.name));
        let Some((kind, body)) = body(&sample.event) else { continue };
        let Some(described) = operation.request_body() else { continue };
        let schema = &described["content"][kind]["schema"];
        assert!(reply.status >= 400, "{operation:?}, {}", sample.name);
        assert!(!operation.misfits(schema, &body).is_empty(), "{operation:?}, {} fits {schema}", sample.name);
        seen += 1;
    }
    assert!(seen > 0, "no sample event is malformed");
}

/// Members that no sample event sends, but other tests do.
const OF_OTHER_TESTS: [(&str, &str); 3] = [
    ("accountRevokeToken", "token_type_hint"),
    ("sessionChangePassword", "token"),
    ("sessionSignOut", "token"),
];

/// A member that no contract reads would be in no sample event.
#[tokio::test]
async fn every_described_member_of_a_request_is_in_a_sample_event() {
    let mut differences = Vec::new();
    for operation in operations::all() {
        let Some(described) = operation.request_body() else { continue };
        let mut names = BTreeSet::new();
        for media_type in described["content"].as_object().unwrap().values() {
            collect_names(operation, &media_type["schema"], &mut names);
        }
        for (sample, _) in samples::replies().await {
            let is_its = operations::of(sample).is_some_and(|of| of.value == operation.value);
            if let Some((_, body)) = is_its.then(|| body(&sample.event)).flatten() {
                names.retain(|name| body.get(name.as_str()).is_none());
            }
        }
        let id = operation.value["operationId"].as_str().unwrap();
        for name in names {
            if !OF_OTHER_TESTS.contains(&(id, name)) {
                differences.push(format!("{operation:?}: no sample event sends {name}"));
            }
        }
    }
    assert_none(&differences);
}

/// Collects the names of the members in a schema and in its alternatives.
fn collect_names(operation: &Operation, schema: &'static Value, names: &mut BTreeSet<&'static String>) {
    let schema = operation.resolve(schema);
    names.extend(schema["properties"].as_object().into_iter().flat_map(Map::keys));
    for alternatives in ["allOf", "anyOf", "oneOf"] {
        for part in schema[alternatives].as_array().into_iter().flatten() {
            collect_names(operation, part, names);
        }
    }
}
