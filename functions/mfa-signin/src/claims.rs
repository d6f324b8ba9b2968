//! The JWT of this contract.

use std::time::Duration;

use postern::app::TokenSubject;
use postern::audit::Caller;
use postern::identity::User;
use postern::random::random;
use postern::{App, Refusal};
use serde::{Deserialize, Serialize};

use crate::Settings;
use crate::attributes::{Attributes, status};

const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

#[derive(Serialize)]
struct Jwt<'a> {
    #[serde(rename = "_id")]
    id: u64,
    username: &'a str,
    role: &'a str,
    status: i8,
    iat: u64,
    exp: u64,
    epoch: u64,
    /// Random, so that two JWTs of one second differ. One can then stay valid when the other is ended.
    jti: String,
}

/// The claims of a JWT that a client sends.
#[derive(Deserialize)]
pub(super) struct PresentedJwt {
    #[serde(rename = "_id")]
    id: u64,
    iat: f64,
    epoch: Option<u64>,
}

impl PresentedJwt {
    /// Returns the subject of a JWT.
    pub(super) fn subject(self) -> TokenSubject {
        let Self { id: user_id, iat, epoch } = self;
        TokenSubject { user_id, epoch, iat, session: None }
    }
}

/// Issues a JWT to a user.
///
/// # Errors
/// If the key cannot sign.
pub(super) fn issue(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    user: &User,
    attributes: &Attributes,
) -> Result<String, Refusal> {
    let iat = caller.now.secs();
    let claims = Jwt {
        id: user.id,
        username: &user.username,
        role: &attributes.role,
        status: status(user.status),
        iat,
        exp: iat + LIFETIME.as_secs(),
        epoch: user.epoch,
        jti: hex::encode(random::<16>()),
    };
    app.sign(&settings.jwt, &claims)
}
