//! YAML as JSON values, for `template.yaml` and the descriptions of the contracts.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};
use thiserror::Error;

/// The text is not YAML, or has a part that is not read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct YamlError(String);

impl YamlError {
    /// Names the file that cannot be read.
    pub(crate) fn of(self, file: &str) -> Self {
        Self(format!("{file}: {self}"))
    }
}

/// The ways to read a scalar without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Always a text.
    Text,
    /// `null`, `true`, `false` and numbers are what they are in JSON. Any other scalar is a text. A member
    /// without a value is an error: it is the rest of a text with a comma, as in `{a: one, two}`.
    Json,
}

/// Reads a document. Tags such as `!Ref` are dropped, and their values stay.
///
/// # Errors
/// If the text is not YAML. If a member appears twice, if its name is no text, or if there is an alias. With
/// [`Plain::Json`], if a member has no value.
pub fn read(text: &str, plain: Plain) -> Result<Value, YamlError> {
    let mut events = Parser::new_from_str(text);
    loop {
        match next(&mut events)? {
            Event::StreamStart | Event::DocumentStart(_) => {}
            first => return value(first, &mut events, plain),
        }
    }
}

fn next<'t>(events: &mut Parser<'t, StrInput<'t>>) -> Result<Event<'t>, YamlError> {
    match events.next_event() {
        Some(Ok((event, _))) => Ok(event),
        Some(Err(error)) => Err(YamlError(error.to_string())),
        None => Err(YamlError("it ends too early".to_owned())),
    }
}

/// Reads the value that begins with this event.
fn value<'t>(
    first: Event<'t>,
    events: &mut Parser<'t, StrInput<'t>>,
    plain: Plain,
) -> Result<Value, YamlError> {
    match first {
        Event::Scalar(text, ScalarStyle::Plain, ..) if plain == Plain::Json => json(&text),
        Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(events)? {
                    Event::SequenceEnd => return Ok(Value::Array(items)),
                    item => items.push(value(item, events, plain)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut members = Map::new();
            loop {
                match next(events)? {
                    Event::MappingEnd => return Ok(Value::Object(members)),
                    Event::Scalar(name, ..) => {
                        let first = next(events)?;
                        let value = value(first, events, plain)?;
                        if members.insert(name.to_string(), value).is_some() {
                            return Err(YamlError(format!("{name} appears twice")));
                        }
                    }
                    _ => return Err(YamlError("the name of a member is no text".to_owned())),
                }
            }
        }
        _ => Err(YamlError("aliases are not supported".to_owned())),
    }
}

/// Returns what a scalar without quotes is in JSON.
fn json(text: &str) -> Result<Value, YamlError> {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => Ok(value),
        _ if text.is_empty() => Err(YamlError("a value is missing".to_owned())),
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_without_quotes_have_types_and_others_are_texts() {
        let text = "{a: 1, b: -2.5, c: true, d: null, e: \"\", f: \"200\", g: 'true', h: no, i: {j: [eyJ, \"\"]}, 200: !Ref x}";
        let typed = json!({
            "a": 1, "b": -2.5, "c": true, "d": null, "e": "", "f": "200", "g": "true", "h": "no",
            "i": {"j": ["eyJ", ""]}, "200": "x",
        });
        assert_eq!(read(text, Plain::Json), Ok(typed));
        let texts = read(text, Plain::Text).unwrap();
        for (name, expected) in [("a", "1"), ("c", "true"), ("d", "null"), ("f", "200")] {
            assert_eq!(texts[name], json!(expected), "{name}");
        }
    }

    #[test]
    fn what_is_not_read_is_an_error() {
        for text in ["{a: 1, a: 2}", "{a: one, two}", "a:", "{[a]: 1}", "[&a 1, *a]", "{a", ""] {
            assert!(read(text, Plain::Json).is_err(), "{text}");
        }
    }
}
