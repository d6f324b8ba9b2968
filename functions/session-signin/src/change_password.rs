//! `POST /api/auth/changePasswordAfterSignin`: the change of a password that must be changed, and the sign-in
//! with the new password.

use lambda_http::http::StatusCode;
use postern::App;
use postern::app::PasswordChange;
use postern::audit::Caller;
use postern::http::{self, Request, Response};
use postern::password::{Password, PasswordPolicy, WeakPassword};

use crate::Settings;
use crate::errors::{Error, refuse, weakness};
use crate::fields::{FieldErrors, Fields};
use crate::sign_in::{Credentials, success};

const NEW_PASSWORD: &str = "new_password";

/// Changes the password of a user who must change it, and signs the user in.
pub(super) async fn handle(app: &App, settings: &Settings, caller: &Caller, request: &Request) -> Response {
    let (credentials, new_password) = match parse_change(app.password_policy(), request) {
        Ok(parsed) => parsed,
        Err(errors) => return errors.reply(),
    };
    let reply = match app.change_password(caller, credentials.attempt(settings), &new_password).await {
        Ok(PasswordChange::Changed(signed_in)) => success(app, settings, caller, &signed_in),
        Ok(PasswordChange::NotNeeded) => {
            let msg = "User does not need to change his password";
            let error_code = "no_password_change_needed_for_user";
            Ok(http::json(StatusCode::BAD_REQUEST, &Error { msg, error_code }))
        }
        Ok(PasswordChange::Weak(weak)) => Ok(FieldErrors::one(NEW_PASSWORD, &weakness(weak)).reply()),
        Err(refusal) => Err(refusal),
    };
    reply.unwrap_or_else(|refusal| refuse(&refusal))
}

/// Reads the credentials, with the old password, and the new password.
fn parse_change(policy: &PasswordPolicy, request: &Request) -> Result<(Credentials, Password), FieldErrors> {
    let mut fields = Fields::of(request);
    let username = fields.required_short("username");
    let password = Password::from(fields.required("old_password"));
    let new_password = Password::from(fields.required(NEW_PASSWORD));
    // These checks need no user, so they come before an attempt is charged.
    if !new_password.is_empty() {
        if new_password == password {
            fields.refuse(NEW_PASSWORD, &weakness(WeakPassword::Unchanged));
        } else if let Err(weak) = policy.check(&new_password, &[&username]) {
            fields.refuse(NEW_PASSWORD, &weakness(weak));
        }
    }
    let credentials = Credentials {
        username,
        password,
        session_information: fields.optional_short("session_information"),
        stay_logged_in: fields.boolean("stay_logged_in"),
        code: fields.code("token"),
    };
    fields.finish((credentials, new_password))
}

/// Returns whether the body holds a change of password. For the fuzzer.
#[cfg(fuzzing)]
pub fn read_change(request: &Request) -> bool {
    parse_change(&PasswordPolicy::DEFAULT, request).is_ok()
}
