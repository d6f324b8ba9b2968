//! The JWT of this contract.

use std::time::Duration;

use postern::app::TokenSubject;
use postern::audit::Caller;
use postern::identity::User;
use postern::token::{ClaimedParties, Parties};
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::Settings;

/// The lifetime of a JWT: an hour, as on the contract's page.
const LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Serialize)]
struct Jwt<'a> {
    #[serde(flatten)]
    parties: &'a Parties,
    sub: u64,
    iat: u64,
    exp: u64,
    epoch: u64,
}

/// The claims of a JWT that a client sends.
#[derive(Deserialize)]
pub(super) struct PresentedJwt {
    #[serde(flatten)]
    parties: ClaimedParties,
    sub: u64,
    iat: f64,
    epoch: Option<u64>,
}

impl PresentedJwt {
    /// Returns the subject of a JWT, if its claims are those of this contract.
    pub(super) fn subject(self, settings: &Settings) -> Option<TokenSubject> {
        let Self { parties, sub: user_id, iat, epoch } = self;
        settings.parties.are(&parties).then_some(TokenSubject { user_id, epoch, iat, session: None })
    }
}

/// Issues a JWT to a user.
///
/// # Errors
/// If the key cannot sign.
pub(super) fn issue(app: &App, settings: &Settings, caller: &Caller, user: &User) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let exp = iat + LIFETIME.as_secs();
    let claims = Jwt { parties: &settings.parties, sub: user.id, iat, exp, epoch: user.epoch };
    app.sign(&claims)
}
