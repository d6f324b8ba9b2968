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

/// The name and the YAML of each description.
const FILES: &[(&str, &str)] = &[
    ("account", include_str!("../../docs/api/account.yaml")),
    ("sso", include_str!("../../docs/api/sso.yaml")),
    ("session", include_str!("../../docs/api/session.yaml")),
    ("mfa", include_str!("../../docs/api/mfa.yaml")),
    ("email", include_str!("../../docs/api/email.yaml")),
    ("jwks", include_str!("../../docs/api/jwks.yaml")),
];

/// Returns the descriptions that this program was built with.
///
/// # Errors
/// If one of them is not YAML.
pub fn all() -> Result<Vec<Description>, YamlError> {
    let read = |(name, text): &(&'static str, &str)| {
        yaml::read(text, Plain::Json).map(|document| Description { name, document })
    };
    FILES.iter().map(read).collect()
}
