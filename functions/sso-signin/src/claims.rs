//! The access tokens that this contract reads. It issues none.

use postern::app::TokenSubject;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The claims of an access token. A refresh token of another backend has another `token_type`.
#[derive(Deserialize)]
pub(super) struct AccessToken {
    #[serde(deserialize_with = "user_id")]
    user_id: u64,
    #[serde(rename = "token_type")]
    _token_type: TokenType,
    iat: f64,
    #[serde(rename = "jti")]
    _jti: Jti,
    epoch: Option<u64>,
    /// The id of the token's session. A token of another backend has none.
    sid: Option<String>,
}

/// Reads a user's id: a number, or its decimal digits in a string, as djangorestframework-simplejwt 5.5
/// writes it.
fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Digits(String),
    }
    match Id::deserialize(deserializer)? {
        Id::Number(id) => Ok(id),
        Id::Digits(digits) => {
            let id = digits.parse().ok().filter(|id: &u64| id.to_string() == digits);
            id.ok_or_else(|| D::Error::custom("no user id"))
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenType {
    Access,
}

/// The id of the token: a text, or a number from some other backends.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its presence and its type count")]
enum Jti {
    Text(String),
    Number(serde_json::Number),
}

impl AccessToken {
    /// Returns the subject of a token.
    pub(super) fn subject(self) -> TokenSubject {
        let Self { user_id, iat, epoch, sid, .. } = self;
        let session = sid.map(|id| ("account", id));
        TokenSubject { user_id, epoch, iat, session }
    }
}
