//! The tokens of this contract. A refresh token carries a session token in its claims.

use std::time::Duration;

use postern::app::{SignedIn, TokenSubject};
use postern::audit::Caller;
use postern::random::random;
use postern::session::{SessionSecret, SessionToken};
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::Settings;

#[derive(Serialize)]
struct Jwt<'a> {
    token_type: &'static str,
    exp: u64,
    iat: u64,
    jti: &'a str,
    user_id: u64,
    epoch: u64,
    /// The family of the session. Only the refresh token has it, and its `jti` is the session's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
}

/// The claims of a refresh token that a client sends.
#[derive(Deserialize)]
pub(super) struct RefreshToken {
    token_type: String,
    user_id: u64,
    sid: String,
    jti: String,
}

/// The claims of an access token that a client sends.
#[derive(Deserialize)]
pub(super) struct AccessToken {
    token_type: String,
    user_id: u64,
    iat: f64,
    epoch: Option<u64>,
}

/// An access token and a refresh token.
#[derive(Serialize)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl AccessToken {
    /// Returns whether the claims are those of an access token.
    pub(super) fn is_of_type(&self) -> bool {
        self.token_type == "access"
    }

    /// Returns the subject of a token, if its claims are those of an access token.
    pub(super) fn subject(self) -> Option<TokenSubject> {
        let is_access = self.is_of_type();
        let Self { user_id, iat, epoch, .. } = self;
        is_access.then_some(TokenSubject { user_id, epoch, iat, session: None })
    }
}

/// Issues the two tokens of a session.
pub(super) fn issue(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    signed_in: &SignedIn,
) -> Result<Tokens, Refusal> {
    let session = signed_in.session.as_ref().ok_or(Refusal::Fault)?;
    let iat = caller.now.secs();
    let claims = |token_type, lifetime: Duration, jti, sid| Jwt {
        token_type,
        exp: iat + lifetime.as_secs(),
        iat,
        jti,
        user_id: signed_in.user.id,
        epoch: signed_in.user.epoch,
        sid,
    };
    let jti = hex::encode(random::<16>());
    let access = claims("access", settings.access_lifetime, &jti, None);
    let lifetime = settings.refresh_lifetime.min(settings.session_absolute);
    let refresh = claims("refresh", lifetime, &session.secret, Some(&session.family));
    Ok(Tokens {
        access: app.sign(&settings.jwt, &access)?,
        refresh: app.sign(&settings.refresh_jwt, &refresh)?,
    })
}

/// Returns the session token in a refresh token, if its claims are those of one.
pub(super) fn session_of(token: RefreshToken) -> Option<SessionToken> {
    let RefreshToken { token_type, user_id, sid: family, jti: secret } = token;
    (token_type == "refresh").then(|| SessionToken { user_id, family, secret: SessionSecret::hex(secret) })
}
