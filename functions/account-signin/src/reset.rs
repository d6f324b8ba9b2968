//! `POST /api/v2/account/reset/`: the code of a link for a new password, and the sign-in with it.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::Reset;
use postern::audit::Caller;
use postern::http::{self, Forms, Request, Response};
use postern::password::Password;
use postern::password_reset::ResetCode;

use crate::Settings;
use crate::errors::{ErrorEntry, Errors, refuse, refuse_reset};
use crate::sign_in::{field, malformed, session, success};

/// The members of the body.
struct NewPassword {
    code: ResetCode,
    password: Password,
    mfa_code: Option<String>,
}

/// Resets a password, and signs the user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let new = match parse(request) {
        Ok(new) => new,
        Err((status, errors)) => return http::json(status, &Errors { errors }),
    };
    let mfa_code = new.mfa_code.as_deref();
    let reset = Reset { password: &new.password, mfa_code, session: Some(session(settings)) };
    match app.reset_by_link(caller, &new.code, reset).await {
        Ok(signed_in) => {
            success(app, settings, caller, &signed_in).unwrap_or_else(|refusal| refuse(&refusal))
        }
        Err(refusal) => refuse_reset(refusal),
    }
}

fn parse(request: &Request) -> Result<NewPassword, (StatusCode, Vec<ErrorEntry>)> {
    let members = http::members(request, Forms::UrlencodedAndMultipart).map_err(malformed)?;
    match (field(&members, "validation_code"), field(&members, "password")) {
        (Ok(code), Ok(password)) => Ok(NewPassword {
            code: ResetCode::of(&code),
            password: password.into(),
            mfa_code: http::mfa_code(&members),
        }),
        (code, password) => {
            let errors = [code.err(), password.err()].into_iter().flatten().collect();
            Err((StatusCode::BAD_REQUEST, errors))
        }
    }
}

/// Returns whether the body holds a new password. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_reset(request: &Request) -> bool {
    parse(request).is_ok()
}
