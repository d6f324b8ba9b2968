//! Each member and each word that a description has for a reply is in some reply. So a wrong word is found, even if it
//! stands beside right ones in an `enum`. A member that is not required is missing in some reply.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shown::{self, Shown};
use crate::support::operations::{self, Operation, assert_none};

/// A place in a description: the name of the description, and a JSON pointer.
type Place = (&'static str, String);

/// A schema at its place.
#[derive(Clone)]
struct Schema<'o> {
    operation: &'o Operation,
    pointer: String,
    value: &'static Value,
}

impl<'o> Schema<'o> {
    /// The schema at this pointer of the document, or the one to which it refers.
    fn at(operation: &'o Operation, pointer: String) -> Self {
        let value = operation.description.document.pointer(&pointer).unwrap();
        match value["$ref"].as_str() {
            Some(reference) => Self::at(operation, reference.trim_start_matches('#').to_owned()),
            None => Self { operation, pointer, value },
        }
    }

    fn place(&self, rest: &str) -> Place {
        (self.operation.description.name, format!("{}{rest}", self.pointer))
    }

    /// The place of a member, as a reply without it shows it.
    fn absence(&self, rest: &str) -> Place {
        self.place(&format!("{rest}, which is not required,"))
    }

    fn requires(&self, name: &str) -> bool {
        self.value["required"].as_array().is_some_and(|required| required.iter().any(|each| each == name))
    }

    fn below(&self, rest: &str) -> Self {
        Self::at(self.operation, format!("{}{rest}", self.pointer))
    }

    /// The places of a list in this schema, such as the words of `enum`, with their values.
    fn list(&self, name: &'static str) -> impl Iterator<Item = (String, &'static Value)> + use<> {
        let items = self.value[name].as_array().into_iter().flatten().enumerate();
        items.map(move |(index, value)| (format!("/{name}/{index}"), value))
    }

    fn properties(&self) -> impl Iterator<Item = (&'static String, String)> + use<> {
        let properties = self.value["properties"].as_object().into_iter().flatten();
        properties.map(|(name, _)| (name, format!("/properties/{name}")))
    }

    /// Collects all places that a reply can show.
    fn describe(&self, places: &mut BTreeSet<Place>) {
        for (rest, _) in self.list("enum").chain(self.list("type")) {
            places.insert(self.place(&rest));
        }
        for (name, rest) in self.properties() {
            places.insert(self.place(&rest));
            if !self.requires(name) {
                places.insert(self.absence(&rest));
            }
            self.below(&rest).describe(places);
        }
        for (rest, _) in self.list("oneOf") {
            places.insert(self.place(&rest));
            self.below(&rest).describe(places);
        }
        if self.value.get("items").is_some() {
            self.below("/items").describe(places);
        }
    }

    /// Collects the places that this part of a reply shows.
    fn show(&self, part: &Value, places: &mut BTreeSet<Place>) {
        let words = self.list("enum").filter(|(_, word)| *word == part);
        let types = self.list("type").filter(|(_, name)| is_of_type(part, name));
        for (rest, _) in words.chain(types) {
            places.insert(self.place(&rest));
        }
        for (name, rest) in self.properties() {
            match part.get(name) {
                Some(member) => {
                    places.insert(self.place(&rest));
                    self.below(&rest).show(member, places);
                }
                None => {
                    places.insert(self.absence(&rest));
                }
            }
        }
        for (rest, alternative) in self.list("oneOf") {
            if self.operation.misfits(alternative, part).is_empty() {
                places.insert(self.place(&rest));
                self.below(&rest).show(part, places);
            }
        }
        for item in part.as_array().into_iter().flatten().filter(|_| self.value.get("items").is_some()) {
            self.below("/items").show(item, places);
        }
    }
}

fn is_of_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

/// The schema of an operation's replies with this status.
fn schema(operation: &Operation, status: u64) -> Option<Schema<'_>> {
    let reply = operation.value["responses"].get(status.to_string())?;
    let path = operation.path.replace('/', "~1");
    let method = operation.method.to_lowercase();
    let pointer = match reply["$ref"].as_str() {
        Some(reference) => reference.trim_start_matches('#').to_owned(),
        None => format!("/paths/{path}/{method}/responses/{status}"),
    };
    let content = operation.resolve(reply).get("content")?;
    let kind = content.as_object().unwrap().keys().next().unwrap().replace('/', "~1");
    Some(Schema::at(operation, format!("{pointer}/content/{kind}/schema")))
}

#[tokio::test]
async fn every_member_and_word_of_a_reply_is_shown_by_a_reply() {
    let (mut described, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for operation in operations::all() {
        for (status, _) in operation.replies() {
            if let Some(schema) = schema(operation, status) {
                schema.describe(&mut described);
            }
        }
    }
    for Shown { operation, reply, .. } in shown::all().await {
        if let Some(schema) = schema(operation, reply.status) {
            schema.show(&reply.json(), &mut shown);
        }
    }
    let missing: Vec<String> = described
        .difference(&shown)
        .map(|(name, pointer)| format!("{name}: no reply shows {pointer}"))
        .collect();
    assert!(!shown.is_empty());
    assert_none(&missing);
}
