//! The operations of the descriptions in `docs/api`, and whether a reply is as its operation says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::{Validator, draft202012};
use postern::http::is_path_of;
use postern_local::descriptions::{self, Description};
use postern_local::gateway::route_table::DEFAULT;
use postern_tests::deployment::Reply;
use postern_tests::events::SampleEvent;
use serde_json::{Value, json};

/// The methods that OpenAPI has, as it names them.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The schema of API Gateway's own replies, as other schemas refer to it.
const GATEWAY_ERROR: &str = "#/components/schemas/GatewayError";

/// The headers that are not described. The first is of the transfer. API Gateway adds the others to every reply to a
/// request with `Origin`, but browsers read them only in the reply to a preflight (Fetch, "CORS protocol").
const NOT_DESCRIBED: [&str; 4] = [
    "content-length",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
];

/// Who makes a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    /// The function of the contract.
    Function,
    /// API Gateway itself, without the function.
    Gateway,
}

/// An operation of a description.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) description: &'static Description,
    /// The method in upper case.
    pub(crate) method: &'static str,
    /// The path as it is written.
    pub(crate) path: &'static str,
    pub(crate) value: &'static Value,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.description.name, self.method, self.path)
    }
}

/// All descriptions.
pub(crate) fn descriptions() -> &'static [Description] {
    static ALL: LazyLock<Vec<Description>> = LazyLock::new(|| descriptions::all().unwrap());
    &ALL
}

/// All operations of all descriptions.
pub(crate) fn all() -> &'static [Operation] {
    static ALL: LazyLock<Vec<Operation>> =
        LazyLock::new(|| descriptions().iter().flat_map(operations).collect());
    &ALL
}

fn operations(description: &'static Description) -> Vec<Operation> {
    let paths = description.document["paths"].as_object().unwrap();
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, value) in item.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{}: {path} has {method}", description.name);
            let method: &'static str = method.to_uppercase().leak();
            operations.push(Operation { description, method, path, value });
        }
    }
    operations
}

/// The path that the functions see of an event, without the slash at its end.
pub(crate) fn path(event: &Value) -> String {
    let key = event["routeKey"].as_str().unwrap();
    let path = match key.split_once(' ') {
        None => {
            assert_eq!(key, DEFAULT);
            event["rawPath"].as_str().unwrap().to_owned()
        }
        Some((_, route)) => {
            let parameters = event["pathParameters"].as_object().into_iter().flatten();
            parameters.fold(route.to_owned(), |path, (name, value)| {
                let value = value.as_str().unwrap();
                path.replace(&format!("{{{name}+}}"), value).replace(&format!("{{{name}}}"), value)
            })
        }
    };
    path.strip_suffix('/').unwrap_or(&path).to_owned()
}

/// The method of an event.
pub(crate) fn method(event: &Value) -> &str {
    event["requestContext"]["http"]["method"].as_str().unwrap()
}

/// The operation that a sample event asks for, if its path has one with its method.
pub(crate) fn of(sample: &SampleEvent) -> Option<Operation> {
    let path = path(&sample.event);
    let is_asked = |operation: &&Operation| {
        operation.description.name == sample.contract
            && is_path_of(operation.route(), &path)
            && operation.method == method(&sample.event)
    };
    all().iter().find(is_asked).copied()
}

