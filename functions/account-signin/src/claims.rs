//! The access token of this contract. Its refresh tokens are session tokens and have no claims.

use postern::app::TokenSubject;
use postern::audit::Caller;
use postern::identity::User;
use postern::random::random;
use postern::session::SessionToken;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::{CONTRACT, Settings};

/// The claims of the access token. By default it has neither `iss` nor `aud`, and sso recognises it by that.
#[derive(Serialize)]
struct IssuedToken {
    token_type: &'static str,
    exp: u64,
    iat: u64,
    jti: String,
    user_id: u64,
    epoch: u64,
    /// The id of the session. The token ends with the session.
    sid: String,
}

/// The claims that are read of an access token that a client revokes.
#[derive(Deserialize)]
pub(super) struct AccessToken {
    token_type: String,
    user_id: u64,
    iat: f64,
    sid: String,
}

/// Issues an access token that ends with the session.
pub(super) fn access_token(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    user: &User,
    session: &SessionToken,
) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let claims = IssuedToken {
        token_type: "access",
        exp: iat + settings.access_lifetime.as_secs(),
        iat,
        jti: hex::encode(random::<16>()),
        user_id: user.id,
        epoch: user.epoch,
        sid: session.session_id(),
    };
    app.sign(&settings.jwt, &claims)
}

/// Returns the subject of a token, if its claims are those of an access token.
pub(super) fn subject(token: AccessToken) -> Option<TokenSubject> {
    let AccessToken { token_type, user_id, iat, sid } = token;
    let session = Some((CONTRACT, sid));
    (token_type == "access").then_some(TokenSubject { user_id, epoch: None, iat, session })
}
