//! The fields of a request's body, and their errors in the framework's format. All fields with an error are
//! listed, in the order in which they are read.

use lambda_http::http::StatusCode;
use postern::http::{self, BodyError, Forms, Request, Response};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The longest username and session information, in Unicode code points.
const MAX_CHARACTERS: usize = 190;

/// The members of a body, and the errors of the fields that were read so far.
pub(super) struct Fields {
    members: Map<String, Value>,
    errors: FieldErrors,
}

/// The fields with an error, and the message of each.
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
    /// Makes the error of one field. `problem` completes a sentence that begins with the field.
    pub(super) fn one(field: &'static str, problem: &str) -> Self {
        let mut errors = Self::none(StatusCode::UNPROCESSABLE_ENTITY);
        errors.add(field, problem);
        errors
    }

    /// Makes the reply that lists the errors.
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
    /// Reads the fields of a request. A body that cannot be read has no fields. If it is too large, or has an
    /// unsupported encoding, the reply has a status of its own.
    pub(super) fn of(request: &Request) -> Self {
        let members = http::members(request, Forms::UrlencodedAndMultipart);
        let error = members.as_ref().err().copied().unwrap_or(BodyError::Malformed);
        let errors = FieldErrors::none(error.status(StatusCode::UNPROCESSABLE_ENTITY));
        Self { members: members.unwrap_or_default(), errors }
    }

    /// Returns a text, and adds no error if it is missing.
    pub(super) fn peek(&self, field: &str) -> Option<&str> {
        self.members.get(field).and_then(Value::as_str)
    }

    /// Returns a value that was made from the fields, if no field has an error.
    pub(super) fn finish<T>(self, value: T) -> Result<T, FieldErrors> {
        if self.errors.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }

    /// Adds the error of a field. `problem` completes a sentence that begins with the field.
    pub(super) fn refuse(&mut self, field: &'static str, problem: &str) {
        self.errors.add(field, problem);
    }

    /// Returns a required text. If there is none, adds an error and returns an empty text.
    pub(super) fn required(&mut self, field: &'static str) -> String {
        let text = self.text(field);
        if text.as_ref().is_some_and(Option::is_none) {
            self.refuse(field, "field is required.");
        }
        text.flatten().unwrap_or_default()
    }

    /// Returns a required text, and adds an error if it is too long.
    pub(super) fn required_short(&mut self, field: &'static str) -> String {
        let text = self.required(field);
        self.limit(field, &text);
        text
    }

    /// Returns an optional text, and adds an error if it is too long.
    pub(super) fn optional_short(&mut self, field: &'static str) -> Option<String> {
        let text = self.text(field).flatten();
        self.limit(field, text.as_deref().unwrap_or_default());
        text
    }

    /// Returns a boolean. Like the framework, reads 0, 1, "0" and "1" too.
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

    /// Returns the code in this field, if there is one. The MFA code is in `token`.
    pub(super) fn code(&self, field: &str) -> Option<String> {
        http::typed_code(&self.members, field)
    }

    /// Returns a text, or `Some(None)` if there is none. If the member has another type, adds an error and
    /// returns `None`.
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
