//! `POST /api/token/`: username and password for a refresh token and an access token, as the framework's
//! `TokenObtainPairView`. It signs in as the contract's sign-in does.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::{AcceptedNames, Attempt};
use postern::audit::Caller;
use postern::http::{self, Forms, Request, Response};
use postern::password::Password;
use serde::Serialize;

use crate::claims::Tokens;
use crate::errors::refuse_credentials;
use crate::fields::{REQUIRED, text};
use crate::sign_in::session;
use crate::{Settings, claims};

/// The members of the body.
struct Credentials {
    username: String,
    password: Password,
    code: Option<String>,
}

#[derive(Serialize)]
struct Success {
    refresh: String,
    access: String,
}

/// The errors of the fields that are wrong.
#[derive(Serialize)]
struct FieldErrors {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<[&'static str; 1]>,
}

/// Signs a user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let credentials = match parse(request) {
        Ok(credentials) => credentials,
        Err((status, errors)) => return http::json(status, &errors),
    };
    let attempt = Attempt {
        name: &credentials.username,
        // The framework takes the `USERNAME_FIELD` of the product's user model. That is Django's own, the username.
        names: AcceptedNames::Username,
        readable: |_| Ok(()),
        password: &credentials.password,
        code: credentials.code.as_deref(),
        session: Some(session(settings)),
    };
    let outcome = match app.sign_in(caller, attempt).await {
        Ok(signed_in) => claims::issue(app, settings, caller, &signed_in)
            .map(|Tokens { access, refresh }| http::token_json(&Success { refresh, access })),
        Err(refusal) => Err(refusal),
    };
    outcome.unwrap_or_else(|refusal| refuse_credentials(&refusal))
}

fn parse(request: &Request) -> Result<Credentials, (StatusCode, FieldErrors)> {
    let members = http::members(request, Forms::UrlencodedAndMultipart).map_err(|body| {
        let errors = FieldErrors { username: Some([REQUIRED]), password: Some([REQUIRED]) };
        (body.status(StatusCode::BAD_REQUEST), errors)
    })?;
    match (text(&members, "username"), text(&members, "password")) {
        (Ok(username), Ok(password)) => {
            Ok(Credentials { username, password: password.into(), code: http::mfa_code(&members) })
        }
        (username, password) => {
            let error = |field: Result<String, _>| field.err().map(|error| [error]);
            let errors = FieldErrors { username: error(username), password: error(password) };
            Err((StatusCode::BAD_REQUEST, errors))
        }
    }
}
