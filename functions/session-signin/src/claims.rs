//! The JWT of this contract, and where its clients send it.

use std::time::Duration;

use postern::app::TokenSubject;
use postern::audit::{self, Caller};
use postern::http::{self, Request, Response};
use postern::identity::User;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::errors::refuse_token;

/// The lifetime of a JWT: an hour, as on the contract's page.
const LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
struct Jwt {
    sub: u64,
    iat: u64,
    exp: u64,
    epoch: u64,
}

/// The claims of a JWT that a client sends.
#[derive(Deserialize)]
struct PresentedJwt {
    sub: u64,
    iat: f64,
    epoch: Option<u64>,
}

impl PresentedJwt {
    /// Returns the subject of a JWT.
    fn subject(self) -> TokenSubject {
        let Self { sub: user_id, iat, epoch } = self;
        TokenSubject { user_id, epoch, iat, session: None }
    }
}

/// Returns the JWT of a request: the query parameter `token`, since this contract's clients send it there, or
/// the bearer token.
pub(super) fn presented_jwt(request: &Request) -> Option<&str> {
    http::query(request, "token").filter(|token| !token.is_empty()).or_else(|| http::bearer(request))
}

/// Verifies a JWT, and returns its subject.
///
/// # Errors
/// If there is no JWT, or if it is expired or invalid. The error is the reply, and its audit event is emitted.
pub(super) async fn subject(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    token: Option<&str>,
) -> Result<TokenSubject, Response> {
    let subject = app.claims(caller, &settings.jwt, token, |jwt: PresentedJwt| Some(jwt.subject())).await;
    subject.map_err(|refusal| {
        audit::session(caller, refusal.outcome(), None);
        refuse_token(refusal)
    })
}

/// Issues a JWT to a user.
///
/// # Errors
/// If the key cannot sign.
pub(super) fn issue(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let exp = iat + LIFETIME.as_secs();
    let claims = Jwt { sub: user.id, iat, exp, epoch: user.epoch };
    app.sign(&settings.jwt, &claims)
}
