//! `POST /api/auth/signin`: username and password for a JWT, and for a session token if the client asks to
//! stay signed in.

use postern::app::{AcceptedNames, Attempt, SignedIn};
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::password::Password;
use postern::session::{SessionRequest, SessionSecret};
use postern::{App, Refusal};
use serde::Serialize;

use crate::errors::refuse;
use crate::fields::{FieldErrors, Fields};
use crate::{CONTRACT, Settings, claims};

/// The members of the body.
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Password,
    pub(super) session_information: Option<String>,
    pub(super) stay_logged_in: bool,
    pub(super) code: Option<String>,
}

#[derive(Serialize)]
struct Success {
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<String>,
}

/// Signs a user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err(errors) => return errors.reply(),
    };
    let outcome = app.sign_in(caller, credentials.attempt(settings)).await;
    let reply = outcome.and_then(|signed_in| success(app, settings, caller, &signed_in));
    reply.unwrap_or_else(|refusal| refuse(&refusal))
}

impl Credentials {
    /// Returns the attempt to sign in with these credentials.
    pub(super) fn attempt(&self, settings: &Settings) -> Attempt<'_> {
        Attempt {
            name: &self.username,
            names: AcceptedNames::Username,
            readable: |_| Ok(()),
            password: &self.password,
            code: self.code.as_deref(),
            session: self.stay_logged_in.then(|| SessionRequest {
                kind: CONTRACT,
                device: self.session_information.clone(),
                secret: SessionSecret::random_base62(),
                idle: settings.session_idle,
                absolute: settings.session_absolute,
            }),
        }
    }
}

fn parse(request: &Request) -> Result<Credentials, FieldErrors> {
    let mut fields = Fields::of(request);
    let credentials = Credentials {
        username: fields.required_short("username"),
        password: fields.required("password").into(),
        session_information: fields.optional_short("session_information"),
        stay_logged_in: fields.boolean("stay_logged_in"),
        code: fields.code("token"),
    };
    fields.finish(credentials)
}

/// Returns whether the body holds credentials. For the fuzzer.
#[cfg(fuzzing)]
pub fn read(request: &Request) -> bool {
    parse(request).is_ok()
}

/// Makes the reply to a successful sign-in.
pub(super) fn success(
    app: &App,
    settings: &Settings,
    caller: &Caller,
    signed_in: &SignedIn,
) -> Result<Response, Refusal> {
    let token = claims::issue(app, settings, caller, &signed_in.user)?;
    let session_token = signed_in.session.as_ref().map(|session| session.to_plain());
    Ok(http::token_json(&Success { token, session_token }))
}
