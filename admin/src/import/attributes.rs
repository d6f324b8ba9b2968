//! The attributes of each contract, and the type of each. An import rejects an attribute of another type, since the
//! contract would answer each sign-in of the user with an error.

use serde_json::{Map, Value, json};

use super::fields::{self, malformed};
use super::reason::Reason;
use super::rows::Record;

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Boolean,
    /// `admin`, `moderator` or `editor`.
    Role,
    Integers,
}

const MEMBERS: [(&str, &str, Kind); 18] = [
    ("email", "avatar", Kind::Text),
    ("email", "first_name", Kind::Text),
    ("email", "last_name", Kind::Text),
    ("email", "number_phone", Kind::Text),
    ("mfa", "bio", Kind::Text),
    ("mfa", "consent", Kind::Integer),
    ("mfa", "control", Kind::Integer),
    ("mfa", "github", Kind::Text),
    ("mfa", "img", Kind::Text),
    ("mfa", "imperial", Kind::Boolean),
    ("mfa", "initial", Kind::Text),
    ("mfa", "language", Kind::Text),
    ("mfa", "newsletter", Kind::Boolean),
    ("mfa", "patron", Kind::Integer),
    ("mfa", "role", Kind::Text),
    ("sso", "ext_id", Kind::Integer),
    ("sso", "role", Kind::Role),
    ("sso", "tags", Kind::Integers),
];

/// Whether a column of CSV, like `email.first_name`, is an attribute.
pub fn is_column(column: &str) -> bool {
    column.split_once('.').is_some_and(|(contract, member)| kind(contract, member).is_some())
}

/// The attributes that contracts read, as columns of CSV.
pub fn columns() -> impl Iterator<Item = String> {
    MEMBERS.iter().map(|(contract, member, _)| format!("{contract}.{member}"))
}

/// Reads the value of an attribute that is written as in a field of CSV. Returns `None` if no contract reads such
/// an attribute.
///
/// # Errors
/// If the text is not of the attribute's type.
pub fn of_text(column: &str, text: &str) -> Result<Option<Value>, Reason> {
    let Some(kind) = column.split_once('.').and_then(|(contract, member)| kind(contract, member)) else {
        return Ok(None);
    };
    let value = kind.read(text).filter(|value| kind.fits(value));
    value.map(Some).ok_or_else(|| malformed(column, kind.wanted()))
}

/// Takes the attributes' columns out of a record of CSV.
///
/// # Errors
/// If a field is not of its member's type.
pub fn of_columns(record: &mut Record) -> Result<Map<String, Value>, Reason> {
    let columns: Vec<String> = record.keys().filter(|column| is_column(column)).cloned().collect();
    let mut attributes = Map::new();
    for column in columns {
        let Some(Value::String(field)) = record.remove(&column) else { continue };
        let Some((contract, member)) = column.split_once('.') else { continue };
        let Some(kind) = kind(contract, member) else { continue };
        let value = kind.read(&field).ok_or_else(|| malformed(&column, kind.wanted()))?;
        let of_contract = attributes.entry(contract).or_insert_with(|| json!({}));
        if let Value::Object(members) = of_contract {
            members.insert(member.to_owned(), value);
        }
    }
    Ok(attributes)
}

/// Checks the types of the members that the contracts read. Any other member may be of any type.
///
/// # Errors
/// If a contract's attributes are not an object, or a member is not of its type.
pub fn check(attributes: &Map<String, Value>) -> Result<(), Reason> {
    for (contract, members) in attributes {
        let path = || format!("attributes.{contract}");
        let members = members.as_object().ok_or_else(|| malformed(&path(), "an object"))?;
        for (member, value) in members {
            let Some(kind) = kind(contract, member) else { continue };
            if !value.is_null() && !kind.fits(value) {
                return Err(malformed(&format!("{}.{member}", path()), kind.wanted()));
            }
        }
    }
    Ok(())
}

fn kind(contract: &str, member: &str) -> Option<Kind> {
    MEMBERS.iter().find(|known| (known.0, known.1) == (contract, member)).map(|known| known.2)
}

impl Kind {
    /// Reads a field of CSV.
    fn read(self, field: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Role => Some(Value::from(field)),
            Self::Integer => fields::whole::<i64>(field).map(Value::from),
            Self::Boolean => match field.to_ascii_lowercase().as_str() {
                "true" | "t" | "1" => Some(Value::Bool(true)),
                "false" | "f" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Integers => {
                let numbers: Option<Vec<i64>> = field.split_whitespace().map(fields::whole).collect();
                numbers.map(Value::from)
            }
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64(),
            Self::Boolean => value.is_boolean(),
            Self::Role => matches!(value.as_str(), Some("admin" | "moderator" | "editor")),
            Self::Integers => value.as_array().is_some_and(|all| all.iter().all(Value::is_i64)),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::Role => "admin, moderator or editor",
            Self::Integers => "whole numbers",
        }
    }
}