impl Operation {
    pub(crate) fn id(&self) -> &'static str {
        self.value["operationId"].as_str().unwrap()
    }

    /// The path without the slash at its end.
    pub(crate) fn route(&self) -> &'static str {
        self.path.strip_suffix('/').unwrap_or(self.path)
    }

    /// What a reference leads to, or the value itself.
    pub(crate) fn resolve(&self, value: &'static Value) -> &'static Value {
        resolve(&self.description.document, value)
    }

    /// The alternatives of credentials. An operation without its own has those of the document.
    pub(crate) fn security(&self) -> &'static [Value] {
        let of_document = &self.description.document["security"];
        self.value.get("security").unwrap_or(of_document).as_array().unwrap()
    }

    /// Whether a request without credentials is refused.
    pub(crate) fn asks_for_credentials(&self) -> bool {
        !self.security().is_empty() && !self.security().contains(&json!({}))
    }

    /// The request body, if one is described.
    pub(crate) fn request_body(&self) -> Option<&'static Value> {
        self.value.get("requestBody").map(|body| self.resolve(body))
    }

    /// The statuses of the described replies, with the replies.
    pub(crate) fn replies(&self) -> impl Iterator<Item = (u64, &'static Value)> {
        let replies = self.value["responses"].as_object().unwrap();
        replies.iter().map(|(status, reply)| (status.parse().unwrap(), self.resolve(reply)))
    }

    /// The described reply with this status.
    pub(crate) fn reply(&self, status: u64) -> Option<&'static Value> {
        self.replies().find(|(each, _)| *each == status).map(|(_, reply)| reply)
    }

    /// The schema of the replies with this status. That of HEAD is that of GET, whose body it leaves out.
    fn schema(&self, status: u64) -> Option<&'static Value> {
        let with_body = if self.method == "HEAD" { self.of_get() } else { *self };
        Some(&with_body.reply(status)?["content"]["application/json"]["schema"])
    }

    /// The operation with the method GET at the same path.
    pub(crate) fn of_get(&self) -> Self {
        let at_path = |each: &&Self| each.route() == self.route() && each.method == "GET";
        *all().iter().find(at_path).unwrap_or_else(|| panic!("{self:?} has no GET"))
    }

    /// Who makes the described replies with this status: the function, API Gateway or both.
    pub(crate) fn makers(&self, status: u64) -> Vec<Maker> {
        let schema = self.schema(status).unwrap_or_else(|| panic!("{self:?}: GET has no {status}"));
        let gateway = json!({"$ref": GATEWAY_ERROR});
        let is_alternative =
            |schema: &Value| schema["oneOf"].as_array().is_some_and(|of| of.contains(&gateway));
        match schema {
            schema if *schema == gateway => vec![Maker::Gateway],
            schema if is_alternative(schema) => vec![Maker::Function, Maker::Gateway],
            _ => vec![Maker::Function],
        }
    }

    /// Why a value does not fit a schema of this description. Empty if it fits.
    pub(crate) fn misfits(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
        let mut made = MADE.lock().unwrap();
        let validator = made.entry(format!("{} {schema}", self.description.name)).or_insert_with(|| {
            let root = json!({"components": self.description.document["components"], "allOf": [schema]});
            let validator = draft202012::options().should_validate_formats(true).build(&root);
            Arc::new(validator.unwrap_or_else(|error| panic!("{self:?}: {schema}: {error}")))
        });
        Arc::clone(validator)
    }

    /// How a reply differs from the description. Empty if it is as described.
    pub(crate) fn differences(&self, reply: &Reply, maker: Maker) -> Vec<String> {
        let Some(described) = self.reply(reply.status) else {
            return vec![format!("{} is not described", reply.status)];
        };
        let mut differences = self.header_differences(reply, described, maker);
        if !self.makers(reply.status).contains(&maker) {
            differences.push(format!("{maker:?} is not described to make it"));
        }
        let content = described.get("content");
        if self.method == "HEAD" {
            differences.extend(content.map(|_| "HEAD has no content".to_owned()));
            return differences;
        }
        if content.is_none() && reply.text.is_empty() {
            return differences;
        }
        let kind = reply.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(media_type) = content.and_then(|content| content.get(kind)) else {
            differences.push(format!("{kind} is not described"));
            return differences;
        };
        let body = reply.json();
        differences.extend(self.misfits(&media_type["schema"], &body));
        // Where both make replies, they are told apart by the body.
        let both = self.makers(reply.status).len() > 1;
        let is_gateways = self.misfits(&json!({"$ref": GATEWAY_ERROR}), &body).is_empty();
        if both && is_gateways != (maker == Maker::Gateway) {
            differences.push(format!("{maker:?} does not make {body}"));
        }
        differences
    }

    /// A header that is described, or is not `required` only because API Gateway's own replies lack it, is in every
    /// reply of the function. The headers for CORS are in replies to a request with `Origin`.
    fn header_differences(&self, reply: &Reply, described: &'static Value, maker: Maker) -> Vec<String> {
        let mut differences = Vec::new();
        let both = self.makers(reply.status).len() > 1;
        let mut names = vec!["content-type".to_owned()];
        for (name, header) in described["headers"].as_object().unwrap() {
            let (name, header) = (name.to_lowercase(), self.resolve(header));
            let is_always_there = header["required"] == json!(true);
            let is_of_functions = both && maker == Maker::Function && !name.starts_with("access-control-");
            match reply.header(&name) {
                None if is_always_there || is_of_functions => differences.push(format!("{name} is missing")),
                None => {}
                Some(text) => differences.extend(self.header_misfit(&name, &header["schema"], text)),
            }
            names.push(name);
        }
        for name in reply.headers.as_object().unwrap().keys() {
            if !names.contains(name) && !NOT_DESCRIBED.contains(&name.as_str()) {
                differences.push(format!("{name} is not described"));
            }
        }
        differences
    }

    fn header_misfit(&self, name: &str, schema: &'static Value, text: &str) -> Option<String> {
        let number = text.parse::<u64>().map(Value::from);
        let values = [Some(json!(text)), number.ok()];
        let fits = values.iter().flatten().any(|value| self.misfits(schema, value).is_empty());
        (!fits).then(|| format!("{name} is {text}"))
    }
}

/// What a reference leads to, or the value itself.
pub(crate) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => {
            let found = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
            resolve(document, found.unwrap_or_else(|| panic!("{reference} leads to nothing")))
        }
    }
}

/// Fails with all of these differences.
#[track_caller]
pub(crate) fn assert_none(differences: &[String]) {
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}
