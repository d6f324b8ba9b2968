//! The parties of a contract's tokens: who issues them, and for whom.
//!
//! Two contracts may share an issuer. Then their audiences differ, so that a token of one of them is not
//! accepted by the other (RFC 8725 §3.12).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::environment::{ConfigError, Environment};

/// The issuer and the audience of a contract's tokens, as a token names them (RFC 7519 §4.1.1, §4.1.3). A claim
/// that is not set is in no token.
#[derive(Clone, Debug, Serialize)]
pub struct Parties {
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    /// The variable that holds the issuer.
    #[serde(skip)]
    variable: &'static str,
}

/// The issuer and the audience that a client's token claims.
#[derive(Debug, Deserialize)]
pub struct ClaimedParties {
    #[serde(default, deserialize_with = "present")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    aud: Option<Value>,
}

impl Parties {
    /// Reads two variables, each with its default. Without a default, the claim is not set.
    pub fn from_env(
        env: &Environment,
        (issuer, default_issuer): (&'static str, Option<&str>),
        (audience, default_audience): (&str, Option<&str>),
    ) -> Self {
        Self {
            iss: env.optional(issuer).or(default_issuer).map(str::to_owned),
            aud: env.optional(audience).or(default_audience).map(str::to_owned),
            variable: issuer,
        }
    }

    /// Returns the same issuer without an audience, as for a token that only Postern reads.
    #[must_use]
    pub fn without_audience(&self) -> Self {
        Self { aud: None, ..self.clone() }
    }

    /// Returns whether a token claims these parties. A claim that is not set must not be in the token, and one
    /// that is set must be in it as the same string.
    pub fn are(&self, claimed: &ClaimedParties) -> bool {
        let is = |ours: &Option<String>, theirs: &Option<Value>| match (ours, theirs) {
            (Some(ours), Some(Value::String(theirs))) => ours == theirs,
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        is(&self.iss, &claimed.iss) && is(&self.aud, &claimed.aud)
    }

    /// Checks that the tokens of another contract have another issuer or another audience.
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

/// Reads a claim that is there, null included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
