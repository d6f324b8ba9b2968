//! The members of a request's body, and what is wrong with them in the framework's words: every failing field listed, in
//! the order in which they are asked for.

use lambda_http::http::StatusCode;
use postern::http::{self, BodyError, Forms, Request, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The longest username and session information, in Unicode code points.
const MAX_CHARACTERS: usize = 190;

/// The members, and what is wrong with those that were asked for so far.
pub(super) struct Fields {
    members: Map<String, Value>,
    errors: FieldErrors,
}

/// What is wrong with each field.
pub(super) struct FieldErrors {
    status: StatusCode,
    errors: Vec<(&'static str, String)>,
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.errors.iter().map(|(field, message)| (field, [message])))
    }
}

impl FieldErrors {
    /// One field, and what is wrong with it in a sentence that begins with the field.
    pub(super) fn one(field: &'static str, problem: &str) -> Self {
        let mut errors = Self::none(StatusCode::UNPROCESSABLE_ENTITY);
        errors.add(field, problem);
        errors
    }

    /// The reply that lists them.
    pub(super) fn reply(&self) -> Response {
        http::json(self.status, self)
    }

    const fn none(status: StatusCode) -> Self {
        Self { status, errors: Vec::new() }
    }

    fn add(&mut self, field: &'static str, problem: &str) {
        self.errors.push((field, format!("The {} {problem}", field.replace('_', " "))));
    }
}

impl Fields {
    /// A body that cannot be read is a request without fields. One that is too large or of an unsupported encoding has
    /// a status of its own.
    pub(super) fn of(request: &Request) -> Self {
        let members = http::members(request, Forms::UrlencodedAndMultipart);
        let error = members.as_ref().err().copied().unwrap_or(BodyError::Malformed);
        let errors = FieldErrors::none(error.status(StatusCode::UNPROCESSABLE_ENTITY));
        Self { members: members.unwrap_or_default(), errors }
    }

    /// A text that nothing is said about if it is not there.
    pub(super) fn peek(&self, field: &str) -> Option<&str> {
        self.members.get(field).and_then(Value::as_str)
    }

    /// What was made of the fields, if nothing was wrong with them.
    pub(super) fn all_right<T>(self, value: T) -> Result<T, FieldErrors> {
        if self.errors.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }

    /// Adds what is wrong with a field, in a sentence that begins with the field.
    pub(super) fn refuse(&mut self, field: &'static str, problem: &str) {
        self.errors.add(field, problem);
    }

    /// A text that must be there. Empty where that was refused.
    pub(super) fn required(&mut self, field: &'static str) -> String {
        let text = self.text(field);
        if text.as_ref().is_some_and(Option::is_none) {
            self.refuse(field, "field is required.");
        }
        text.flatten().unwrap_or_default()
    }

    /// The same, and not too long.
    pub(super) fn required_short(&mut self, field: &'static str) -> String {
        let text = self.required(field);
        self.limit(field, &text);
        text
    }

    /// A text that may be there, and is not too long.
    pub(super) fn optional_short(&mut self, field: &'static str) -> Option<String> {
        let text = self.text(field).flatten();
        self.limit(field, text.as_deref().unwrap_or_default());
        text
    }

    /// `true`, `false`, and the 0, 1, "0" and "1" that the framework takes for them.
    pub(super) fn boolean(&mut self, field: &'static str) -> bool {
        let value = match self.members.get(field) {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::Number(number)) => match number.as_u64() {
                Some(0) => Some(false),
                Some(1) => Some(true),
                _ => None,
            },
            Some(Value::String(text)) => match text.as_str() {
                "0" => Some(false),
                "1" => Some(true),
                _ => None,
            },
            Some(Value::Array(_) | Value::Object(_)) => None,
        };
        if value.is_none() {
            self.refuse(field, "field must be true or false.");
        }
        value.unwrap_or_default()
    }

    /// The MFA code, if there is one.
    pub(super) fn code(&self) -> Option<String> {
        http::mfa_code(&self.members)
    }

    /// A text, `None` inside where there is none, and outside where it is something else, which is refused.
    fn text(&mut self, field: &'static str) -> Option<Option<String>> {
        match self.members.get(field) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.refuse(field, "must be a string.");
                None
            }
        }
    }

    fn limit(&mut self, field: &'static str, text: &str) {
        if text.chars().count() > MAX_CHARACTERS {
            self.refuse(field, "may not be greater than 190 characters.");
        }
    }
}
