//! Each example is the body of a sample event, or the reply to one.

use postern::http::is_path_of;
use postern_tests::deployment::Reply;
use postern_tests::events::{SampleEvent, redact};
use serde_json::{Map, Value};

use super::requests;
use crate::support::operations::{self, Operation, assert_none};
use crate::support::samples;

/// The sample event of this case for the path of an operation, with its reply. HEAD and POST may share the examples of
/// GET.
async fn sample(operation: &Operation, case: &str) -> Option<&'static (SampleEvent, Reply)> {
    samples::replies().await.iter().find(|(sample, _)| {
        sample.contract == operation.description.name
            && is_path_of(operation.route(), &operations::path(&sample.event))
            && sample.name.ends_with(&format!("/{case}"))
    })
}

/// The examples in a request or a reply: the media type, the schema, the name and the value of each.
fn examples(content: &Value) -> Vec<(&String, &Value, &String, &Value)> {
    let media_types = content["content"].as_object();
    media_types
        .into_iter()
        .flatten()
        .flat_map(|(kind, media_type)| {
            let examples = media_type["examples"].as_object().into_iter().flat_map(Map::iter);
            examples.map(move |(name, example)| (kind, &media_type["schema"], name, &example["value"]))
        })
        .collect()
}

fn redacted(value: &Value) -> Value {
    let mut value = value.clone();
    redact(&mut value);
    value
}

#[tokio::test]
async fn every_example_of_a_request_is_the_body_of_a_sample_event() {
    let mut differences = Vec::new();
    for operation in operations::all() {
        let Some(described) = operation.request_body() else { continue };
        for (kind, schema, case, value) in examples(described) {
            let at = format!("{operation:?}, {kind}, {case}");
            differences.extend(operation.misfits(schema, value).iter().map(|each| format!("{at}: {each}")));
            let body = sample(operation, case).await.and_then(|(sample, _)| requests::body(&sample.event));
            let is_same =
                body.as_ref().is_some_and(|(sent, body)| sent == kind && redacted(body) == redacted(value));
            if !is_same {
                differences.push(format!("{at}: {value} is not the body of the sample event: {body:?}"));
            }
        }
    }
    assert_none(&differences);
}

#[tokio::test]
async fn every_example_of_a_reply_is_the_reply_to_a_sample_event() {
    let mut differences = Vec::new();
    for operation in operations::all() {
        for (status, described) in operation.replies() {
            for (_, schema, case, value) in examples(described) {
                let at = format!("{operation:?}, {status}, {case}");
                differences
                    .extend(operation.misfits(schema, value).iter().map(|each| format!("{at}: {each}")));
                match sample(operation, case).await {
                    None => differences.push(format!("{at}: there is no such sample event")),
                    Some((_, reply)) if reply.status != status => {
                        differences.push(format!("{at}: the reply has {}", reply.status));
                    }
                    Some((_, reply)) if redacted(&reply.json()) != redacted(value) => {
                        differences.push(format!("{at}: {value} is not the reply: {}", reply.json()));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    assert_none(&differences);
}

/// Refusals that a setting makes, and no request. All sample events have the same settings.
const BY_SETTING: [(&str, u64); 1] = [("jwksDiscovery", 404)];

/// A reader sees what each operation answers, also when it refuses.
#[test]
fn every_operation_has_an_example_of_a_success_and_of_a_refusal() {
    for operation in operations::all().iter().filter(|each| each.method != "HEAD") {
        let has_example = |is_success: bool| {
            operation
                .replies()
                .any(|(status, reply)| (status < 300) == is_success && !examples(reply).is_empty())
        };
        let has_no_content = operation.reply(204).is_some();
        assert!(has_example(true) || has_no_content, "{operation:?} has no example of a success");
        let refuses = operation.replies().any(|(status, _)| {
            (300..500).contains(&status)
                && operation.makers(status).contains(&operations::Maker::Function)
                && !BY_SETTING.contains(&(operation.id(), status))
        });
        assert!(!refuses || has_example(false), "{operation:?} has no example of a refusal");
        let takes = operation.request_body().is_none_or(|body| !examples(body).is_empty());
        assert!(takes, "{operation:?} has no example of a request");
    }
}
