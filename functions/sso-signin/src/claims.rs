//! The access tokens that this contract reads. It issues none.

use postern::app::TokenSubject;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// What the token must say. Another contract's token has an issuer or an audience; a refresh token, another type.
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
    /// The session that the token belongs to; one minted elsewhere has none.
    sid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    iss: bool,
    #[serde(default, deserialize_with = "present")]
    aud: bool,
}

/// A user's id: a number, or its decimal digits in a string, as djangorestframework-simplejwt 5.5 writes it.
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

/// A claim is there, whatever it is, null included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TokenType {
    Access,
}

/// Other backends number their tokens.
#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "that it is there and of one of these types is all that counts")]
enum Jti {
    Text(String),
    Number(serde_json::Number),
}

impl AccessToken {
    /// The subject of a token that is not another contract's by its claims.
    pub(super) fn subject(self) -> Option<TokenSubject> {
        let Self { user_id, iat, epoch, sid, iss, aud, .. } = self;
        let session = sid.map(|id| ("account", id));
        (!iss && !aud).then_some(TokenSubject { user_id, epoch, iat, session })
    }
}
