//! The profile of a contract's JWTs: their issuer, their audience and their type.
//!
//! Signing writes the profile, and verifying requires it. So a JWT of one contract is not accepted by another
//! (RFC 8725 §3.12). Two contracts may share an issuer. Then their audiences differ.

use serde::Serialize;
use serde_json::Value;

use crate::environment::{ConfigError, Environment};

/// The type of the JWTs of a contract that sets none (RFC 7519 §5.1).
const DEFAULT_TYPE: &str = "JWT";
/// The end of every other type: the structured syntax suffix of a JWT (RFC 8417 §7.2).
const SUFFIX: &str = "+jwt";
/// The most characters before that end.
const MAX_NAME: usize = 60;

/// What a contract's JWTs have in common: the issuer and the audience (RFC 7519 §4.1.1, §4.1.3), and the type in
/// the header (RFC 7515 §4.1.9). A claim that is not set is in no JWT.
#[derive(Clone, Debug, Serialize)]
pub struct JwtProfile {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip)]
    pub(super) typ: String,
    /// The variable that holds the issuer.
    #[serde(skip)]
    variable: &'static str,
}

impl JwtProfile {
    /// Reads the variables of the issuer and of the audience, each with its default, and that of the type.
    /// Without a default, the claim is not set.
    ///
    /// # Errors
    /// If the type is neither `JWT` nor a media subtype in lower case that ends in `+jwt`.
    pub fn from_env(
        env: &Environment,
        (issuer, default_issuer): (&'static str, Option<&str>),
        (audience, default_audience): (&str, Option<&str>),
        typ: &'static str,
    ) -> Result<Self, ConfigError> {
        let name = env.optional(typ).unwrap_or(DEFAULT_TYPE);
        if !is_type(name) {
            let problem = "must be JWT, or end in +jwt, such as at+jwt: before that, 1 to 60 lower case letters, \
                           digits, dots and hyphens, of which the first is a letter or a digit";
            return Err(ConfigError::new(typ, problem));
        }
        Ok(Self {
            iss: env.optional(issuer).or(default_issuer).map(str::to_owned),
            aud: env.optional(audience).or(default_audience).map(str::to_owned),
            typ: name.to_owned(),
            variable: issuer,
        })
    }

    /// Returns the profile of a JWT that only Postern reads: the same issuer, no audience, and the default type.
    #[must_use]
    pub fn for_postern_only(&self) -> Self {
        Self { aud: None, typ: DEFAULT_TYPE.to_owned(), ..self.clone() }
    }

    /// Returns whether a JWT with this type and these claims has this profile. A claim that is not set must not
    /// be in the JWT, and one that is set must be in it as the same string.
    pub(super) fn is_of(&self, typ: Option<&str>, claims: &Value) -> bool {
        let is = |ours: &Option<String>, name: &str| match (ours, claims.get(name)) {
            (Some(ours), Some(Value::String(theirs))) => ours == theirs,
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        self.has_type(typ) && is(&self.iss, "iss") && is(&self.aud, "aud")
    }

    /// Returns whether this is the type. It may have `application/` before it, and its case does not count (RFC
    /// 7515 §4.1.9). Other backends leave the default type out.
    fn has_type(&self, typ: Option<&str>) -> bool {
        let Some(typ) = typ else { return self.typ == DEFAULT_TYPE };
        let name = match typ.split_at_checked("application/".len()) {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case("application/") => name,
            _ => typ,
        };
        name.eq_ignore_ascii_case(&self.typ)
    }

    /// Checks that the JWTs of another contract have another issuer or another audience.
    ///
    /// # Errors
    /// If both are the same.
    pub fn differ_from(&self, other: &Self) -> Result<(), ConfigError> {
        // A contract may accept the tokens of another one, and then reads the same variables.
        if self.variable == other.variable || (&self.iss, &self.aud) != (&other.iss, &other.aud) {
            return Ok(());
        }
        let problem = format!(
            "is the issuer of {} too; their audiences must then differ, and they do not",
            other.variable
        );
        Err(ConfigError::new(self.variable, problem))
    }
}

/// Returns whether a setting is a type.
fn is_type(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name == DEFAULT_TYPE
        || name.strip_suffix(SUFFIX).is_some_and(|name| {
            name.len() <= MAX_NAME
                && name.bytes().next().is_some_and(alphanumeric)
                && name.bytes().all(|byte| alphanumeric(byte) || b".-".contains(&byte))
        })
}
