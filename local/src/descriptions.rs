//! The descriptions of the contracts and of the key set: the OpenAPI documents in `docs/api`.

use serde_json::Value;

use crate::yaml::{self, Plain, YamlError};

/// The description of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The contract's name, or `jwks`.
    pub name: &'static str,
    /// The OpenAPI 3.1 document.
    pub document: Value,
}

/// Lists the descriptions: the name of each.
macro_rules! files {
    ($($name:literal),+) => {
        [$(($name, include_str!(concat!("../../docs/api/", $name, ".yaml")))),+]
    };
}

/// The name and the YAML of each description.
const FILES: [(&str, &str); 6] = files!["account", "sso", "session", "mfa", "email", "jwks"];

/// Returns the descriptions that this program was built with.
///
/// # Errors
/// If one of them is not YAML.
pub fn all() -> Result<Vec<Description>, YamlError> {
    let read = |(name, text)| match yaml::read(text, Plain::Json) {
        Ok(document) => Ok(Description { name, document }),
        Err(error) => Err(error.of(&format!("docs/api/{name}.yaml"))),
    };
    FILES.into_iter().map(read).collect()
}
