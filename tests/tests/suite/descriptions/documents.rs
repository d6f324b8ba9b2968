//! Each description agrees with itself and with the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::operations::{self, Maker, Operation, assert_none, resolve};

/// Calls `visit` with each value in this one, and with its place.
fn walk<'v>(at: &str, value: &'v Value, visit: &mut impl FnMut(&str, &'v Value)) {
    visit(at, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, each)| walk(&format!("{at}/{name}"), each, visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, each)| walk(&format!("{at}/{index}"), each, visit));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_description_is_of_this_version() {
    for description in operations::descriptions() {
        let document = &description.document;
        assert_eq!(document["openapi"], json!("3.1.0"), "{}", description.name);
        assert_eq!(document["info"]["version"], json!(env!("CARGO_PKG_VERSION")), "{}", description.name);
    }
}

#[test]
fn every_reference_leads_to_something() {
    for description in operations::descriptions() {
        walk(description.name, &description.document, &mut |_, value| {
            resolve(&description.document, value);
        });
    }
}

#[test]
fn operation_ids_are_unique_and_begin_with_the_name_of_the_contract() {
    let mut seen = BTreeSet::new();
    for operation in operations::all() {
        let id = operation.id();
        assert!(id.starts_with(operation.description.name), "{operation:?} is {id}");
        assert!(seen.insert(id), "{id} is not unique");
    }
}

/// Each link names an operation of its document. What it takes from a reply is in the examples of the reply.
#[test]
fn every_link_leads_to_an_operation_with_what_the_reply_has() {
    for operation in operations::all() {
        for (status, reply) in operation.replies() {
            for (name, link) in reply["links"].as_object().into_iter().flatten() {
                let at = format!("{operation:?}, {status}, {name}");
                let is_linked = |each: &&Operation| {
                    each.description.name == operation.description.name
                        && each.value["operationId"] == link["operationId"]
                };
                assert!(operations::all().iter().any(|each| is_linked(&each)), "{at} leads nowhere");
                let examples = reply["content"]["application/json"]["examples"].as_object().unwrap();
                for pointer in pointers(link) {
                    let has = |example: &Value| example["value"].pointer(&pointer).is_some();
                    assert!(examples.values().any(has), "{at}: no example has {pointer}");
                }
            }
        }
    }
}

/// The members of a reply's body that a link takes, as JSON pointers.
fn pointers(link: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    walk("", link, &mut |_, value| {
        let expression = value.as_str().and_then(|text| text.split_once("$response.body#"));
        pointers.extend(expression.map(|(_, pointer)| pointer.trim_end_matches('}').to_owned()));
    });
    pointers
}

/// A reply has the described members and no others. So a member that is added has to be described.
#[test]
fn every_object_in_a_reply_is_closed() {
    let mut open = Vec::new();
    for operation in operations::all() {
        for (status, reply) in operation.replies() {
            for media_type in reply["content"].as_object().into_iter().flat_map(|content| content.values()) {
                let at = format!("{operation:?}, {status}");
                find_open(&at, &operation.description.document, &media_type["schema"], &mut open);
            }
        }
    }
    assert_none(&open);
}

/// Collects the schemas of objects that take undescribed members, or that require members which they do not describe.
fn find_open(at: &str, document: &Value, schema: &Value, open: &mut Vec<String>) {
    walk(at, schema, &mut |at, value| {
        if let Some(reference) = value["$ref"].as_str() {
            find_open(&format!("{at} {reference}"), document, resolve(document, value), open);
        }
        let is_object = value["type"] == json!("object") || value["properties"].is_object();
        if is_object && value["additionalProperties"] != json!(false) {
            open.push(format!("{at} is open"));
        }
        for name in value["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if value["properties"].get(name).is_none() {
                open.push(format!("{at} requires {name}"));
            }
        }
    });
}

/// HEAD has the statuses and the headers of GET, and no content.
#[test]
fn head_is_described_as_get_without_content() {
    let headers = |operation: &Operation| -> BTreeMap<u64, BTreeMap<String, &Value>> {
        let of_reply = |reply: &'static Value| {
            let headers = reply["headers"].as_object().unwrap();
            headers.iter().map(|(name, header)| (name.clone(), operation.resolve(header))).collect()
        };
        operation.replies().map(|(status, reply)| (status, of_reply(reply))).collect()
    };
    let mut seen = 0;
    for head in operations::all().iter().filter(|each| each.method == "HEAD") {
        assert_eq!(headers(head), headers(&head.of_get()), "{head:?}");
        let has_content = head.replies().any(|(_, reply)| reply.get("content").is_some());
        assert!(!has_content, "{head:?} has content");
        seen += 1;
    }
    assert!(seen > 0, "no operation is HEAD");
}

/// API Gateway can answer any request itself.
#[test]
fn every_operation_describes_the_replies_of_api_gateway() {
    for operation in operations::all() {
        let with_body = operation.request_body().map(|_| 413);
        for status in [429, 500, 503].into_iter().chain(with_body) {
            assert!(operation.reply(status).is_some(), "{operation:?} has no {status}");
            assert!(operation.makers(status).contains(&Maker::Gateway), "{operation:?}, {status}");
        }
    }
    let of_gateway: BTreeSet<String> = operations::descriptions()
        .iter()
        .map(|each| each.document["components"]["schemas"]["GatewayError"].to_string())
        .collect();
    assert_eq!(of_gateway.len(), 1, "{of_gateway:?}");
}
